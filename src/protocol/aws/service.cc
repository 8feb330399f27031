#include "protocol/aws/service.h"

#include "base/json_text.h"
#include "base/logging.h"
#include "protocol/aws/json_codec.h"
#include "runtime/shard.h"
#include "security/login.h"

namespace leat::aws {
namespace {

constexpr std::string_view kJsonType = "application/x-amz-json-1.0";
constexpr std::string_view kXmlType = "text/xml";
constexpr std::string_view kRequestIdHeader = "x-amzn-RequestId";
constexpr std::string_view kJsonCommonNamespace = "com.amazon.coral.service#";

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || std::string_view(".-_:[]").contains(static_cast<char>(c));
  });
}

// What is of use to a log or a client of who knows what a client sent.
std::string_view shown(std::string_view text) {
  constexpr std::size_t kShownMax = 100;
  return is_aws_text(text) && text.size() <= kShownMax ? text : "";
}

ErrorCode code_of(security::SigV4Failure failure) {
  using enum security::SigV4Failure;
  switch (failure) {
    case missing: return ErrorCode::missing_authentication_token;
    case incomplete: return ErrorCode::incomplete_signature;
    case unknown_key: return ErrorCode::invalid_client_token_id;
    case expired: return ErrorCode::request_expired;
    case mismatch: return ErrorCode::signature_does_not_match;
  }
  return ErrorCode::access_denied;
}

// Pages of any origin may have browsers send requests, also with the user's certificate, but none with a header of theirs.
bool is_of_page(const http::HttpRequest& request) {
  const std::string_view site = request.header("Sec-Fetch-Site");
  return request.header("Authorization").empty() &&
         (!request.header("Origin").empty() || site == "cross-site" || site == "same-site");
}

std::string json_error(const Fault& fault, const WireError& wire, const ApiTraits& api) {
  std::string body = R"({"__type":")";
  body += wire.is_in_model ? api.json_namespace : kJsonCommonNamespace;
  body += wire.shape;
  body += R"(","message":)";
  append_json_text(is_utf8(fault.message) ? std::string_view(fault.message) : wire.shape, body);
  body += '}';
  return body;
}

std::string xml_error(const Fault& fault, const WireError& wire, const ApiTraits& api, std::string_view request_id) {
  std::string body =
      fmt::format("<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>",
                  api.xml_namespace, wire.status < 500 ? "Sender" : "Receiver", wire.legacy);
  append_xml_text(is_utf8(fault.message) ? std::string_view(fault.message) : wire.shape, body);
  body += fmt::format("</Message><Detail/></Error><RequestId>{}</RequestId></ErrorResponse>", request_id);
  return body;
}

std::string xml_answer(const Message& message, std::string_view result, const ApiTraits& api,
                       std::string_view request_id) {
  std::string body;
  body.reserve(result.size() + 400);
  body += fmt::format("<?xml version=\"1.0\"?><{}Response xmlns=\"{}\">", message.action, api.xml_namespace);
  if (message.has_result || !message.output.fields.empty()) {
    body += fmt::format("<{}Result>", message.action);
    body += result;
    body += fmt::format("</{}Result>", message.action);
  }
  body += fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{}Response>", request_id,
                      message.action);
  return body;
}

}  // namespace

struct Service::Exchange {
  Arena& arena;
  Form form;
  Api* api;
  std::optional<std::size_t> action;  // in the messages of the API
  std::string request_id;

  [[nodiscard]] const Message& message() const { return api->messages()[*action]; }
};

Service::Service(const Options& options, std::vector<Api*> apis) : options_(options), apis_(std::move(apis)) {
  for (const Api* api : apis_)
    verifiers_.emplace_back([this](std::string_view id) { return find_secret(id); }, std::string(api->traits().name),
                            security::SigV4Limits{.clock_skew_max = options.clock_skew_max});
  if (options.policies == nullptr) return;
  logins_ = std::make_unique<security::Logins>(std::string(apis_.front()->traits().name), *options.policies);
  ledger_ = std::make_unique<security::QuotaLedger>(std::string(apis_.front()->traits().name), *options.policies);
  quotas_ = std::make_unique<security::QuotaGate>(*ledger_);
}

Outcome<> Service::charge(const http::HttpRequest& request, const Call& call) {
  const bool is_admitted = !quotas_ || quotas_->admit(call.principal, request.body.size()) <= Duration{0};
  if (is_admitted) return {};
  return refuse(ErrorCode::request_throttled, "Rate exceeded: the quota of the user is used up.");
}

