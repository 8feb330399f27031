#include "cli/api_client.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/environment.h"
#include "cli/http_transfer.h"
#include "cli/login.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Milliseconds kAnswerMax{60'000};
constexpr std::size_t kAnswerSizeMax = std::size_t{64} << 20;

// What the server refused, with what to do about it.
Error refusal(std::string_view server, long status, const std::string& answer) {
  const Json body = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object() || !body.contains("detail") || !body.at("detail").is_string()) {
    return {Errc::unsupported,
            fmt::format("what answers at {} is no HTTP listener of leat (HTTP status {}); name one with --api "
                        "[USER@]HOST:PORT or LEAT_API, as `leat config check` shows it under listen",
                        server, status)};
  }
  const std::string detail = body.at("detail");
  switch (status) {
    case 401:
      return {Errc::permission_denied,
              fmt::format("{}; say who you are with --api USER@HOST:PORT, or with a token in LEAT_TOKEN", detail)};
    case 403:
      return {
          Errc::permission_denied,
          fmt::format("{}; be somebody who may, with --api USER@HOST:PORT, or have it granted with `leat grant add`",
                      detail)};
    case 404: return {Errc::not_found, detail};
    case 409: return {Errc::exists, detail};
    default: return {status < 500 ? Errc::invalid_argument : Errc::internal, detail};
  }
}

}  // namespace

void add_api_option(CLI::App& command, std::string& api) {
  api = environment("LEAT_API", "127.0.0.1:8080");
  command.add_option("--api", api, "The server's HTTP listener, as USER@HOST:PORT where it knows users (LEAT_API)")
      ->type_name("HOST:PORT")
      ->capture_default_str();
}

struct ApiClient::Connection {
  CurlPtr curl;
  curl_slist* headers = nullptr;
  std::string base;  // a URL

  ~Connection() { curl_slist_free_all(headers); }
};

ApiClient::ApiClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
ApiClient::~ApiClient() = default;

Result<std::unique_ptr<ApiClient>> ApiClient::open(const std::string& api) {
  const std::size_t scheme = api.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t at = api.rfind('@');
  const std::string user = at == std::string::npos ? std::string() : api.substr(begin, at - begin);
  const std::string address = api.substr(at == std::string::npos ? begin : at + 1);
  if (address.empty()) return fail(Errc::invalid_argument, "--api takes [USER@]HOST:PORT, such as 127.0.0.1:8080");
  auto connection = std::make_unique<Connection>();
  connection->base = (begin == 0 ? "http://" : api.substr(0, begin)) + address;
  LEAT_TRY(connection->curl, open_curl(kAnswerMax));
  CURL* curl = connection->curl.get();
  connection->headers = curl_slist_append(nullptr, "Content-Type: application/json");
  if (!user.empty()) {
    LEAT_TRY(const std::string password, read_password(user, "", "LEAT_PASSWORD", false));
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, password.c_str());
  } else if (const std::string token = environment("LEAT_TOKEN"); !token.empty()) {
    connection->headers =
        curl_slist_append(connection->headers, fmt::format("Authorization: Bearer {}", token).c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, connection->headers);
  return std::unique_ptr<ApiClient>(new ApiClient(std::move(connection)));
}

std::string ApiClient::escaped(std::string_view text) const {
  const std::unique_ptr<char, decltype(&curl_free)> made(
      curl_easy_escape(connection_->curl.get(), text.data(), static_cast<int>(text.size())), &curl_free);
  return made == nullptr ? std::string() : std::string(made.get());
}

Result<Json> ApiClient::get(std::string_view path) { return call("GET", path, ""); }

Result<Json> ApiClient::send(std::string_view method, std::string_view path, const Json& body) {
  return call(method, path, body.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Status ApiClient::remove(std::string_view path) {
  LEAT_TRY([[maybe_unused]] const Json nothing, call("DELETE", path, ""));
  return {};
}

Result<Json> ApiClient::call(std::string_view method, std::string_view path, const std::string& body) {
  CURL* curl = connection_->curl.get();
  curl_easy_setopt(curl, CURLOPT_URL, fmt::format("{}/v1{}", connection_->base, path).c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
  if (body.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  }
  const auto answer = transfer(curl, kAnswerSizeMax);
  if (!answer) {
    return fail(Errc::io,
                fmt::format("cannot talk to the HTTP API at {}: {}. Is a server running there? Start one with "
                            "`leat serve`, or name another with --api HOST:PORT",
                            connection_->base, answer.error().message));
  }
  const auto& [status, text] = *answer;
  if (status < 200 || status > 299) return fail(refusal(connection_->base, status, text));
  Json output = Json::parse(text.empty() ? "null" : text, nullptr, /*allow_exceptions=*/false);
  if (output.is_discarded()) return fail(refusal(connection_->base, status, text));
  return output;
}

}  // namespace leat::cli
