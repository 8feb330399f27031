#include "protocol/sns/signing_keys.h"

#include "runtime/call.h"

namespace leat::sns {
namespace {

constexpr std::string_view kKeyEntry = "sns/signing-key";
// In the entry's value: a line with its version, the key, the certificate.
constexpr std::string_view kVersionLine = "version 1\n";
constexpr std::string_view kCertificateBegin = "-----BEGIN CERTIFICATE-----";

Result<SigningKey> decode(std::string_view value) {
  const auto certificate = value.find(kCertificateBegin);
  if (!value.starts_with("version ")) return fail(Errc::corrupt, fmt::format("{}: it cannot be read", kKeyEntry));
  if (!value.starts_with(kVersionLine))
    return fail(Errc::unsupported, fmt::format("{}: a newer leat wrote it", kKeyEntry));
  if (certificate == std::string_view::npos) return fail(Errc::corrupt, fmt::format("{}: it is cut off", kKeyEntry));
  return SigningKey{std::string(value.substr(kVersionLine.size(), certificate - kVersionLine.size())),
                    std::string(value.substr(certificate))};
}

}  // namespace

runtime::Task<Result<std::shared_ptr<const Signer>>> SigningKeys::get() {
  co_return co_await runtime::call_on(home_, get_on, this);
}

runtime::Task<Result<std::shared_ptr<const Signer>>> SigningKeys::get_on(SigningKeys* keys) {
  if (keys->signer_ != nullptr) co_return keys->signer_;
  co_await keys->turn_.reserve(1);
  const runtime::Reservation turn(keys->turn_, 1);
  if (keys->signer_ != nullptr) co_return keys->signer_;
  LEAT_CO_TRY(const SigningKey key, co_await keys->load());
  LEAT_CO_TRY(keys->signer_, Signer::open(key));
  co_return keys->signer_;
}

runtime::Task<Result<SigningKey>> SigningKeys::load() {
  const std::string entry(kKeyEntry);
  std::optional<SigningKey> made;
  while (true) {
    LEAT_CO_TRY(const catalog::Snapshot snapshot, co_await catalog_.snapshot({entry}));
    if (!snapshot.entries.empty()) co_return decode(snapshot.entries.front().value);
    if (!made) {
      LEAT_CO_TRY(made, co_await runtime::run_blocking([] { return make_signing_key(); }));
    }
    catalog::Commit request;
    request.conditions.push_back({entry, catalog::kAbsent});
    request.puts.push_back({entry, fmt::format("{}{}{}", kVersionLine, made->key, made->certificate)});
    const auto committed = co_await catalog_.commit(std::move(request));
    // Another node may have been faster: then its key counts.
    if (!committed && committed.error().code != Errc::version_conflict) co_return fail(committed.error());
  }
}

}  // namespace leat::sns
