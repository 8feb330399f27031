#include "cli/sqs_client.h"

#include <curl/curl.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr long kConnectMs = 10'000;
constexpr long kAnswerMs = 90'000;  // a receive waits for up to 20 s
constexpr std::size_t kAnswerSizeMax = std::size_t{256} << 20;

std::size_t take_bytes(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& answer = *static_cast<std::string*>(into);
  if (answer.size() + size * count > kAnswerSizeMax) return 0;
  answer.append(bytes, size * count);
  return size * count;
}

std::string environment(const char* name, std::string_view otherwise = {}) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::string(otherwise) : std::string(value);
}

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
  CURL* curl = nullptr;
  std::string server;

  ~Connection() { curl_easy_cleanup(curl); }
};

SqsClient::SqsClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
SqsClient::~SqsClient() = default;

Result<std::unique_ptr<SqsClient>> SqsClient::open(const std::string& server) {
  if (server.empty()) return fail(Errc::invalid_argument, "--server takes HOST:PORT, such as 127.0.0.1:9324");
  auto connection = std::make_unique<Connection>();
  connection->server = server;
  connection->curl = curl_easy_init();
  CURL* curl = connection->curl;
  if (curl == nullptr) return fail(Errc::internal, "libcurl could not be started");
  const std::string url = server.contains("://") ? server : "http://" + server;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kAnswerMs);
  // Large bodies follow at once. (To take the header away would make curl sign one that is not there.)
  curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  if (const std::string key = environment("AWS_ACCESS_KEY_ID"); !key.empty()) {
    const std::string region = environment("AWS_REGION", environment("AWS_DEFAULT_REGION", "us-east-1"));
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, fmt::format("aws:amz:{}:sqs", region).c_str());
    curl_easy_setopt(curl, CURLOPT_USERNAME, key.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, environment("AWS_SECRET_ACCESS_KEY").c_str());
  }
  return std::unique_ptr<SqsClient>(new SqsClient(std::move(connection)));
}

Result<Json> SqsClient::call(std::string_view action, const Json& input) {
  CURL* curl = connection_->curl;
  const std::string body = input.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string target = fmt::format("X-Amz-Target: {}{}", action.starts_with("Leat.") ? "" : "AmazonSQS.", action);
  curl_slist* headers = curl_slist_append(nullptr, target.c_str());
  headers = curl_slist_append(headers, "Content-Type: application/x-amz-json-1.0");
  std::string answer;
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  const CURLcode outcome = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(headers);
  if (outcome != CURLE_OK) {
    return fail(Errc::io, fmt::format("cannot talk SQS with {}: {}. Is a server running there? Start one with `leat "
                                      "serve`, or name another with --server HOST:PORT",
                                      connection_->server, curl_easy_strerror(outcome)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return fail(refusal(connection_->server, status, answer));
  Json output = Json::parse(answer.empty() ? "{}" : answer, nullptr, /*allow_exceptions=*/false);
  if (!output.is_object()) return fail(refusal(connection_->server, status, "{}"));
  return output;
}

}  // namespace leat::cli
