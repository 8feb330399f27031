#pragma once

#include <map>
#include <memory>
#include <string>

#include "security/quota_account.h"

namespace leat::security {

// Quotas of clients that can be told to come again, whose requests come over any connection: of HTTP and AWS. Belongs to the
// ledger's shard, and is outlived by it.
class QuotaGate {
 public:
  static constexpr std::size_t kAccountsMax = 1000;  // of principals; above it those of all are looked up again

  explicit QuotaGate(QuotaLedger& ledger) : ledger_(ledger) {}

  // Zero: the request, of so many bytes, has been charged to the principal. Otherwise it has not, and is to be refused: so long
  // the client should stay away.
  [[nodiscard]] Duration admit(const Principal& principal, std::uint64_t bytes_in);
  // Bytes that go out to the principal: what is too much keeps its next request waiting.
  void charge_out(const Principal& principal, std::uint64_t bytes);
  // Bytes of a body that comes piece by piece: so long the next piece should wait.
  [[nodiscard]] Duration charge_in(const Principal& principal, std::uint64_t bytes);

 private:
  // nullptr: there are no quotas.
  QuotaAccount* account_of(const Principal& principal);

  QuotaLedger& ledger_;
  std::map<std::string, std::unique_ptr<QuotaAccount>, std::less<>> accounts_;
};

}  // namespace leat::security
