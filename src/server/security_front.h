#pragma once

#include <memory>
#include <string>
#include <vector>

#include "observe/metrics_page.h"
#include "protocol/http/outgoing_client.h"
#include "runtime/file.h"
#include "runtime/sync.h"
#include "security/policies.h"
#include "server/config/config.h"
#include "server/jwks_source.h"

namespace leat::server {

// What stands around users and grants: the audit log, and who else may issue tokens. On the first shard.
class SecurityFront {
 public:
  SecurityFront(std::vector<runtime::Shard*> shards, runtime::FileSystem& files,
                std::shared_ptr<security::Policies> policies);
  SecurityFront(const SecurityFront&) = delete;
  SecurityFront& operator=(const SecurityFront&) = delete;

  // From here on refusals are audited. Before anything listens that may refuse. Error: the file cannot be opened.
  runtime::Task<Status> open_audit(const ServerConfig& config);
  // From here on the tokens of the issuer count, if there is one. `client` outlives stop(). Errors: its keys cannot be read.
  runtime::Task<Status> trust_issuer(const ServerConfig& config, http::OutgoingClient& client);
  // After the last connection.
  runtime::Task<> stop();
  void collect(observe::MetricsPage& page) const;

 private:
  void use_keys(JwksSource::Keys keys);
  runtime::Task<> sweep_audit();

  std::vector<runtime::Shard*> shards_;
  runtime::FileSystem& files_;
  std::shared_ptr<security::Policies> policies_;
  JwtConfig jwt_;
  std::unique_ptr<JwksSource> jwks_;
  std::shared_ptr<const security::TokenIssuer> issuer_;  // the last one
  bool audits_ = false;
  bool stopping_ = false;
  runtime::Notifier stop_wake_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::server
