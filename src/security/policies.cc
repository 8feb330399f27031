#include "security/policies.h"

namespace leat::security {

Policies::Policies(std::size_t shards, std::string secret)
    : by_shard_(shards, Policy::closed()), secret_(std::move(secret)) {}

}  // namespace leat::security
