#include "tests/catalog/support.h"

#include <filesystem>

namespace leat::catalog {

using runtime::Task;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "leat-catalog-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void run_on_shard(const std::function<Task<>()>& main) {
  const auto runtime = runtime::RealRuntime::create({.shards = 1, .io_threads = 2});
  bool ended = false;
  // Not a coroutine: it makes one.
  runtime->run([&] {
    ended = true;
    return main();
  });
  EXPECT_TRUE(ended);
}

Task<Result<Revision>> put(Catalog& catalog, std::string key, std::string value) {
  Commit request;
  request.puts.push_back({std::move(key), std::move(value)});
  co_return co_await catalog.commit(std::move(request));
}

Task<Result<Revision>> remove(Catalog& catalog, std::string key) {
  Commit request;
  request.deletes.push_back(std::move(key));
  co_return co_await catalog.commit(std::move(request));
}

Task<std::string> listing(Catalog& catalog, std::string prefix) {
  std::vector<std::string> prefixes{std::move(prefix)};
  auto snapshot = co_await catalog.snapshot(std::move(prefixes));
  if (!snapshot) co_return "error: " + snapshot.error().message;
  std::string text;
  for (const Entry& entry : snapshot->entries) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", entry.key, entry.value);
  }
  co_return text;
}

std::string to_text(const Changes& changes) {
  std::string text;
  for (const Change& change : changes.changes) {
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", change.value ? "" : "-", change.key);
    if (change.value) text += "=" + *change.value;
  }
  return text;
}

}  // namespace leat::catalog
