#include "tests/protocol/resp/granted_home.h"

#include <gtest/gtest.h>

#include <sstream>

namespace leat::resp {
namespace {

using security::Grant;
using security::Operation;
using security::ResourceType;

template <class Enum>
Enum named(std::string_view name, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (security::to_string(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  ADD_FAILURE() << name;
  return last;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

}  // namespace

GrantedHome::GrantedHome(Settings settings)
    : policies_(std::make_shared<security::Policies>(1, "a secret of enough bytes for decoys")),
      home_(std::make_unique<Home>(with_users(std::move(settings)))) {
  publish();
}

// In place of the PolicyService: what ACL SETUSER makes of users and grants.
Settings GrantedHome::with_users(Settings settings) {
  settings.policies = policies_;
  settings.change_account = [this](std::string name,
                                   Settings::AccountChange change) -> runtime::Task<Result<security::Account>> {
    co_await runtime::sleep_for(Milliseconds(1));
    const std::string principal = security::principal_of(name);
    const auto is_its = [&](const Grant& grant) { return grant.principal == principal; };
    security::Account account;
    if (const security::User* user = find_user(name)) account.user = *user;
    std::ranges::copy_if(grants_, std::back_inserter(account.grants), is_its);
    LEAT_CO_CHECK(change(account));
    users_.erase(name);
    if (account.user) users_.emplace(name, *account.user);
    std::erase_if(grants_, is_its);
    grants_.insert(grants_.end(), account.grants.begin(), account.grants.end());
    policies_->set(next_policy());
    co_return account;
  };
  return settings;
}

const security::User* GrantedHome::find_user(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

// Passwords that are still looked at are waited for.
GrantedHome::~GrantedHome() { home_->run_for(std::chrono::seconds(20)); }

security::PolicyPtr GrantedHome::next_policy() {
  return std::make_shared<const security::Policy>(catalog::Revision(++revision_), users_, grants_,
                                                  std::set<std::string>{});
}

void GrantedHome::publish() {
  home_->world().on_shard(0, [&] { policies_->set(next_policy()); });
}

void GrantedHome::add_user(const std::string& name, std::string_view password) {
  security::User user;
  user.name = name;
  user.scram.emplace(
      security::ScramMechanism::sha256,
      security::scram_credential(security::ScramMechanism::sha256, password, "salt", security::kScramIterationsMin));
  users_.insert_or_assign(name, std::move(user));
  publish();
}

void GrantedHome::remove_user(const std::string& name) {
  users_.erase(name);
  publish();
}

void GrantedHome::add(std::string_view user, std::string_view grants, security::Permission permission) {
  std::vector<std::string> words = split(grants, ' ');
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t colon = words[i].find(':');
    std::string name = colon == std::string::npos ? std::string(security::kClusterName) : words[i].substr(colon + 1);
    const bool is_prefix = name.size() > 1 && name.ends_with('*');
    if (is_prefix) name.pop_back();
    for (const std::string& operation : split(words[0], ',')) {
      grants_.push_back({.principal = security::principal_of(user),
                         .permission = permission,
                         .operation = named(operation, Operation::all),
                         .type = named(words[i].substr(0, colon), ResourceType::channel),
                         .pattern = is_prefix ? security::PatternType::prefixed : security::PatternType::literal,
                         .name = name});
    }
  }
  publish();
}

void GrantedHome::grant(std::string_view user, std::string_view grants) {
  add(user, grants, security::Permission::allow);
}

void GrantedHome::deny(std::string_view user, std::string_view grants) {
  add(user, grants, security::Permission::deny);
}

void GrantedHome::take_back(std::string_view user) {
  std::erase_if(grants_, [&](const Grant& grant) { return grant.principal == security::principal_of(user); });
  publish();
}

TestClient& GrantedHome::client(std::string_view user) {
  TestClient& client = home_->client();
  EXPECT_EQ(client({"AUTH", user, kPassword}), "+OK\r\n");
  return client;
}

}  // namespace leat::resp
