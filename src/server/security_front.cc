#include "server/security_front.h"

#include <sys/stat.h>

#include "base/logging.h"
#include "runtime/call.h"
#include "security/audit_log.h"
#include "security/jwt.h"

namespace leat::server {
namespace {

using runtime::Task;
using security::Principal;

constexpr std::string_view kAuditFolder = "audit";
constexpr std::string_view kAuditFile = "audit.log";

// Those whom the operator's identity server names.
class JwtIssuer final : public security::TokenIssuer {
 public:
  JwtIssuer(const JwtConfig& config, JwksSource::Keys keys, JwksSource& source)
      : rules_{.issuer = config.issuer,
               .audience = config.audience,
               .user_claim = config.user_claim,
               .roles_claim = config.roles_claim,
               .clock_skew = config.clock_skew},
        keys_(std::move(keys)),
        source_(source) {}

  Result<Principal> owner_of(std::string_view token, Timestamp now) const override {
    auto identity = verify_jwt(*keys_, rules_, token, now);
    if (!identity) {
      if (names_unknown_key(*keys_, token)) source_.ask();
      return fail(std::move(identity.error()));
    }
    Principal principal{security::principal_of(identity->user), ""};
    for (const std::string& role : identity->roles) principal.roles.push_back(security::role_principal_of(role));
    principal.expires = identity->expires;
    return principal;
  }

 private:
  security::JwtRules rules_;
  JwksSource::Keys keys_;
  JwksSource& source_;
};

// --- on each shard ---

Task<> set_issuer(security::Policies* policies, std::shared_ptr<const security::TokenIssuer> issuer) {
  policies->set_token_issuer(std::move(issuer));
  co_return;
}

Task<> sweep(security::AuditLog* audit, bool all) {
  audit->sweep(all);
  co_return;
}

Task<> give_to_all(std::vector<runtime::Shard*> shards, security::Policies* policies,
                   std::shared_ptr<const security::TokenIssuer> issuer) {
  for (runtime::Shard* shard : shards) co_await runtime::call_on(*shard, set_issuer, policies, issuer);
}

Result<std::unique_ptr<LineFile>> open_file(const std::string& data_folder, const AuditConfig& config) {
  const std::string folder = fmt::format("{}/{}", data_folder, kAuditFolder);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Errc::io, fmt::format("{}: {}", folder, std::strerror(errno)));
  return LineFile::open(fmt::format("{}/{}", folder, kAuditFile),
                        {.file_bytes_max = static_cast<std::size_t>(config.file_max_bytes),
                         .files_max = static_cast<std::size_t>(config.files_max)});
}

}  // namespace

SecurityFront::SecurityFront(std::vector<runtime::Shard*> shards, runtime::FileSystem& files,
                             std::shared_ptr<security::Policies> policies)
    : shards_(std::move(shards)), files_(files), policies_(std::move(policies)) {}

Task<Status> SecurityFront::open_audit(const ServerConfig& config) {
  if (!config.audit.enabled) co_return Status{};
  auto file = co_await runtime::run_blocking([&] { return open_file(config.data_dir, config.audit); });
  if (!file) co_return fail(file.error().code, fmt::format("the audit log: {}", file.error().message));
  policies_->set_audit(std::make_shared<security::AuditLog>(shards_.size(), std::move(*file)));
  audits_ = true;
  tasks_.spawn(sweep_audit());
  co_return Status{};
}

Task<Status> SecurityFront::trust_issuer(const ServerConfig& config, http::OutgoingClient& client) {
  if (config.jwt.jwks.empty()) co_return Status{};
  jwt_ = config.jwt;
  if (jwt_.audience.empty())
    log_warning("security", "jwt.audience is not set: tokens that were issued for other services count too");
  jwks_ = std::make_unique<JwksSource>(jwt_.jwks, files_, client,
                                       [this](JwksSource::Keys keys) { use_keys(std::move(keys)); });
  LEAT_CO_CHECK(co_await jwks_->start());
  // The first keys hold before anybody may come.
  co_await give_to_all(shards_, policies_.get(), issuer_);
  co_return Status{};
}

void SecurityFront::use_keys(JwksSource::Keys keys) {
  issuer_ = std::make_shared<JwtIssuer>(jwt_, std::move(keys), *jwks_);
  tasks_.spawn(give_to_all(shards_, policies_.get(), issuer_));
}

Task<> SecurityFront::sweep_audit() {
  while (!stopping_) {
    co_await stop_wake_.wait_until(runtime::Shard::current().now() + security::AuditLog::kWindow);
    for (runtime::Shard* shard : shards_) co_await runtime::call_on(*shard, sweep, &policies_->audit(), false);
  }
  for (runtime::Shard* shard : shards_) co_await runtime::call_on(*shard, sweep, &policies_->audit(), true);
}

Task<> SecurityFront::stop() {
  stopping_ = true;
  stop_wake_.notify_all();
  if (jwks_) co_await jwks_->stop();
  co_await tasks_.join();
  co_await give_to_all(shards_, policies_.get(), nullptr);
}

void SecurityFront::collect(observe::MetricsPage& page) const {
  if (audits_) {
    const security::AuditLog::Totals totals = policies_->audit().totals();
    page.counter("leat_audit_events_total", "Lines of the audit log, those that were alike counted each.", {},
                 static_cast<double>(totals.events));
    page.counter("leat_audit_lost_total", "Lines of the audit log that the disk was too slow for.", {},
                 static_cast<double>(totals.lost));
  }
  if (jwks_ == nullptr) return;
  const auto show = [&](std::string_view outcome, const Counter& counter) {
    page.counter("leat_jwks_reads_total", "Reads of the keys that tokens are verified with, by their outcome.",
                 {{"outcome", std::string(outcome)}}, counter);
  };
  show("succeeded", jwks_->stats().succeeded);
  show("failed", jwks_->stats().failed);
}

}  // namespace leat::server
