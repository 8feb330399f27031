#include "protocol/sqs/service.h"

#include "base/logging.h"
#include "protocol/sqs/json_codec.h"
#include "runtime/shard.h"

namespace leat::sqs {
namespace {

constexpr std::string_view kTargetPrefix = "AmazonSQS.";
constexpr std::string_view kOwnTargetPrefix = "Leat.";
constexpr std::string_view kJsonType = "application/x-amz-json-1.0";
constexpr std::string_view kXmlType = "text/xml";
constexpr std::string_view kNamespace = "http://queue.amazonaws.com/doc/2012-11-05/";
constexpr std::string_view kJsonNamespace = "com.amazonaws.sqs#";
constexpr std::string_view kJsonCommonNamespace = "com.amazon.coral.service#";

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || std::string_view(".-_:[]").contains(static_cast<char>(c));
  });
}

// What is of use to a log or a client of who knows what a client sent.
std::string_view shown(std::string_view text) {
  constexpr std::size_t kShownMax = 100;
  return is_sqs_text(text) && text.size() <= kShownMax ? text : "";
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

std::string json_error(const Fault& fault, const WireError& wire) {
  std::string body = R"({"__type":")";
  body += wire.is_in_model ? kJsonNamespace : kJsonCommonNamespace;
  body += wire.shape;
  body += R"(","message":)";
  append_json_text(is_utf8(fault.message) ? std::string_view(fault.message) : wire.shape, body);
  body += '}';
  return body;
}

std::string xml_error(const Fault& fault, const WireError& wire, std::string_view request_id) {
  std::string body =
      fmt::format("<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>",
                  kNamespace, wire.status < 500 ? "Sender" : "Receiver", wire.legacy);
  append_xml_text(is_utf8(fault.message) ? std::string_view(fault.message) : wire.shape, body);
  body += fmt::format("</Message><Detail/></Error><RequestId>{}</RequestId></ErrorResponse>", request_id);
  return body;
}

std::string xml_answer(std::string_view action, bool has_output, std::string_view result, std::string_view request_id) {
  std::string body;
  body.reserve(result.size() + 400);
  body += fmt::format("<?xml version=\"1.0\"?><{0}Response xmlns=\"{1}\">", action, kNamespace);
  if (has_output) {
    body += fmt::format("<{}Result>", action);
    body += result;
    body += fmt::format("</{}Result>", action);
  }
  body +=
      fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{}Response>", request_id, action);
  return body;
}

}  // namespace

struct Service::Exchange {
  Arena& arena;
  Form form;
  const Action* action = nullptr;
  std::string request_id;
};

Service::Service(const SqsOptions& options, queue::Queues& queues, PurgeTimes& purge_times)
    : options_(options),
      queues_(queues),
      purge_times_(purge_times),
      verifier_(options.access_keys, "sqs", {.clock_skew_max = options.clock_skew_max}) {}

Outcome<> Service::read(const http::HttpRequest& request, Exchange& exchange) {
  Form& form = exchange.form;
  std::string_view name;
  bool is_own = false;
  if (const auto target = request.header("X-Amz-Target"); !target.empty()) {
    if (target.starts_with(kTargetPrefix)) name = target.substr(kTargetPrefix.size());
    is_own = target.starts_with(kOwnTargetPrefix);
    if (is_own) name = target.substr(kOwnTargetPrefix.size());
    form.json = request.body;
  } else {
    form.is_json = false;
    form.path = request.path;
    LEAT_CHECK(parse_form(request.query, exchange.arena, form.parameters));
    if (request.method == "POST") LEAT_CHECK(parse_form(request.body, exchange.arena, form.parameters));
    name = find_parameter(form.parameters, "Action");
    if (!is_set(name)) return refuse(ErrorCode::missing_parameter, "The request must contain the parameter Action.");
  }
  exchange.action = is_own ? find_own_action(name) : find_action(name);
  if (exchange.action == nullptr) {
    return refuse(ErrorCode::invalid_action,
                  fmt::format("The action or operation requested is invalid: {}.", shown(name)));
  }
  if (request.method != "POST" && (form.is_json || request.method != "GET"))
    return refuse(ErrorCode::invalid_action, "Requests are sent with POST, or with GET and a query.");
  return {};
}

