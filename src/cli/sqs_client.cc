#include "cli/sqs_client.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "cli/environment.h"
#include "cli/http_transfer.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Milliseconds kAnswerMax{90'000};  // a receive waits for up to 20 s
constexpr Milliseconds kRetryAfter{500};
constexpr long kUnavailable = 503;
constexpr std::size_t kAnswerSizeMax = std::size_t{256} << 20;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What the server refused, with what to do about it.
Error refusal(std::string_view server, long status, const std::string& answer) {
  const Json body = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  std::string type = body.is_object() ? text_of(body, "__type") : std::string();
  if (type.empty()) {
    return {Errc::unsupported,
            fmt::format("what answers at {} is no SQS listener of leat (HTTP status {}); name one with --server "
                        "HOST:PORT or LEAT_SQS, as `leat config check` shows it under listen",
                        server, status)};
  }
  type = type.substr(type.find('#') + 1);
  const std::string message = text_of(body, "message");
  if (status == kUnavailable) return {Errc::io, fmt::format("{} ({})", message, type)};
  if (type == "QueueDoesNotExist")
    return {Errc::not_found, "there is no such queue; `leat queue list` shows those there are"};
  if (type == "QueueNameExists") return {Errc::exists, message};
  if (type.starts_with("AccessDenied") || type.starts_with("MissingAuthenticationToken") ||
      type.contains("Signature") || type == "UnrecognizedClientException") {
    return {Errc::permission_denied,
            fmt::format("{} ({}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that the server knows",
                        message, type)};
  }
  if (type == "UnknownOperationException")
    return {Errc::unsupported, fmt::format("{} The server at {} is older than this command", message, server)};
  return {status < 500 ? Errc::invalid_config : Errc::internal, fmt::format("{} ({})", message, type)};
}

}  // namespace

struct SqsClient::Connection {
  CurlPtr curl;
  std::string server;
};

SqsClient::SqsClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
SqsClient::~SqsClient() = default;

Result<std::unique_ptr<SqsClient>> SqsClient::open(const std::string& server) {
  if (server.empty()) return fail(Errc::invalid_argument, "--server takes HOST:PORT, such as 127.0.0.1:9324");
  auto connection = std::make_unique<Connection>();
  connection->server = server;
  LEAT_TRY(connection->curl, open_curl(kAnswerMax));
  CURL* curl = connection->curl.get();
  const std::string url = server.contains("://") ? server : "http://" + server;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  // Large bodies follow at once. (To take the header away would make curl sign one that is not there.)
  curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
  if (const std::string key = environment("AWS_ACCESS_KEY_ID"); !key.empty()) {
    const std::string region = environment("AWS_REGION", environment("AWS_DEFAULT_REGION", "us-east-1"));
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, fmt::format("aws:amz:{}:sqs", region).c_str());
    curl_easy_setopt(curl, CURLOPT_USERNAME, key.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, environment("AWS_SECRET_ACCESS_KEY").c_str());
  }
  return std::unique_ptr<SqsClient>(new SqsClient(std::move(connection)));
}

Result<Json> SqsClient::call(std::string_view action, const Json& input) {
  const auto until = std::chrono::steady_clock::now() + patience_;
  auto answer = call_once(action, input);
  bool is_told = false;
  while (!answer && answer.error().code == Errc::io && std::chrono::steady_clock::now() < until) {
    if (!std::exchange(is_told, true)) fmt::print(stderr, "Nobody answers at {}; trying again.\n", connection_->server);
    std::this_thread::sleep_for(kRetryAfter);
    answer = call_once(action, input);
  }
  if (answer && is_told) fmt::print(stderr, "{} answers again.\n", connection_->server);
  return answer;
}

Result<Json> SqsClient::call_once(std::string_view action, const Json& input) {
  CURL* curl = connection_->curl.get();
  const std::string body = input.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string target = fmt::format("X-Amz-Target: {}{}", action.starts_with("Leat.") ? "" : "AmazonSQS.", action);
  curl_slist* headers = curl_slist_append(nullptr, target.c_str());
  headers = curl_slist_append(headers, "Content-Type: application/x-amz-json-1.0");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  const auto answer = transfer(curl, kAnswerSizeMax);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(headers);
  if (!answer) {
    return fail(Errc::io, fmt::format("cannot talk SQS with {}: {}. Is a server running there? Start one with `leat "
                                      "serve`, or name another with --server HOST:PORT",
                                      connection_->server, answer.error().message));
  }
  const auto& [status, text] = *answer;
  if (status != 200) return fail(refusal(connection_->server, status, text));
  Json output = Json::parse(text.empty() ? "{}" : text, nullptr, /*allow_exceptions=*/false);
  if (!output.is_object()) return fail(refusal(connection_->server, status, "{}"));
  return output;
}

}  // namespace leat::cli
