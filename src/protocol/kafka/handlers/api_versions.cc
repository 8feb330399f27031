#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {

runtime::Task<ApiVersionsResponse> handle_api_versions(Request&, ApiVersionsRequest) {
  ApiVersionsResponse response;
  for (const ServedApi& api : served_apis()) {
    auto& entry = response.api_keys.emplace_back();
    entry.api_key = static_cast<std::int16_t>(api.key);
    entry.min_version = api.version_min;
    entry.max_version = api.version_max;
  }
  co_return response;
}

}  // namespace leat::kafka
