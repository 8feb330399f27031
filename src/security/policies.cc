#include "security/policies.h"

namespace leat::security {

Policies::Policies(std::size_t shards) : by_shard_(shards, Policy::closed()) {}

}  // namespace leat::security
