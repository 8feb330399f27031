#include "protocol/resp/identities.h"

#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/call.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using pubsub::Kind;
using runtime::Task;
using security::Principal;

constexpr std::string_view kProtocol = "resp";
constexpr std::string_view kWrong = "WRONGPASS invalid username-password pair or user is disabled.";
constexpr std::string_view kRedisUser = "RedisUser:";  // before its name, in the audit log
// Nothing can wait there.
constexpr std::string_view kNotInTransactions = "ERR users of leat cannot be authenticated inside a transaction";
constexpr std::size_t kRedisNameMax = security::kUserNameBytesMax;  // of what is remembered of a name
// No user has longer ones.
constexpr std::size_t kPasswordBytesMax = std::size_t{16} << 10;

bool may_be_ours(std::string_view user, std::string_view password) {
  return user.size() <= security::kUserNameBytesMax && password.size() <= kPasswordBytesMax;
}

// Of what commands can want.
bool is_wanted(security::ResourceType type) {
  switch (type) {
    case security::ResourceType::cluster:
    case security::ResourceType::topic:
    case security::ResourceType::key:
    case security::ResourceType::lock:
    case security::ResourceType::channel: return true;
    case security::ResourceType::group:
    case security::ResourceType::transactional_id:
    case security::ResourceType::queue: return false;
  }
  return false;
}

bool is_anonymous(const GrantedAccess& access) { return access.principal().name == Principal::anonymous().name; }

}  // namespace

Identities::Identities(Executor& executor) : executor_(executor), policies_(executor.settings().policies) {
  if (policies_ == nullptr) return;
  logins_ = std::make_unique<security::Logins>(std::string(kProtocol), *policies_);
  quotas_ = std::make_unique<security::QuotaLedger>(std::string(kProtocol), *policies_);
  follow();
  policies_->add(*this);
}

Identities::~Identities() {
  if (policies_ != nullptr) policies_->remove(*this);
}

const security::Policy* Identities::policy() const { return closed_ ? policies_->current().get() : nullptr; }

bool Identities::is_ours(std::string_view user) const { return closed_ && policy()->find_user(user) != nullptr; }

void Identities::begin(Client& client) {
  const Users& users = executor_.users();
  client.logged_in = false;
  if (closed_ && !client.certified_name.empty()) {
    if (auto principal = logins_->by_certificate(client.certified_name, client.certified_until, client.peer))
      return become(client, std::move(*principal));
  }
  if (closed_) {
    become(client, Principal::anonymous(security::host_of(client.peer)));
    client.logged_in = false;
    // To whom nothing is granted gets nothing, as before a password.
    const std::string& host = client.granted->principal().host;
    const bool may_some = strangers_hosts_.contains(security::kAnyHost) || strangers_hosts_.contains(host);
    client.authenticated = users.is_open() && may_some;
    return;
  }
  client.granted.reset();
  client.acl = &users.default_user();
  client.user = users.default_user().name();
  client.authenticated = users.is_open();
}

bool Identities::must_authenticate(const Client& client) const {
  return !client.authenticated && (closed_ || !executor_.users().is_open());
}

void Identities::become(Client& client, const User& user) {
  client.granted.reset();
  client.acl = &user;
  client.user = user.name();
  client.authenticated = client.logged_in = true;
}

void Identities::become(Client& client, Principal principal) {
  client.user = security::user_of(principal.name);
  client.granted = std::make_unique<GrantedAccess>(*policies_, std::move(principal), executor_.topics() != nullptr);
  client.acl = client.granted.get();
  client.authenticated = client.logged_in = true;
}

// That the default user needs no password lets nobody in from leat's first user on.
const User* Identities::find_user(std::string_view name, std::string_view password) const {
  const User* user = executor_.users().authenticate(name, password);
  const bool is_default = user == &executor_.users().default_user();
  return closed_ && is_default && user->needs_no_password() ? nullptr : user;
}

