#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "protocol/resp/client.h"
#include "protocol/resp/reply.h"
#include "runtime/sync.h"
#include "security/login.h"
#include "security/policies.h"
#include "security/quota_account.h"

namespace leat::resp {

struct Call;
class User;

// Who the clients of an executor are. While leat has no users (the policy is open): users of Redis, and the default one without
// being asked. From leat's first user on (closed) what a client may do is what is granted to the user of leat that it has
// authenticated as, or to User:ANONYMOUS; who has authenticated as a user of Redis may do what that one's rules say.
class Identities final : public security::PolicyListener {
 public:
  // Writes the reply to who has authenticated.
  using Welcome = std::function<void(Client&, Reply&)>;

  explicit Identities(Executor& executor);
  Identities(const Identities&) = delete;
  Identities& operator=(const Identities&) = delete;
  ~Identities() override;

  // The policy, when it is closed; nullptr: there are no users of leat.
  [[nodiscard]] const security::Policy* policy() const;
  // Whether a user of leat is called so.
  [[nodiscard]] bool is_ours(std::string_view user) const;

  // The client is who it is before it says so.
  void begin(Client& client);
  // Whether nothing is done for the client before it has authenticated.
  [[nodiscard]] bool must_authenticate(const Client& client) const;
  // Authenticates the client: it gets its reply from `welcome`, or WRONGPASS. Passwords of leat's users are looked at elsewhere:
  // the client is blocked until that is done.
  void log_in(Call& call, std::string_view user, std::string_view password, Welcome welcome);
  // As Redis's default user, whatever users of leat are called: it gets its reply at once.
  void log_in_by_default(Call& call, std::string_view password, const Welcome& welcome);
  // Users of Redis whose names are, or were, of users of leat are gone for good: nobody comes back as them.
  void policy_changed() override;
  // Whether connections are the default user's without AUTH may have changed.
  void default_user_changed() {
    if (closed_) reconsider();
  }

  // Whom the client's certificate names; to be called once, when something was read of it. Empty: it showed none.
  void certify(Client& client, std::string_view name, Timestamp until);
  // For leat's audit log; `type`: "command", "key" or "channel".
  void audit_refusal(const Client& client, std::string_view command, std::string_view type,
                     std::string_view name) const;
  // Who a client is to quotas.
  [[nodiscard]] static security::Principal principal_of(const Client& client);
  // nullptr: there are none, and never will be.
  [[nodiscard]] security::QuotaLedger* quotas() { return quotas_.get(); }

  // Who waits for a login is refused. On return no password is being looked at.
  runtime::Task<> stop();

  // nullptr: leat has no users, and never will.
  [[nodiscard]] const security::Logins* logins() const { return logins_.get(); }

 private:
  void become(Client& client, const User& user);
  void become(Client& client, security::Principal principal);
  // A user of Redis, if the password is right; nullptr otherwise.
  [[nodiscard]] const User* find_user(std::string_view name, std::string_view password) const;
  // Who clients are may have changed: they lose what is no longer theirs.
  void reconsider();
  // There is another policy.
  void follow();
  void erase_namesakes(const security::Policy& policy);
  // Whether the client goes on being who it has authenticated as.
  [[nodiscard]] bool stays(const Client& client) const;
  // It hears something that it may not hear.
  [[nodiscard]] bool overhears(const Client& client) const;
  // A password that is none of leat's users' was right, or not.
  void tell(const std::string& peer, std::string_view user, bool matches);
  void refuse(Client& client, std::string_view command, std::string_view user, Reply& reply);
  // Whether somebody has failed to be this user of Redis from there, so that the next attempts wait. Where everyone may do everything
  // without a password nobody does.
  [[nodiscard]] bool has_failed(const Client& client, std::string_view user) const;
  // As a user of Redis, after what it has to wait for since it has failed before.
  void log_in_later(Call& call, std::string_view user, std::string_view password, Welcome welcome);
  runtime::Task<> wait_and_check(std::uint64_t client_id, std::string peer, std::string user, std::string password,
                                 std::string command, Welcome welcome);
  runtime::Task<> check(std::uint64_t client_id, std::string peer, std::string user, std::string password,
                        std::string command, Welcome welcome);

  Executor& executor_;
  std::shared_ptr<security::Policies> policies_;  // nullptr: there are no users of leat
  std::unique_ptr<security::Logins> logins_;
  std::unique_ptr<security::QuotaLedger> quotas_;
  bool closed_ = false;
  security::PolicyPtr policy_;                          // the one that is followed
  std::set<std::string, std::less<>> strangers_hosts_;  // from where something is granted to who has no user
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
