#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/shard.h"
#include "runtime/task.h"

// Tests of the runtime's contract run in each home: the machine's and the simulated one.
namespace leat::runtime::testing {

class Home {
 public:
  virtual ~Home() = default;
  [[nodiscard]] virtual std::vector<Shard*> shards() = 0;
  // Runs a coroutine on shard 0 to its end.
  virtual void run(std::function<Task<>()> main) = 0;
  // An empty folder, gone with the home.
  [[nodiscard]] virtual std::string folder() const = 0;
  [[nodiscard]] virtual FileSystem& files() = 0;
};

std::unique_ptr<Home> make_real_home(std::uint32_t shards);
std::unique_ptr<Home> make_simulated_home(std::uint32_t shards, std::uint64_t seed);

// A fixture with a home of three shards, for each home and, of the simulated one, for some seeds.
class InEachHome : public ::testing::TestWithParam<std::string> {
 protected:
  InEachHome();
  void run(std::function<Task<>()> main) { home_->run(std::move(main)); }
  [[nodiscard]] Shard& shard(std::size_t i) { return *home_->shards().at(i); }
  [[nodiscard]] FileSystem& files() { return home_->files(); }
  [[nodiscard]] std::string path(std::string_view name) const;
  [[nodiscard]] bool real() const { return GetParam() == "real"; }

  std::unique_ptr<Home> home_;
};

std::vector<std::string> all_homes();
std::string home_name(const ::testing::TestParamInfo<std::string>& info);

#define LEAT_IN_EACH_HOME(Fixture)                                                                     \
  INSTANTIATE_TEST_SUITE_P(Homes, Fixture, ::testing::ValuesIn(::leat::runtime::testing::all_homes()), \
                           ::leat::runtime::testing::home_name)

}  // namespace leat::runtime::testing

// EXPECT_TRUE that ends the coroutine.
#define CO_REQUIRE(condition)                 \
  do {                                        \
    if (!(condition)) {                       \
      ADD_FAILURE() << "failed: " #condition; \
      co_return;                              \
    }                                         \
  } while (false)
