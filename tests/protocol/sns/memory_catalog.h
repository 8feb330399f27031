#pragma once

#include <map>

#include "catalog/catalog.h"

namespace leat::sns::testing {

// Entries in memory: as much of a catalog as the signing key needs.
class MemoryCatalog final : public catalog::Catalog {
 public:
  runtime::Task<Result<catalog::Snapshot>> snapshot(std::vector<std::string> prefixes) override;
  runtime::Task<Result<catalog::Revision>> commit(catalog::Commit request) override;
  Result<std::unique_ptr<catalog::Watch>> watch(std::vector<std::string> prefixes, catalog::Revision after) override;
  runtime::Task<Result<catalog::LeaseId>> grant_lease(Milliseconds ttl) override;
  runtime::Task<Status> keep_alive(catalog::LeaseId lease) override;
  runtime::Task<Status> release_lease(catalog::LeaseId lease) override;
  runtime::Task<Status> close() override;

  // While it is set every call fails.
  void set_offline(bool is_offline) { is_offline_ = is_offline; }
  [[nodiscard]] std::map<std::string, std::string>& entries() { return entries_; }
  // Another node's entry, made just before the next commit.
  void make_before_commit(std::string key, std::string value) { other_.emplace(std::move(key), std::move(value)); }

 private:
  std::map<std::string, std::string> entries_;
  std::map<std::string, std::string> other_;
  bool is_offline_ = false;
};

}  // namespace leat::sns::testing
