#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "catalog/catalog.h"
#include "runtime/file.h"
#include "runtime/real.h"
#include "runtime/task.h"

// gtest's ASSERT_* return from the function, which a coroutine cannot.
#define CO_ASSERT_TRUE(condition)                  \
  do {                                             \
    if (!(condition)) {                            \
      ADD_FAILURE() << "not true: " << #condition; \
      co_return;                                   \
    }                                              \
  } while (false)
// The same for a Result, with its error.
#define CO_ASSERT_OK(expression)                                                              \
  do {                                                                                        \
    if (auto&& checked = (expression); !checked) {                                            \
      ADD_FAILURE() << #expression << ": " << ::leat::to_string(checked.error().code) << ": " \
                    << checked.error().message;                                               \
      co_return;                                                                              \
    }                                                                                         \
  } while (false)

namespace leat::catalog {

// A folder that is gone at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs a coroutine on the only shard of a real runtime, to its end.
void run_on_shard(const std::function<runtime::Task<>()>& main);

template <class T>
Errc error_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::internal : result.error().code;
}
template <class T>
std::string message_of(const Result<T>& result) {
  return result ? std::string() : result.error().message;
}

// Commits of one put, for tests that need nothing else.
runtime::Task<Result<Revision>> put(Catalog& catalog, std::string key, std::string value);
runtime::Task<Result<Revision>> remove(Catalog& catalog, std::string key);
// "key=value key=value" of all below a prefix.
runtime::Task<std::string> listing(Catalog& catalog, std::string prefix);
std::string to_text(const Changes& changes);

}  // namespace leat::catalog
