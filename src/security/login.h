#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/log_limiter.h"
#include "base/metrics.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "security/login_throttle.h"
#include "security/policies.h"
#include "security/scram.h"

namespace leat::security {

// The address of a peer, which is "address:port".
[[nodiscard]] std::string host_of(std::string_view peer);

// Finds out who clients are, for one protocol on one shard. Failures are counted, logged and slowed down; their errors
// (permission_denied, or would_block: come again later; in words for the client) do not tell whether there is such a user.
class Logins {
 public:
  // `protocol` is its name in logs. `policies` outlives this.
  Logins(std::string protocol, const Policies& policies);

  // The user's name and password, as they came from the peer ("address:port").
  runtime::Task<Result<Principal>> check_password(std::string user, std::string password, std::string peer);

  // A bearer token's owner: one that leat gave out, or one of who else issues them. Nobody is slowed down: what is as long as a
  // token is not guessed.
  runtime::Task<Result<Principal>> check_token(std::string token, std::string peer);

  // Whom a client's certificate names, which TLS has verified and which ends then; nullopt: the name is none that a user can have,
  // or it has ended.
  [[nodiscard]] std::optional<Principal> by_certificate(std::string_view name, Timestamp until,
                                                        const std::string& peer);

  // A request was signed with a key of that principal's, or wrongly with the key of this id. Verified elsewhere; nobody is slowed
  // down.
  void by_signature(const Principal& who, const std::string& peer);
  void signature_refused(std::string_view key_id, const std::string& peer);

  // One exchange of SCRAM. Outlived by the Logins that it came from.
  class Scram {
   public:
    // The message to send back for the client's first one.
    runtime::Task<Result<std::string>> first(std::string message);
    // The message to send back for the client's last one: principal() is who the client is then.
    runtime::Task<Result<std::string>> last(std::string message);
    [[nodiscard]] Principal principal() const { return {principal_of(user_), host_of(peer_)}; }

   private:
    friend class Logins;
    Scram(Logins& logins, ScramMechanism mechanism, std::string nonce, std::string peer)
        : logins_(logins), mechanism_(mechanism), server_(mechanism, std::move(nonce)), peer_(std::move(peer)) {}

    Logins& logins_;
    ScramMechanism mechanism_;
    ScramServer server_;
    std::string peer_;
    std::string user_;
    std::string stored_key_;
    std::uint64_t failures_ = 0;  // of the pair, when the exchange was let in
  };
  [[nodiscard]] std::unique_ptr<Scram> begin_scram(ScramMechanism mechanism, std::string peer);

  // For passwords that are looked at elsewhere, of users that are not leat's. Whether an attempt may have to wait for failures
  // before it; wait_turn() does (would_block: too many do), and what became of it is told then.
  [[nodiscard]] bool has_failed(std::string_view user, std::string_view peer) const {
    return throttle_.failures(user, host_of(peer)) > 0;
  }
  runtime::Task<Status> wait_turn(std::string user, std::string peer);
  void tell(bool matches, const std::string& user, const Principal& who, const std::string& peer);

  // Who came in may not do that: for the audit log.
  void refused(const Principal& who, Operation operation, const Resource& resource) const;

  // From here on nobody waits for failures before: those who do, or would, are refused (would_block).
  void begin_stop();

  struct Stats {
    Counter succeeded;
    Counter failed;
  };
  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] const std::string& protocol() const { return protocol_; }

 private:
  // What is looked at, one at a time: the threads that do it flush logs too.
  struct Queue {
    runtime::Budget turn{1};
    std::size_t waiting = 0;
    std::map<std::string, std::size_t, std::less<>> waiting_by_host;
  };

  // Waits as long as an attempt to be this user from there has to. Returns how many have failed by then.
  runtime::Task<Result<std::uint64_t>> wait(const std::string& user, const std::string& peer);
  // The same, until a password may be looked at, which takes milliseconds of another thread: the turn is reserved then.
  runtime::Task<Status> wait_for_hashing(const std::string& user, const std::string& peer);
  // Waits for the queue's turn, which is reserved then. Few of one address do.
  runtime::Task<Status> wait_for_turn(Queue& queue, std::string host);
  // Whom a token of another issuer names.
  runtime::Task<Result<Principal>> ask_issuer(const std::string& token, const std::string& peer);
  // Counts and tells what was refused without slowing anybody down.
  void count_refused(std::string_view user, const std::string& peer, std::string_view how, std::string_view why);
  [[nodiscard]] std::unexpected<Error> refuse(const std::string& user, const std::string& peer, std::string_view how);
  void succeeded(const Principal& who, const std::string& peer, std::string_view how);
  // The user's credential, or one that no password has.
  [[nodiscard]] ScramCredential credential(std::string_view user, ScramMechanism mechanism) const;

  std::string protocol_;
  const Policies& policies_;
  LoginThrottle throttle_;
  Queue hashing_;    // of passwords
  Queue verifying_;  // of tokens
  runtime::Notifier stop_wake_;
  bool stopping_ = false;
  LogLimiter failures_;
  Stats stats_;
};

}  // namespace leat::security