void Identities::tell(const std::string& peer, std::string_view user, bool matches) {
  if (logins_ == nullptr) return;
  const std::string name(user.substr(0, kRedisNameMax));
  logins_->tell(matches, name, {fmt::format("{}{}", kRedisUser, name), security::host_of(peer)}, peer);
}

void Identities::refuse(Client& client, std::string_view command, std::string_view user, Reply& reply) {
  // Who is nobody in particular must not push from the log what is known of others.
  if (!closed_ || client.logged_in) executor_.log_denial(client, "auth", command, user);
  reply.error(kWrong);
}

void Identities::log_in(Call& call, std::string_view user, std::string_view password, Welcome welcome) {
  if (!is_ours(user)) {
    if (has_failed(call.client, user)) return log_in_later(call, user, password, std::move(welcome));
    if (const User* known = find_user(user, password)) {
      tell(call.client.peer, user, true);
      become(call.client, *known);
      return welcome(call.client, call.reply);
    }
    // Of names that nobody has the passwords are looked at too: it takes as long.
    if (!closed_ || !may_be_ours(user, password)) {
      tell(call.client.peer, user, false);
      return refuse(call.client, call.command.name, user, call.reply);
    }
  }
  if (call.client.transaction.active) return call.reply.error(kNotInTransactions);
  call.wait_for_answer();
  tasks_.spawn(check(call.client.id(), call.client.peer, std::string(user), std::string(password),
                     std::string(call.command.name), std::move(welcome)));
}

void Identities::log_in_by_default(Call& call, std::string_view password, const Welcome& welcome) {
  const std::string& name = executor_.users().default_user().name();
  if (has_failed(call.client, name)) return log_in_later(call, name, password, welcome);
  const User* user = find_user(name, password);
  tell(call.client.peer, name, user != nullptr);
  if (user == nullptr) return refuse(call.client, call.command.name, name, call.reply);
  become(call.client, *user);
  welcome(call.client, call.reply);
}

bool Identities::has_failed(const Client& client, std::string_view user) const {
  const bool is_guarded = logins_ != nullptr && (closed_ || !executor_.users().is_open());
  return is_guarded && logins_->has_failed(user.substr(0, kRedisNameMax), client.peer);
}

void Identities::log_in_later(Call& call, std::string_view user, std::string_view password, Welcome welcome) {
  if (call.client.transaction.active) return call.reply.error(kNotInTransactions);
  call.wait_for_answer();
  tasks_.spawn(wait_and_check(call.client.id(), call.client.peer, std::string(user), std::string(password),
                              std::string(call.command.name), std::move(welcome)));
}

// What was guessed counts also when nobody is there any more to hear of it.
Task<> Identities::wait_and_check(std::uint64_t client_id, std::string peer, std::string user, std::string password,
                                  std::string command, Welcome welcome) {
  const Status turn = co_await logins_->wait_turn(user.substr(0, kRedisNameMax), peer);
  const User* known = turn ? find_user(user, password) : nullptr;
  if (turn) tell(peer, user, known != nullptr);
  Client* client = executor_.find_client(client_id);
  if (client == nullptr) co_return;
  executor_.answer(*client, [&](Reply& reply) {
    if (known == nullptr || is_ours(user)) return refuse(*client, command, user, reply);
    become(*client, *known);
    welcome(*client, reply);
  });
}

Task<> Identities::check(std::uint64_t client_id, std::string peer, std::string user, std::string password,
                         std::string command, Welcome welcome) {
  Result<Principal> principal = co_await logins_->check_password(user, std::move(password), std::move(peer));
  Client* client = executor_.find_client(client_id);
  if (client == nullptr) co_return;
  executor_.answer(*client, [&](Reply& reply) {
    // It may have been removed meanwhile.
    if (!principal || !is_ours(user)) return refuse(*client, command, user, reply);
    become(*client, std::move(*principal));
    welcome(*client, reply);
  });
}