const std::string* Service::find_secret(std::string_view id) const {
  const auto owner = options_.policies ? options_.policies->current()->find_access_key(id) : std::nullopt;
  return owner ? &owner->key->secret : options_.access_keys.find(id);
}

bool Service::takes_anyone() const {
  return options_.access_keys.empty() && (options_.policies == nullptr || options_.policies->current()->is_open());
}

// Who signed with the key.
void Service::set_sender(std::string_view key_id, const http::HttpRequest& request, Call& call) {
  const auto owner = options_.policies ? options_.policies->current()->find_access_key(key_id) : std::nullopt;
  call.sender = owner ? owner->user->name : std::string(key_id);
  call.principal.name = security::principal_of(call.sender);
  if (logins_) logins_->by_signature(call.principal, std::string(request.peer));
}

Outcome<> Service::read_json(const http::HttpRequest& request, std::string_view target, Exchange& exchange) {
  exchange.form.json = request.body;
  for (Api* api : apis_) {
    for (const bool is_own : {false, true}) {
      const std::string_view prefix = is_own ? api->traits().own_json_target : api->traits().json_target;
      if (prefix.empty() || !target.starts_with(prefix)) continue;
      exchange.api = api;
      exchange.action = api->find(target.substr(prefix.size()), is_own);
      if (exchange.action) return {};
    }
  }
  return refuse(ErrorCode::invalid_action,
                fmt::format("The action or operation requested is invalid: {}.", shown(target)));
}

Outcome<> Service::read_query(const http::HttpRequest& request, Exchange& exchange) {
  Form& form = exchange.form;
  form.is_json = false;
  form.path = request.path;
  LEAT_CHECK(parse_form(request.query, exchange.arena, form.parameters));
  if (request.method == "POST") LEAT_CHECK(parse_form(request.body, exchange.arena, form.parameters));
  const std::string_view name = find_parameter(form.parameters, "Action");
  const std::string_view version = find_parameter(form.parameters, "Version");
  const auto by_version = std::ranges::find(apis_, version, [](const Api* api) { return api->traits().version; });
  if (by_version != apis_.end()) exchange.api = *by_version;
  if (!is_set(name)) return refuse(ErrorCode::missing_parameter, "The request must contain the parameter Action.");
  for (Api* api : apis_) {
    if (by_version != apis_.end() && api != *by_version) continue;
    if (const auto action = api->find(name, false)) {
      exchange.api = api;
      exchange.action = action;
      return {};
    }
  }
  return refuse(ErrorCode::invalid_action,
                fmt::format("The action or operation requested is invalid: {}.", shown(name)));
}

Outcome<> Service::read(const http::HttpRequest& request, Exchange& exchange) {
  const auto target = request.header("X-Amz-Target");
  LEAT_CHECK(target.empty() ? read_query(request, exchange) : read_json(request, target, exchange));
  if (request.method != "POST" && (exchange.form.is_json || request.method != "GET"))
    return refuse(ErrorCode::invalid_action, "Requests are sent with POST, or with GET and a query.");
  return {};
}

Outcome<> Service::authenticate(const http::HttpRequest& request, const Exchange& exchange, Call& call) {
  const auto question = request.target.find('?');
  const std::string_view target = request.target;
  const security::SignedRequest is_signed{
      request.method, target.substr(0, question),
      question == std::string::npos ? std::string_view() : target.substr(question + 1), request.headers, request.body};
  const bool is_borrowed = is_of_page(request) && !call.is_open;
  const auto of_page = [] { return refuse(ErrorCode::access_denied, "Requests of web pages have to be signed."); };
  if (takes_anyone()) {
    if (is_borrowed) return of_page();
    if (const auto claimed = security::claimed_credential(is_signed); claimed && is_host(claimed->region))
      call.region = claimed->region;
    return {};
  }
  const auto api = std::ranges::find(apis_, exchange.api) - apis_.begin();
  const auto verified = verifiers_[static_cast<std::size_t>(api)].verify(is_signed, call.now);
  if (!verified) {
    const bool is_unsigned = verified.error().failure == security::SigV4Failure::missing;
    const bool has_users = options_.policies != nullptr && !options_.policies->current()->is_open();
    if (is_unsigned && is_borrowed) return of_page();
    if (is_unsigned && has_users) set_unsigned_sender(request, call);
    if (is_unsigned && (has_users || call.is_open)) return {};
    log_limiter_.write(runtime::Shard::current().now(), LogLevel::info, exchange.api->traits().name,
                       "{}: request not let in: {}", request.peer, verified.error().message);
    const auto claimed = security::claimed_credential(is_signed);
    if (logins_) logins_->signature_refused(claimed ? claimed->key_id : "", std::string(request.peer));
    return refuse(code_of(verified.error().failure), verified.error().message);
  }
  if (is_host(verified->region)) call.region = verified->region;
  set_sender(verified->key_id, request, call);
  return {};
}

