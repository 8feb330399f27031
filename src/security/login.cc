#include "security/login.h"

#include "base/logging.h"
#include "runtime/call.h"
#include "runtime/sync.h"
#include "security/base64.h"
#include "security/jwt.h"
#include "security/password.h"
#include "security/token.h"

namespace leat::security {
namespace {

using runtime::Task;

// Of decoys: as those that leat's own tools make.
constexpr std::uint32_t kDecoyIterations = kScramIterationsMin;
constexpr std::size_t kNonceWords = 3;
// How somebody came in, or did not, in the audit log.
constexpr std::string_view kPassword = "password";
constexpr std::string_view kScram = "SCRAM";
constexpr std::string_view kToken = "token";
constexpr std::string_view kCertificate = "certificate";
constexpr std::string_view kAccessKey = "access key";
// What one login waits for at most.
constexpr auto kPatience = std::chrono::seconds(10);
// More logins than these do not wait for their passwords, or tokens, to be looked at; of them so many of one address.
constexpr std::size_t kQueueMax = 200;
constexpr std::size_t kQueueOfHostMax = 50;

std::string random_bytes(std::size_t words) {
  std::string bytes;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = runtime::Shard::current().random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

// To look at a hash takes memory, which may not be there.
bool matches_hash(const std::string& hash, const std::string& password) {
  try {
    return verify_password(hash, password);
  } catch (const std::exception& failure) {
    log_error("security", "a password could not be looked at: {}", failure.what());
    return false;
  }
}

std::unexpected<Error> too_many() {
  return fail(Errc::would_block, "Authentication failed: too many attempts, try again later.");
}

std::unexpected<Error> wrong() {
  return fail(Errc::permission_denied, "Authentication failed: the user name or the password is wrong.");
}

}  // namespace

std::string host_of(std::string_view peer) {
  std::string_view host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  // An IPv4 address on a socket of IPv6.
  constexpr std::string_view kMapped = "::ffff:";
  if (host.starts_with(kMapped) && host.contains('.')) host.remove_prefix(kMapped.size());
  return std::string(host);
}

Logins::Logins(std::string protocol, const Policies& policies) : protocol_(std::move(protocol)), policies_(policies) {}

ScramCredential Logins::credential(std::string_view user, ScramMechanism mechanism) const {
  if (const User* found = policies_.current()->find_user(user); found != nullptr) {
    if (const auto own = found->scram.find(mechanism); own != found->scram.end()) return own->second;
  }
  return scram_decoy(mechanism, policies_.secret(), user, kDecoyIterations);
}

Task<Result<std::uint64_t>> Logins::wait(const std::string& user, const std::string& peer) {
  const std::string host = host_of(peer);
  const MonoTime patience_ends = runtime::Shard::current().now() + kPatience;
  while (true) {
    const std::uint64_t failures = throttle_.failures(user, host);
    const MonoTime now = runtime::Shard::current().now();
    const auto wait = throttle_.wait(user, host, now);
    if (!wait || now + *wait > patience_ends) co_return too_many();
    if (*wait > Duration{0} && !stopping_) co_await stop_wake_.wait_until(now + *wait);
    if (*wait > Duration{0} && stopping_) co_return too_many();
    // Who waited while another failed waits for that too.
    if (throttle_.failures(user, host) == failures) co_return failures;
  }
}

void Logins::begin_stop() {
  stopping_ = true;
  stop_wake_.notify_all();
}

Task<Status> Logins::wait_for_turn(Queue& queue, std::string host) {
  const MonoTime patience_ends = runtime::Shard::current().now() + kPatience;
  const auto of_host = queue.waiting_by_host.find(host);
  const bool is_crowd = of_host != queue.waiting_by_host.end() && of_host->second >= kQueueOfHostMax;
  if (queue.waiting >= kQueueMax || is_crowd) co_return too_many();
  ++queue.waiting;
  ++queue.waiting_by_host[host];
  co_await queue.turn.reserve(1);
  --queue.waiting;
  if (--queue.waiting_by_host[host] == 0) queue.waiting_by_host.erase(host);
  if (runtime::Shard::current().now() <= patience_ends) co_return Status{};
  // Its client has given up by now.
  queue.turn.release(1);
  co_return too_many();
}

Task<Status> Logins::wait_for_hashing(const std::string& user, const std::string& peer) {
  while (true) {
    LEAT_CO_TRY(const std::uint64_t failures, co_await wait(user, peer));
    LEAT_CO_CHECK(co_await wait_for_turn(hashing_, host_of(peer)));
    // Those that came together and failed meanwhile count.
    if (throttle_.failures(user, host_of(peer)) == failures) co_return Status{};
    hashing_.turn.release(1);
  }
}

std::unexpected<Error> Logins::refuse(const std::string& user, const std::string& peer, std::string_view how) {
  const MonoTime now = runtime::Shard::current().now();
  stats_.failed.add();
  throttle_.failed(user, host_of(peer), now);
  failures_.write(now, LogLevel::warning, "security", "{}: {}: user '{}' could not be authenticated", protocol_, peer,
                  std::string_view(user).substr(0, kUserNameBytesMax));
  policies_.audit().failed_to_come_in(protocol_, user, host_of(peer), how);
  return wrong();
}

void Logins::succeeded(const Principal& who, const std::string& peer, std::string_view how) {
  stats_.succeeded.add();
  log_debug("security", "{}: {} is {}", protocol_, peer, who.name);
  policies_.audit().came_in(protocol_, who, how);
}

void Logins::count_refused(std::string_view user, const std::string& peer, std::string_view how, std::string_view why) {
  stats_.failed.add();
  failures_.write(runtime::Shard::current().now(), LogLevel::warning, "security", "{}: {}: {} refused: {}", protocol_,
                  peer, how, why);
  policies_.audit().failed_to_come_in(protocol_, user, host_of(peer), how);
}

Task<Result<Principal>> Logins::check_password(std::string user, std::string password, std::string peer) {
  LEAT_CO_CHECK(co_await wait_for_hashing(user, peer));
  const runtime::Reservation hashing(hashing_.turn, 1);
  const User* found = policies_.current()->find_user(user);
  const std::string hash = found == nullptr ? std::string() : found->password_hash;
  // Who is not there takes as long as who was made by leat's own tool.
  const bool has_larger = found == nullptr || found->scram.empty() || found->scram.contains(ScramMechanism::sha512);
  const ScramMechanism mechanism = has_larger ? ScramMechanism::sha512 : ScramMechanism::sha256;
  const ScramCredential known = credential(user, mechanism);
  const bool matches = co_await runtime::run_blocking(
      [&] { return hash.empty() ? scram_matches(mechanism, known, password) : matches_hash(hash, password); });
  if (!matches) co_return refuse(user, peer, kPassword);
  Principal who{principal_of(user), host_of(peer)};
  succeeded(who, peer, kPassword);
  co_return who;
}

Task<Result<Principal>> Logins::ask_issuer(const std::string& token, const std::string& peer) {
  const std::shared_ptr<const TokenIssuer> issuer = policies_.token_issuer();
  if (issuer == nullptr || !looks_like_jwt(token))
    co_return fail(Errc::permission_denied, "it is none that leat gave out");
  LEAT_CO_CHECK(co_await wait_for_turn(verifying_, host_of(peer)));
  const runtime::Reservation turn(verifying_.turn, 1);
  const Timestamp now = runtime::Shard::current().wall_now();
  co_return co_await runtime::run_blocking([&] { return issuer->owner_of(token, now); });
}

Task<Result<Principal>> Logins::check_token(std::string token, std::string peer) {
  const bool is_leats = token.starts_with(kTokenPrefix);
  auto who =
      is_leats ? policies_.owner_of(token, runtime::Shard::current().wall_now()) : co_await ask_issuer(token, peer);
  if (who) {
    who->host = host_of(peer);
    succeeded(*who, peer, kToken);
    co_return who;
  }
  if (who.error().code == Errc::would_block) co_return who;
  count_refused("", peer, kToken, who.error().message);
  co_return fail(Errc::permission_denied, "Authentication failed: the token is wrong or has expired.");
}

Task<Status> Logins::wait_turn(std::string user, std::string peer) {
  const auto failures = co_await wait(user, peer);
  if (!failures) co_return fail(failures.error());
  co_return Status{};
}

void Logins::tell(bool matches, const std::string& user, const Principal& who, const std::string& peer) {
  if (matches) return succeeded(who, peer, kPassword);
  (void)refuse(user, peer, kPassword);
}

void Logins::refused(const Principal& who, Operation operation, const Resource& resource) const {
  policies_.audit().refused(protocol_, who, operation, resource);
}

void Logins::by_signature(const Principal& who, const std::string& peer) { succeeded(who, peer, kAccessKey); }

void Logins::signature_refused(std::string_view key_id, const std::string& peer) {
  stats_.failed.add();
  policies_.audit().failed_to_come_in(protocol_, key_id, host_of(peer), kAccessKey);
}

std::optional<Principal> Logins::by_certificate(std::string_view name, Timestamp until, const std::string& peer) {
  const bool has_ended = until != kNoTimestamp && until <= runtime::Shard::current().wall_now();
  if (!has_ended && check_user_name(name)) {
    Principal who{principal_of(name), host_of(peer)};
    who.expires = until;
    succeeded(who, peer, kCertificate);
    return who;
  }
  count_refused(name, peer, kCertificate, "it has ended, or names nobody who could be a user");
  return std::nullopt;
}

std::unique_ptr<Logins::Scram> Logins::begin_scram(ScramMechanism mechanism, std::string peer) {
  return std::unique_ptr<Scram>(new Scram(*this, mechanism, base64(random_bytes(kNonceWords)), std::move(peer)));
}

Task<Result<std::string>> Logins::Scram::first(std::string message) {
  auto user = server_.user_of_first(message);
  if (!user) {
    (void)logins_.refuse("", peer_, kScram);
    co_return fail(std::move(user.error()));
  }
  user_ = std::move(*user);
  LEAT_CO_TRY(failures_, co_await logins_.wait(user_, peer_));
  const ScramCredential known = logins_.credential(user_, mechanism_);
  stored_key_ = known.stored_key;
  co_return server_.server_first(known);
}

Task<Result<std::string>> Logins::Scram::last(std::string message) {
  // Of exchanges that were begun together, those that failed count.
  if (logins_.throttle_.failures(user_, host_of(peer_)) != failures_) {
    LEAT_CO_CHECK(co_await logins_.wait(user_, peer_));
  }
  auto reply = server_.server_final(message);
  const bool is_current = logins_.credential(user_, mechanism_).stored_key == stored_key_;
  if (reply && is_current) {
    logins_.succeeded(principal(), peer_, kScram);
    co_return reply;
  }
  auto refused = logins_.refuse(user_, peer_, kScram);
  if (!reply && reply.error().code != Errc::permission_denied) co_return fail(std::move(reply.error()));
  co_return refused;
}

}  // namespace leat::security
