#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/client.h"
#include "protocol/resp/parser.h"
#include "runtime/sync.h"
#include "security/policy_service.h"

namespace leat::resp {

struct Call;

// Changes users of leat for those who speak of them by ACL SETUSER and ACL DELUSER: they are kept elsewhere, so the client waits.
class Accounts {
 public:
  explicit Accounts(Executor& executor) : executor_(executor) {}
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // Whether ACL SETUSER is about a user of leat: from leat's first user on, all are whom Redis's users do not have.
  [[nodiscard]] bool has(const Client& client, std::string_view name) const;
  // Makes or changes one, for who may alter the cluster. The reply comes when every shard knows.
  void set(Call& call, std::string_view name, Arguments rules);
  // Removes users of leat, with all that is granted to them, for the same.
  void remove(Call& call, Arguments names);

  // What has not begun is not done any more. On return nothing is being changed.
  runtime::Task<> stop();

 private:
  // Who asks for a change, and waits for it.
  struct Asker {
    std::uint64_t client_id;
    security::Principal principal;
  };

  // Who asks, if they may now; otherwise the reply says why not.
  [[nodiscard]] std::optional<Asker> admit(Call& call);
  runtime::Task<> change(Asker asker, std::string name, std::vector<std::string> rules);
  runtime::Task<> remove_all(Asker asker, std::vector<std::string> names);
  runtime::Task<Status> change_account(const Asker& asker, std::string name,
                                       security::PolicyService::AccountChange change);
  void answer(const Asker& asker, const std::function<void(Reply&)>& write);

  Executor& executor_;
  runtime::Budget hashing_{1};  // of passwords, one at a time
  runtime::TaskScope tasks_;
  bool stopping_ = false;
};

}  // namespace leat::resp