void Identities::follow() {
  policy_ = policies_->current();
  closed_ = !policy_->is_open();
  strangers_hosts_.clear();
  const std::string nobody = Principal::anonymous().name;
  for (const security::Grant& grant : policies_->current()->grants()) {
    const bool is_theirs = grant.principal == security::kEveryone || grant.principal == nobody;
    if (is_theirs && grant.permission == security::Permission::allow && is_wanted(grant.type))
      strangers_hosts_.insert(grant.host);
  }
}

void Identities::policy_changed() {
  const bool was_closed = closed_;
  const security::PolicyPtr before = policy_;
  follow();
  if (was_closed || closed_) reconsider();
  executor_.begin_unit();
  for (const security::Policy* policy : {before.get(), policy_.get()}) erase_namesakes(*policy);
  executor_.end_unit();
}

// No client is one of them any more.
void Identities::erase_namesakes(const security::Policy& policy) {
  Users& users = executor_.users();
  std::vector<std::string> namesakes;
  for (const auto& [name, user] : users.all()) {
    if (user.get() != &users.default_user() && policy.find_user(name) != nullptr) namesakes.push_back(name);
  }
  for (const std::string& name : namesakes) {
    users.erase(name);
    executor_.keyspace().effects().add_always(0, {"ACL", "DELUSER", name});
  }
}

bool Identities::stays(const Client& client) const {
  if (!client.logged_in) return false;
  const bool is_certified = !client.certified_name.empty() && client.user == client.certified_name;
  if (client.granted != nullptr) return !is_anonymous(*client.granted) && (is_certified || is_ours(client.user));
  const User& by_default = executor_.users().default_user();
  if (client.acl == &by_default) return !by_default.needs_no_password();
  return !is_ours(client.user);
}

bool Identities::overhears(const Client& client) const {
  if (client.extras == nullptr || (!must_authenticate(client) && client.acl->is_unrestricted())) return false;
  if (client.extras->listener != nullptr) {
    bool denied = false;
    for (const Kind kind : {Kind::channel, Kind::pattern, Kind::shard}) {
      client.extras->listener->for_each(
          kind, [&](std::string_view name) { denied |= !client.acl->allows_channel(name, kind); });
    }
    if (denied) return true;
  }
  constexpr std::string_view kMonitor[] = {"monitor"};
  if (client.extras->monitors && !client.acl->check(*find_command(kMonitor[0]), kMonitor)) return true;
  const TrackingState* tracking = client.extras->tracking.get();
  if (tracking == nullptr || !tracking->broadcasts) return false;
  std::vector<std::string_view> words{"client", "tracking", "on", "bcast"};
  for (const std::string& prefix : tracking->prefixes) words.insert(words.end(), {"prefix", prefix});
  return !client.acl->check(*find_subcommand(*find_command("client"), "tracking"), words);
}

void Identities::certify(Client& client, std::string_view name, Timestamp until) {
  client.certified_until = until;
  client.certified_name = name;
  if (!name.empty() && closed_ && !client.logged_in) begin(client);
}

Principal Identities::principal_of(const Client& client) {
  if (client.granted != nullptr) return client.granted->principal();
  if (client.logged_in) return {security::principal_of(client.user), security::host_of(client.peer)};
  return Principal::anonymous(security::host_of(client.peer));
}

void Identities::audit_refusal(const Client& client, std::string_view command, std::string_view type,
                               std::string_view name) const {
  if (policies_ == nullptr) return;
  Principal who = principal_of(client);
  if (client.granted == nullptr) who.name = fmt::format("{}{}", kRedisUser, client.user.substr(0, kRedisNameMax));
  policies_->audit().refused(kProtocol, who, command, type, name);
}

void Identities::reconsider() {
  for (const auto& [id, client] : executor_.clients()) {
    if (client->is_local || client->closing) continue;
    if (!stays(*client)) {
      begin(*client);
    } else if (client->granted != nullptr) {
      client->granted->refresh();
    }
    if (closed_ && overhears(*client)) executor_.end(*client);
  }
}

Task<> Identities::stop() {
  if (logins_ != nullptr) logins_->begin_stop();
  co_await tasks_.join();
}

}  // namespace leat::resp
