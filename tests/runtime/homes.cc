#include "tests/runtime/homes.h"

#include <cstdlib>

#include "runtime/file.h"
#include "runtime/real.h"
#include "runtime/sim.h"

namespace leat::runtime::testing {
namespace {

class RealHome final : public Home {
 public:
  explicit RealHome(std::uint32_t shards) : runtime_(RealRuntime::create({.shards = shards, .io_threads = 2})) {
    std::string pattern = join_path(::testing::TempDir(), "leat-runtime-XXXXXX");
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder for the test");
    folder_ = pattern;
  }
  ~RealHome() override { (void)real_files().remove_all(folder_); }
  std::vector<Shard*> shards() override { return runtime_->shards(); }
  void run(std::function<Task<>()> main) override { runtime_->run(std::move(main)); }
  std::string folder() const override { return folder_; }
  FileSystem& files() override { return real_files(); }

 private:
  std::unique_ptr<RealRuntime> runtime_;
  std::string folder_;
};

class SimulatedHome final : public Home {
 public:
  SimulatedHome(std::uint32_t shards, std::uint64_t seed) : world_(seed, {.shards = shards}) {
    (void)world_.files().create_directories(folder());
  }
  std::vector<Shard*> shards() override { return world_.shards(); }
  void run(std::function<Task<>()> main) override { world_.run(std::move(main)); }
  std::string folder() const override { return "/data"; }
  FileSystem& files() override { return world_.files(); }

 private:
  sim::SimWorld world_;
};

}  // namespace

std::unique_ptr<Home> make_real_home(std::uint32_t shards) { return std::make_unique<RealHome>(shards); }

std::unique_ptr<Home> make_simulated_home(std::uint32_t shards, std::uint64_t seed) {
  return std::make_unique<SimulatedHome>(shards, seed);
}

InEachHome::InEachHome() {
  const std::string& name = GetParam();
  home_ = name == "real" ? make_real_home(3) : make_simulated_home(3, std::stoull(name.substr(name.find('_') + 1)));
}

std::string InEachHome::path(std::string_view name) const { return join_path(home_->folder(), name); }

std::vector<std::string> all_homes() { return {"real", "seed_1", "seed_2", "seed_3", "seed_4"}; }

std::string home_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace leat::runtime::testing
