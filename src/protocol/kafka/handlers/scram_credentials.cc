#include <map>

#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

// KIP-554: users come and go with their credentials.
namespace leat::kafka {
namespace {

using security::Operation;
using security::ScramMechanism;

std::optional<ScramMechanism> mechanism_of(std::int8_t code) {
  switch (code) {
    case 1: return ScramMechanism::sha256;
    case 2: return ScramMechanism::sha512;
    default: return std::nullopt;
  }
}

std::int8_t code_of(ScramMechanism mechanism) { return mechanism == ScramMechanism::sha256 ? 1 : 2; }

// Changes of one user, or why they are refused.
using Changes = OrRefusal<std::vector<security::ScramChange>>;

void add_change(Changes& changes, std::int8_t mechanism, std::optional<security::ScramCredential> credential) {
  if (!changes) return;
  const auto known = mechanism_of(mechanism);
  if (!known) {
    changes = refuse(ErrorCode::kUnsupportedSaslMechanism, "this is no mechanism of SCRAM");
  } else if (std::ranges::find(*changes, *known, &security::ScramChange::mechanism) != changes->end()) {
    changes = refuse(ErrorCode::kDuplicateResource, "a credential is changed more than once");
  } else {
    changes->push_back({*known, std::move(credential)});
  }
}

OrRefusal<security::ScramCredential> credential_of(
    const AlterUserScramCredentialsRequest::ScramCredentialUpsertion& upsertion) {
  const auto mechanism = mechanism_of(upsertion.mechanism);
  if (!mechanism) return refuse(ErrorCode::kUnsupportedSaslMechanism, "this is no mechanism of SCRAM");
  const std::string_view salted = as_text(upsertion.salted_password);
  if (upsertion.iterations < 0 || salted.size() != security::scram_key_bytes(*mechanism))
    return refuse(ErrorCode::kUnacceptableCredential, "The salted password or the iterations cannot be used");
  auto credential = security::scram_credential_of_salted(*mechanism, salted, as_text(upsertion.salt),
                                                         static_cast<std::uint32_t>(upsertion.iterations));
  if (const Status status = security::check_scram_credential(*mechanism, credential); !status)
    return refuse(ErrorCode::kUnacceptableCredential, status.error().message);
  return credential;
}

std::map<std::string_view, Changes> changes_of(const AlterUserScramCredentialsRequest& message) {
  std::map<std::string_view, Changes> users;
  for (const auto& deletion : message.deletions) add_change(users[deletion.name], deletion.mechanism, std::nullopt);
  for (const auto& upsertion : message.upsertions) {
    Changes& changes = users[upsertion.name];
    auto credential = credential_of(upsertion);
    if (credential) {
      add_change(changes, upsertion.mechanism, std::move(*credential));
    } else if (changes) {
      changes = std::unexpected(std::move(credential.error()));
    }
  }
  return users;
}

// --- on the shard of the policy service ---

runtime::Task<Status> change_at_service(security::PolicyService* service, std::string user,
                                        std::vector<security::ScramChange> changes) {
  co_return co_await service->change_scram(std::move(user), std::move(changes));
}

// --- on the connection's shard ---

runtime::Task<OrRefusal<>> change(const Request& request, std::string_view user, Changes changes) {
  if (!changes) co_return std::unexpected(std::move(changes.error()));
  const KafkaNode& node = request.node();
  const bool sets = std::ranges::any_of(*changes, &security::ScramChange::is_set);
  Status status = co_await runtime::call_on(node.topics_shard, change_at_service, &node.users, std::string(user),
                                            std::move(*changes));
  if (status) {
    request.audit_change("user", user, sets ? "password set" : "password removed");
    co_return OrRefusal<>{};
  }
  switch (status.error().code) {
    case Errc::not_found: co_return refuse(ErrorCode::kResourceNotFound, std::move(status.error().message));
    case Errc::invalid_name:
    case Errc::invalid_argument:
    case Errc::permission_denied:
    case Errc::too_large: co_return refuse(ErrorCode::kUnacceptableCredential, std::move(status.error().message));
    default: co_return std::unexpected(Refusal(std::move(status.error())));
  }
}

AlterUserScramCredentialsResponse refuse_all(const Request& request, const AlterUserScramCredentialsRequest& message) {
  std::set<std::string_view> users;
  for (const auto& deletion : message.deletions) users.insert(deletion.name);
  for (const auto& upsertion : message.upsertions) users.insert(upsertion.name);
  AlterUserScramCredentialsResponse response;
  for (const std::string_view user : users) {
    auto& reply = response.results.emplace_back();
    reply.user = std::string(user);
    set_outcome(request, reply, OrRefusal<>(refuse_access(ErrorCode::kClusterAuthorizationFailed)));
  }
  return response;
}

}  // namespace

runtime::Task<AlterUserScramCredentialsResponse> handle_alter_user_scram_credentials(
    Request& request, AlterUserScramCredentialsRequest message) {
  if (!request.allows_cluster(Operation::alter)) co_return refuse_all(request, message);
  AlterUserScramCredentialsResponse response;
  for (auto& [user, changes] : changes_of(message)) {
    auto& reply = response.results.emplace_back();
    reply.user = std::string(user);
    set_outcome(request, reply, co_await change(request, user, std::move(changes)));
  }
  co_return response;
}

runtime::Task<DescribeUserScramCredentialsResponse> handle_describe_user_scram_credentials(
    Request& request, DescribeUserScramCredentialsRequest message) {
  DescribeUserScramCredentialsResponse response;
  if (!request.allows_cluster(Operation::describe)) {
    set_outcome(request, response, OrRefusal<>(refuse_access(ErrorCode::kClusterAuthorizationFailed)));
    co_return response;
  }
  response.error_message.reset();
  const security::PolicyPtr policy = request.node().policies.current();
  std::map<std::string, int> asked;
  for (const auto& user : message.users.value_or(std::vector<DescribeUserScramCredentialsRequest::UserName>{}))
    ++asked[std::string(user.name)];
  if (asked.empty()) {
    for (const auto& [name, user] : policy->users()) asked[name] = 1;
  }
  for (const auto& [name, times] : asked) {
    auto& reply = response.results.emplace_back();
    reply.user = name;
    const security::User* user = policy->find_user(name);
    if (times > 1) {
      set_outcome(request, reply,
                  OrRefusal<>(refuse(ErrorCode::kDuplicateResource, "a user is asked for more than once")));
    } else if (user == nullptr) {
      set_outcome(request, reply,
                  OrRefusal<>(refuse(ErrorCode::kResourceNotFound, fmt::format("there is no user '{}'", name))));
    } else {
      reply.error_message.reset();
      for (const auto& [mechanism, credential] : user->scram)
        reply.credential_infos.push_back({code_of(mechanism), static_cast<std::int32_t>(credential.iterations)});
    }
  }
  co_return response;
}

}  // namespace leat::kafka
