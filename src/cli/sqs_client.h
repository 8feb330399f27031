#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace leat::cli {

// Talks to the SQS listener of one server, over one connection that is kept between calls.
class SqsClient {
 public:
  // `server` is HOST:PORT, or a URL for another scheme than http. Requests are signed when AWS_ACCESS_KEY_ID and
  // AWS_SECRET_ACCESS_KEY are set. Nothing is sent yet. Errors: invalid_argument, internal.
  [[nodiscard]] static Result<std::unique_ptr<SqsClient>> open(const std::string& server);
  SqsClient(const SqsClient&) = delete;
  SqsClient& operator=(const SqsClient&) = delete;
  ~SqsClient();

  // An action of SQS, or one of leat's own ("Leat.BrowseMessages"). Errors, each saying what to do: io (nobody there),
  // not_found (no such queue), permission_denied, exists, invalid_config (the server refused a value), internal.
  [[nodiscard]] Result<nlohmann::ordered_json> call(std::string_view action, const nlohmann::ordered_json& input);
  // From now on a call that finds nobody, or a server that stops, is made again for so long. It may have been done more than
  // once then.
  void be_patient(Milliseconds patience) { patience_ = patience; }

 private:
  struct Connection;
  explicit SqsClient(std::unique_ptr<Connection> connection);

  [[nodiscard]] Result<nlohmann::ordered_json> call_once(std::string_view action, const nlohmann::ordered_json& input);

  std::unique_ptr<Connection> connection_;
  Milliseconds patience_{0};
};

}  // namespace leat::cli
