#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace CLI {
class App;
}

namespace leat::cli {

// --api, or LEAT_API, or the default address of HTTP.
void add_api_option(CLI::App& command, std::string& api);

// Talks to the HTTP API of one server, over one connection that is kept between calls.
class ApiClient {
 public:
  // `api` is [USER@]HOST:PORT, or a URL for another scheme than http. With a user the password is in LEAT_PASSWORD, or asked for;
  // otherwise LEAT_TOKEN is the bearer token, if it is set. Nothing is sent yet. Errors: invalid_argument, internal.
  [[nodiscard]] static Result<std::unique_ptr<ApiClient>> open(const std::string& api);
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;
  ~ApiClient();

  // A request below /v1, whose answer is JSON, or nothing (null). Errors, each saying what to do: io (nobody there), not_found,
  // permission_denied, exists, invalid_argument (the server refused a value), internal.
  [[nodiscard]] Result<nlohmann::ordered_json> get(std::string_view path);
  [[nodiscard]] Result<nlohmann::ordered_json> send(std::string_view method, std::string_view path,
                                                    const nlohmann::ordered_json& body);
  [[nodiscard]] Status remove(std::string_view path);

  // As a segment of a path.
  [[nodiscard]] std::string escaped(std::string_view text) const;

 private:
  struct Connection;
  explicit ApiClient(std::unique_ptr<Connection> connection);
  [[nodiscard]] Result<nlohmann::ordered_json> call(std::string_view method, std::string_view path,
                                                    const std::string& body);

  std::unique_ptr<Connection> connection_;
};

}  // namespace leat::cli
