#include "security/quota_gate.h"

namespace leat::security {

QuotaAccount* QuotaGate::account_of(const Principal& principal) {
  if (!ledger_.has_quotas()) {
    accounts_.clear();
    return nullptr;
  }
  auto found = accounts_.find(principal.name);
  if (found == accounts_.end()) {
    if (accounts_.size() >= kAccountsMax) accounts_.clear();
    found = accounts_.emplace(principal.name, std::make_unique<QuotaAccount>(ledger_, principal.host)).first;
  }
  found->second->follow(principal);
  return found->second.get();
}

Duration QuotaGate::admit(const Principal& principal, std::uint64_t bytes_in) {
  QuotaAccount* account = account_of(principal);
  return account == nullptr ? Duration{0} : account->try_request(bytes_in);
}

void QuotaGate::charge_out(const Principal& principal, std::uint64_t bytes) {
  if (QuotaAccount* account = account_of(principal)) (void)account->charge_out(bytes);
}

Duration QuotaGate::charge_in(const Principal& principal, std::uint64_t bytes) {
  QuotaAccount* account = account_of(principal);
  return account == nullptr ? Duration{0} : account->charge_in(bytes);
}

}  // namespace leat::security