// Whom the client's certificate names, if it shows one.
void Service::set_unsigned_sender(const http::HttpRequest& request, Call& call) {
  if (request.certified_name.empty()) return;
  auto who = logins_->by_certificate(request.certified_name, request.certified_until, std::string(request.peer));
  if (!who) return;
  call.principal = std::move(*who);
  call.sender = request.certified_name;
}

runtime::Task<http::HttpResponse> Service::answer(const http::HttpRequest& request) {
  runtime::Shard& shard = runtime::Shard::current();
  const MonoTime start = shard.now();
  if (request.method == "GET" && request.query.empty()) {
    for (Api* api : apis_) {
      auto document = co_await api->document(request.path);
      if (document) co_return std::move(*document);
    }
  }
  Call call;
  call.region = options_.region;
  call.now = shard.wall_now();
  call.presence = request.presence;
  call.principal = security::Principal::anonymous(security::host_of(request.peer));
  const auto host = request.header("Host");
  call.host = is_host(host) ? host : "localhost";
  call.is_secure = request.is_secure;
  Exchange exchange{.arena = call.arena, .api = apis_.front()};
  exchange.request_id = Uuid::from_random(shard.random(), shard.random()).to_string();
  std::string body;
  Outcome<> outcome = read(request, exchange);
  if (outcome) {
    call.is_open = exchange.api->is_open(*exchange.action, exchange.form);
    outcome = authenticate(request, exchange, call);
  }
  if (outcome) outcome = charge(request, call);
  if (outcome) {
    try {
      outcome = co_await exchange.api->run(*exchange.action, call, exchange.form, body);
    } catch (const std::exception& failure) {
      log_error(exchange.api->traits().name, "{} failed: {}", exchange.message().action, failure.what());
      outcome = refuse(ErrorCode::internal_failure, "The server failed to answer; its log says why.");
    }
  }
  count(exchange, outcome, start);
  if (quotas_) quotas_->charge_out(call.principal, body.size());
  const ApiTraits& api = exchange.api->traits();
  if (!outcome && api.wire_error(outcome.error().code).status >= 500) {
    log_limiter_.write(shard.now(), LogLevel::warning, api.name, "{}: {} failed: {}", request.peer,
                       exchange.action ? exchange.message().action : "a request", outcome.error().message);
  }
  co_return respond(exchange, outcome, std::move(body));
}

void Service::count(const Exchange& exchange, const Outcome<>& outcome, MonoTime start) {
  ApiStats& stats = exchange.api->stats();
  const std::size_t index = exchange.action.value_or(stats.actions.size());
  if (!outcome) stats.errors[index][static_cast<std::size_t>(outcome.error().code)].add();
  if (!exchange.action) return;
  const auto took = runtime::Shard::current().now() - start;
  stats.actions[index].requests.add();
  stats.actions[index].latency.record_us(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

http::HttpResponse Service::respond(Exchange& exchange, const Outcome<>& outcome, std::string body) {
  http::HttpResponse response;
  const ApiTraits& api = exchange.api->traits();
  const bool is_json = exchange.form.is_json;
  response.content_type = is_json ? kJsonType : kXmlType;
  if (outcome) {
    response.body = is_json ? std::move(body) : xml_answer(exchange.message(), body, api, exchange.request_id);
    response.headers.emplace_back(kRequestIdHeader, std::move(exchange.request_id));
    return response;
  }
  const WireError& wire = api.wire_error(outcome.error().code);
  response.status = wire.status;
  if (is_json) {
    response.headers.emplace_back("x-amzn-query-error",
                                  fmt::format("{};{}", wire.legacy, wire.status < 500 ? "Sender" : "Receiver"));
    response.body = json_error(outcome.error(), wire, api);
  } else {
    response.body = xml_error(outcome.error(), wire, api, exchange.request_id);
  }
  response.headers.emplace_back(kRequestIdHeader, std::move(exchange.request_id));
  return response;
}

}  // namespace leat::aws
