#pragma once

#include "base/log_limiter.h"
#include "protocol/aws/api.h"
#include "protocol/aws/options.h"
#include "security/login.h"
#include "security/quota_gate.h"
#include "security/sigv4.h"

namespace leat::aws {

// Answers HTTP requests with what services of AWS answer: finds out which one a request is for and whether it may be let
// in, and puts what an action says into the form that its client speaks. Belongs to one shard.
class Service {
 public:
  // What it is given outlives it. Who names no service means the first one.
  Service(const Options& options, std::vector<Api*> apis);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // nullptr: there are no users.
  [[nodiscard]] const security::Logins* logins() const { return logins_.get(); }
  [[nodiscard]] const security::QuotaLedger* quotas() const { return ledger_.get(); }

  [[nodiscard]] runtime::Task<http::HttpResponse> answer(const http::HttpRequest& request);

 private:
  struct Exchange;

  // Which form the request has and which action it asks for.
  Outcome<> read(const http::HttpRequest& request, Exchange& exchange);
  Outcome<> read_json(const http::HttpRequest& request, std::string_view target, Exchange& exchange);
  Outcome<> read_query(const http::HttpRequest& request, Exchange& exchange);
  [[nodiscard]] const std::string* find_secret(std::string_view id) const;
  [[nodiscard]] bool takes_anyone() const;
  void set_sender(std::string_view key_id, const http::HttpRequest& request, Call& call);
  Outcome<> charge(const http::HttpRequest& request, const Call& call);
  void set_unsigned_sender(const http::HttpRequest& request, Call& call);
  Outcome<> authenticate(const http::HttpRequest& request, const Exchange& exchange, Call& call);
  http::HttpResponse respond(Exchange& exchange, const Outcome<>& outcome, std::string body);
  void count(const Exchange& exchange, const Outcome<>& outcome, MonoTime start);

  const Options& options_;
  std::vector<Api*> apis_;
  std::vector<security::SigV4Verifier> verifiers_;  // one an API
  LogLimiter log_limiter_;
  // nullptr: there are no users.
  std::unique_ptr<security::Logins> logins_;
  std::unique_ptr<security::QuotaLedger> ledger_;
  std::unique_ptr<security::QuotaGate> quotas_;
};

}  // namespace leat::aws
