#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "protocol/kafka/messages/api_keys.h"
#include "protocol/kafka/messages/header.h"

// Which APIs this server serves, in which versions. ApiVersions answers with it and dispatch asks it.
namespace leat::kafka {

struct ServedApi {
  ApiKey key;
  std::string_view name;
  std::int16_t version_min;  // what ApiVersions tells
  std::int16_t version_max;
  std::int16_t answered_from;  // versions below it are advertised, and answered with UNSUPPORTED_VERSION
  std::int16_t flexible_from;

  [[nodiscard]] bool serves(std::int16_t version) const { return version >= version_min && version <= version_max; }
};

// In the order of keys.
[[nodiscard]] std::span<const ServedApi> served_apis();
// nullptr when it is not served.
[[nodiscard]] const ServedApi* find_served_api(std::int16_t key);

// The version of the header before a request, also for versions that are not served. Unknown keys: 1.
[[nodiscard]] std::int16_t request_header_version(std::int16_t key, std::int16_t version);
// The version of the header before a response: always 0 for ApiVersions.
[[nodiscard]] std::int16_t response_header_version(ApiKey key, std::int16_t version);

// Reads the header of any request, in the version that its own first four bytes call for; the body follows in `reader`.
[[nodiscard]] Result<RequestHeader> decode_request_header(Reader& reader);

}  // namespace leat::kafka