Outcome<> Service::authenticate(const http::HttpRequest& request, Call& call) {
  const auto question = request.target.find('?');
  const std::string_view target = request.target;
  const security::SignedRequest is_signed{
      request.method, target.substr(0, question),
      question == std::string::npos ? std::string_view() : target.substr(question + 1), request.headers, request.body};
  if (options_.access_keys.empty()) {
    if (const auto claimed = security::claimed_credential(is_signed); claimed && is_host(claimed->region))
      call.region = claimed->region;
    return {};
  }
  const auto verified = verifier_.verify(is_signed, call.now);
  if (!verified) {
    log_limiter_.write(runtime::Shard::current().now(), LogLevel::info, "sqs", "{}: request not let in: {}",
                       request.peer, verified.error().message);
    return refuse(code_of(verified.error().failure), verified.error().message);
  }
  call.region = verified->region;
  call.sender = verified->key_id;
  return {};
}

runtime::Task<http::HttpResponse> Service::answer(const http::HttpRequest& request) {
  runtime::Shard& shard = runtime::Shard::current();
  const MonoTime start = shard.now();
  Call call{.queues = queues_, .options = options_, .purge_times = purge_times_, .stats = stats_};
  call.region = options_.region;
  call.now = shard.wall_now();
  call.presence = request.presence;
  const auto host = request.header("Host");
  call.base_url = fmt::format("http://{}", is_host(host) ? host : "localhost");
  Exchange exchange{.arena = call.arena};
  exchange.request_id = Uuid::from_random(shard.random(), shard.random()).to_string();
  std::string body;
  Outcome<> outcome = read(request, exchange);
  if (outcome) outcome = authenticate(request, call);
  if (outcome) {
    try {
      outcome = co_await exchange.action->run(*exchange.action, call, exchange.form, body);
    } catch (const std::exception& failure) {
      log_error("sqs", "{} failed: {}", exchange.action->message->action, failure.what());
      outcome = refuse(ErrorCode::internal_failure, "The server failed to answer; its log says why.");
    }
  }
  count(exchange, outcome, start);
  if (!outcome && wire_error(outcome.error().code).status >= 500) {
    log_limiter_.write(shard.now(), LogLevel::warning, "sqs", "{}: {} failed: {}", request.peer,
                       exchange.action == nullptr ? "a request" : exchange.action->message->action,
                       outcome.error().message);
  }
  co_return respond(exchange, outcome, std::move(body));
}

void Service::count(const Exchange& exchange, const Outcome<>& outcome, MonoTime start) {
  const std::size_t index = exchange.action == nullptr ? kActions : exchange.action->index;
  if (!outcome) stats_.errors[index][static_cast<std::size_t>(outcome.error().code)].add();
  if (index == kActions) return;
  const auto took = runtime::Shard::current().now() - start;
  stats_.actions[index].requests.add();
  stats_.actions[index].latency.record_us(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

http::HttpResponse Service::respond(const Exchange& exchange, const Outcome<>& outcome, std::string body) {
  http::HttpResponse response;
  const bool is_json = exchange.form.is_json;
  response.content_type = is_json ? kJsonType : kXmlType;
  response.headers.emplace_back("x-amzn-RequestId", exchange.request_id);
  if (outcome) {
    const auto& message = *exchange.action->message;
    response.body = is_json ? std::move(body)
                            : xml_answer(message.action, !message.output.fields.empty(), body, exchange.request_id);
    return response;
  }
  const WireError& wire = wire_error(outcome.error().code);
  response.status = wire.status;
  if (is_json) {
    response.headers.emplace_back("x-amzn-query-error",
                                  fmt::format("{};{}", wire.legacy, wire.status < 500 ? "Sender" : "Receiver"));
    response.body = json_error(outcome.error(), wire);
  } else {
    response.body = xml_error(outcome.error(), wire, exchange.request_id);
  }
  return response;
}

}  // namespace leat::sqs
