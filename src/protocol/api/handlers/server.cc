#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "runtime/call.h"
#include "runtime/shard.h"

namespace leat::api {
namespace {

using runtime::Task;

// What a shard tells of itself. On that shard.
Task<Json> look_at(ApiShard* shard) {
  std::uint64_t records_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  for (const auto& [topic, counters] : shard->streams.counters()) {
    records_in += counters->records_in.value();
    bytes_in += counters->bytes_in.value();
    bytes_out += counters->bytes_out.value();
  }
  co_return Json{{"id", shard->shard().id().value()},
                 {"records_in", records_in},
                 {"bytes_in", bytes_in},
                 {"bytes_out", bytes_out},
                 {"websockets", shard->stats.websockets.value()},
                 {"event_streams", shard->stats.event_streams.value()}};
}

}  // namespace

Answer get_index(Request& /*request*/) {
  co_return json_response(200, {{"name", "leat"},
                                {"version", LEAT_VERSION},
                                {"links",
                                 {{"document", "/v1/openapi.json"},
                                  {"server", "/v1/server"},
                                  {"topics", "/v1/topics"},
                                  {"groups", "/v1/groups"},
                                  {"queues", "/v1/queues"},
                                  {"keys", "/v1/keys"},
                                  {"channels", "/v1/channels"},
                                  {"live", "/v1/live"},
                                  {"events", "/v1/events"}}}});
}

Answer get_document(Request& /*request*/) { co_return json_text_response(200, std::string(kDocumentText)); }

Answer get_server(Request& request) {
  const ApiNode& node = request.node();
  Json shards = Json::array();
  for (ApiShard* shard : node.shards) shards.push_back(co_await runtime::call_on(shard->shard(), look_at, shard));
  const auto uptime = std::chrono::duration_cast<Milliseconds>(request.shard.shard().now() - node.started);
  std::size_t topics = 0;
  for (const auto& [name, topic] : request.shard.topics().topics()) topics += topic->entry.internal ? 0 : 1;
  co_return json_response(200, {{"version", LEAT_VERSION},
                                {"cluster_id", node.cluster_id},
                                {"node_id", node.node.value()},
                                {"uptime_ms", uptime.count()},
                                {"topics", topics},
                                {"partitions", request.shard.topics().partition_count()},
                                {"queues", request.shard.queues.list("", "", SIZE_MAX).size()},
                                {"shards", std::move(shards)}});
}

}  // namespace leat::api
