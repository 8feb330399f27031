#pragma once

#include <memory>

#include "catalog/catalog.h"
#include "protocol/sns/signer.h"
#include "runtime/sync.h"

namespace leat::sns {

// The key that all nodes sign notifications with: an entry of the catalog (docs/formats/catalog.md), made when it is first
// needed. Lives on the catalog's shard; shared by all.
class SigningKeys {
 public:
  // `home`: the catalog's shard. Both outlive it.
  SigningKeys(runtime::Shard& home, catalog::Catalog& catalog) : home_(home), catalog_(catalog) {}

  // From any shard. Errors: those of the catalog; corrupt.
  runtime::Task<Result<std::shared_ptr<const Signer>>> get();

 private:
  static runtime::Task<Result<std::shared_ptr<const Signer>>> get_on(SigningKeys* keys);
  runtime::Task<Result<SigningKey>> load();

  runtime::Shard& home_;
  catalog::Catalog& catalog_;
  std::shared_ptr<const Signer> signer_;
  runtime::Budget turn_{1};  // one look at a time
};

}  // namespace leat::sns
