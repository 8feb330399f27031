#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "security/policies.h"
#include "security/policy_service.h"
#include "tests/protocol/resp/home.h"

namespace leat::resp {

// An executor that leat's users and grants hold for. Without a user all is open.
class GrantedHome {
 public:
  static constexpr std::string_view kPassword = "pencil";

  explicit GrantedHome(Settings settings = {});
  ~GrantedHome();

  // From the return on the policy is one with this user, whose password is kPassword or another.
  void add_user(const std::string& name, std::string_view password = kPassword);
  void remove_user(const std::string& name);
  // "read,write key:session:* key:a", to a user's name or "*". A name that ends with * is the beginning of names.
  void grant(std::string_view user, std::string_view grants);
  void deny(std::string_view user, std::string_view grants);
  // Takes back what was granted and denied to the user.
  void take_back(std::string_view user);

  [[nodiscard]] Home& home() { return *home_; }
  [[nodiscard]] Executor& executor() { return home_->executor(); }
  [[nodiscard]] const security::Policies& policies() const { return *policies_; }
  [[nodiscard]] const std::vector<security::Grant>& grants() const { return grants_; }
  [[nodiscard]] const security::User* find_user(std::string_view name) const;
  // A new connection; as a user's name: authenticated as that one.
  TestClient& client() { return home_->client(); }
  TestClient& client(std::string_view user);

 private:
  void add(std::string_view user, std::string_view grants, security::Permission permission);
  [[nodiscard]] Settings with_users(Settings settings);
  [[nodiscard]] security::PolicyPtr next_policy();
  void publish();

  std::shared_ptr<security::Policies> policies_;
  std::map<std::string, security::User, std::less<>> users_;
  std::vector<security::Grant> grants_;
  std::uint64_t revision_ = 0;
  std::unique_ptr<Home> home_;
};

}  // namespace leat::resp
