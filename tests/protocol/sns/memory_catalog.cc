#include "tests/protocol/sns/memory_catalog.h"

namespace leat::sns::testing {

using runtime::Task;

Task<Result<catalog::Snapshot>> MemoryCatalog::snapshot(std::vector<std::string> prefixes) {
  if (is_offline_) co_return fail(Errc::io, "planted");
  catalog::Snapshot out;
  for (const auto& [key, value] : entries_) {
    const bool is_asked = std::ranges::any_of(prefixes, [&key](const auto& prefix) { return key.starts_with(prefix); });
    if (is_asked) out.entries.push_back({key, value, catalog::Revision(1)});
  }
  co_return out;
}

Task<Result<catalog::Revision>> MemoryCatalog::commit(catalog::Commit request) {
  if (is_offline_) co_return fail(Errc::io, "planted");
  entries_.merge(other_);
  for (const catalog::Condition& condition : request.conditions) {
    if (entries_.contains(condition.key) != (condition.modified != catalog::kAbsent))
      co_return fail(Errc::version_conflict, "somebody was faster");
  }
  for (catalog::Put& put : request.puts) entries_[put.key] = std::move(put.value);
  for (const std::string& key : request.deletes) entries_.erase(key);
  co_return catalog::Revision(1);
}

Result<std::unique_ptr<catalog::Watch>> MemoryCatalog::watch(std::vector<std::string>, catalog::Revision) {
  return fail(Errc::unsupported, "nobody watches");
}
Task<Result<catalog::LeaseId>> MemoryCatalog::grant_lease(Milliseconds) { co_return fail(Errc::unsupported, ""); }
Task<Status> MemoryCatalog::keep_alive(catalog::LeaseId) { co_return fail(Errc::unsupported, ""); }
Task<Status> MemoryCatalog::release_lease(catalog::LeaseId) { co_return fail(Errc::unsupported, ""); }
Task<Status> MemoryCatalog::close() { co_return Status{}; }

}  // namespace leat::sns::testing
