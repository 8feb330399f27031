#include "protocol/resp/acl/user.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

constexpr std::size_t kHashDigits = 64;

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string hash_password(std::string_view password) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(password.data(), password.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string User::apply(std::string_view rule) {
  bool known = true;
  std::string why = apply_word(rule, known);
  if (!known) why = selectors_.front().apply(rule);
  unrestricted_ = selectors_.front().allows_everything();
  return why;
}

std::string User::apply_word(std::string_view rule, bool& known) {
  if (rule.empty()) return {};
  if (is_word(rule, "ON") || is_word(rule, "OFF")) {
    enabled_ = is_word(rule, "ON");
  } else if (is_word(rule, "NOPASS") || is_word(rule, "RESETPASS")) {
    no_password_ = is_word(rule, "NOPASS");
    passwords_.clear();
  } else if (is_word(rule, "SKIP-SANITIZE-PAYLOAD") || is_word(rule, "SANITIZE-PAYLOAD")) {
    sanitizing_ = is_word(rule, "SANITIZE-PAYLOAD") ? "sanitize-payload" : "skip-sanitize-payload";
  } else if (is_word(rule, "RESET")) {
    *this = User(std::move(name_));
    sanitizing_ = "sanitize-payload";
  } else if (is_word(rule, "CLEARSELECTORS")) {
    selectors_.resize(1);
  } else if (rule.front() == '(' && rule.back() == ')') {
    return add_selector(rule.substr(1, rule.size() - 2));
  } else if (std::string_view("><#!").find(rule.front()) != std::string_view::npos) {
    return apply_password(rule);
  } else {
    known = false;
  }
  return {};
}

std::string User::apply_password(std::string_view rule) {
  const bool is_plain = rule.front() == '>' || rule.front() == '<';
  const bool adds = rule.front() == '>' || rule.front() == '#';
  rule.remove_prefix(1);
  if (!is_plain && !is_hash(rule)) {
    return "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
  }
  const std::string hash = is_plain ? hash_password(rule) : std::string(rule);
  const auto found = std::ranges::find(passwords_, hash);
  if (!adds) {
    if (found == passwords_.end()) return "The password you are trying to remove from the user does not exist";
    passwords_.erase(found);
    return {};
  }
  if (found == passwords_.end()) passwords_.push_back(hash);
  no_password_ = false;
  return {};
}

std::string User::add_selector(std::string_view rules) {
  Selector selector;
  for (const std::string_view word : split_words(rules)) {
    if (std::string why = selector.apply(word); !why.empty()) return why;
  }
  selectors_.push_back(std::move(selector));
  return {};
}

bool User::accepts(std::string_view password) const {
  if (!enabled_) return false;
  if (no_password_) return true;
  const std::string hash = hash_password(password);
  bool found = false;
  for (const std::string& known : passwords_) found |= CRYPTO_memcmp(known.data(), hash.data(), kHashDigits) == 0;
  return found;
}

AclCheck User::check(const Command& command, Arguments arguments) const {
  AclCheck worst;
  for (const Selector& selector : selectors_) {
    const AclCheck result = selector.check(command, arguments);
    if (result) return result;
    if (result.denial > worst.denial || (result.denial == worst.denial && result.index > worst.index)) worst = result;
  }
  return worst;
}

bool User::allows_channel(std::string_view name, pubsub::Kind kind) const {
  const bool is_pattern = kind == pubsub::Kind::pattern;
  return std::ranges::any_of(selectors_, [&](const Selector& known) { return known.allows_channel(name, is_pattern); });
}

std::vector<std::string> User::flags() const {
  std::vector<std::string> flags{enabled_ ? "on" : "off"};
  if (no_password_) flags.emplace_back("nopass");
  if (!sanitizing_.empty()) flags.push_back(sanitizing_);
  return flags;
}

std::vector<std::string> User::rules() const {
  std::vector<std::string> rules = flags();
  for (const std::string& hash : passwords_) rules.push_back('#' + hash);
  const std::string own = selectors_.front().rules();
  for (const std::string_view rule : split_words(own)) rules.emplace_back(rule);
  for (std::size_t i = 1; i < selectors_.size(); ++i) rules.push_back(fmt::format("({})", selectors_[i].rules()));
  return rules;
}

}  // namespace leat::resp
