#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/tags.h"
#include "runtime/call.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Operation;
using security::ResourceType;

// --- on the shard of the topics' service ---

Task<Result<catalog::Topic>> create_there(stream::TopicService* service, catalog::NewTopic topic) {
  co_return co_await service->create(std::move(topic));
}
Task<Status> remove_there(stream::TopicService* service, std::string name) {
  co_return co_await service->remove(std::move(name));
}
Task<Status> grow_there(stream::TopicService* service, std::string name, std::int32_t total) {
  co_return co_await service->add_partitions(std::move(name), total);
}
Task<Status> configure_there(stream::TopicService* service, std::string name,
                             std::vector<catalog::ConfigChange> changes) {
  co_return co_await service->alter_config(std::move(name), std::move(changes));
}

// --- on a partition's shard ---

struct PartitionState {
  Offset start;
  Offset end;
  std::uint64_t bytes = 0;
  std::size_t segments = 0;
  LeaderEpoch epoch;
  std::string error;
};
Task<PartitionState> look_at(stream::StreamShard* shard, TopicPartition id) {
  const auto partition = shard->find(id);
  if (partition == nullptr) co_return PartitionState{.error = "it is not here"};
  const log::Partition& log = partition->log();
  co_return PartitionState{log.log_start(),     log.high_watermark(), log.size_bytes(),
                           log.segment_count(), log.leader_epoch(),   log.offline() ? log.offline()->message : ""};
}

// ---

Json json_of(const catalog::Topic& topic, const catalog::ServerDefaults& defaults) {
  Json config = Json::object();
  for (const catalog::TopicConfigKey& key : catalog::topic_config_keys())
    config[std::string(key.name)] = catalog::effective_topic_config(key, defaults, topic.entry.config);
  return {{"name", topic.entry.name},
          {"id", fmt::format("{}", topic.entry.id)},
          {"partitions", topic.entry.partitions},
          {"internal", topic.entry.internal},
          {"config", std::move(config)}};
}

Outcome<const catalog::Topic*> find_topic(const Request& request) {
  const catalog::Topic* topic = request.shard.topics().find(request.text("topic"));
  if (topic == nullptr) return refuse(404, "not-found", fmt::format("there is no topic '{}'", request.text("topic")));
  return topic;
}

std::string mark_of(const catalog::Topic& topic) {
  return fmt::format("{}.{}", topic.modified.value(), topic.assignments_modified.value());
}

http::HttpResponse topic_response(int status, const Request& request, const catalog::Topic& topic) {
  auto response = json_response(status, json_of(topic, request.node().topics.defaults()));
  response.headers.emplace_back("ETag", tag_of(mark_of(topic)));
  return response;
}

Json json_of(std::int32_t partition, const PartitionState& state) {
  Json json{{"partition", partition}, {"start", state.start.value()}, {"end", state.end.value()},
            {"bytes", state.bytes},   {"segments", state.segments},   {"leader_epoch", state.epoch.value()}};
  if (!state.error.empty()) json["error"] = state.error;
  return json;
}

// A setting's new value as text; nullopt: the default again.
std::vector<catalog::ConfigChange> changes_of(const Json& config) {
  std::vector<catalog::ConfigChange> changes;
  for (const auto& [name, value] : config.items()) {
    if (value.is_null()) {
      changes.push_back({name, catalog::ConfigOperation::remove, {}});
    } else {
      changes.push_back(
          {name, catalog::ConfigOperation::set, value.is_string() ? value.get<std::string>() : value.dump()});
    }
  }
  return changes;
}

Outcome<> check_not_internal(const catalog::Topic& topic) {
  if (!topic.entry.internal) return {};
  return refuse(403, "permission-denied", fmt::format("'{}' is leat's own", topic.entry.name));
}

}  // namespace

Answer list_topics(Request& request) {
  const bool all = request.allows(Operation::describe, ResourceType::cluster, security::kClusterName);
  Page page(request);
  for (const auto& [name, topic] : request.shard.topics().topics()) {
    if (!name.starts_with(request.text("prefix")) || topic->entry.internal) continue;
    if (!all && !request.allows(Operation::describe, ResourceType::topic, name)) continue;
    if (!page.add(name, [&] { return json_of(*topic, request.node().topics.defaults()); })) break;
  }
  co_return page.response();
}

Answer create_topic(Request& request) {
  const Json& body = *request.body;
  const std::string name = body.at("name");
  if (!request.allows(Operation::create, ResourceType::cluster, security::kClusterName))
    LEAT_CO_CHECK(request.authorize(Operation::create, ResourceType::topic, name));
  catalog::NewTopic topic;
  topic.name = name;
  topic.replicas =
      catalog::replicas_on(request.node().node, body.value("partitions", request.node().options.default_partitions));
  for (catalog::ConfigChange& change : changes_of(body.value("config", Json::object()))) {
    if (change.operation == catalog::ConfigOperation::set) topic.config[change.name] = std::move(change.value);
  }
  API_TRY(const catalog::Topic created,
          co_await runtime::call_on(request.node().home, create_there, &request.node().topics, std::move(topic)));
  auto response = topic_response(201, request, created);
  response.headers.emplace_back("Location", fmt::format("/v1/topics/{}", name));
  co_return response;
}

Answer get_topic(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request));
  co_return topic_response(200, request, *topic);
}

Answer change_topic(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request));
  LEAT_CO_CHECK(check_not_internal(*topic));
  LEAT_CO_CHECK(check_match(request, mark_of(*topic)));
  // The snapshot that has the topic may go with the first change.
  const std::string name = topic->entry.name;
  const std::int32_t partitions_before = topic->entry.partitions;
  const Json& body = *request.body;
  const ApiNode& node = request.node();
  if (const auto config = body.find("config"); config != body.end() && !config->empty()) {
    LEAT_CO_CHECK(request.authorize(Operation::alter_configs, ResourceType::topic, name));
    API_CHECK(co_await runtime::call_on(node.home, configure_there, &node.topics, name, changes_of(*config)));
  }
  const std::int32_t partitions = body.value("partitions", 0);
  if (partitions != 0 && partitions != partitions_before)
    API_CHECK(co_await runtime::call_on(node.home, grow_there, &node.topics, name, partitions));
  LEAT_CO_TRY(topic, find_topic(request));
  co_return topic_response(200, request, *topic);
}

Answer delete_topic(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request));
  LEAT_CO_CHECK(check_not_internal(*topic));
  LEAT_CO_CHECK(check_match(request, mark_of(*topic)));
  API_CHECK(co_await runtime::call_on(request.node().home, remove_there, &request.node().topics, topic->entry.name));
  co_return empty_response();
}

Answer list_partitions(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request));
  const TopicId id = topic->entry.id;
  const std::int32_t partitions = topic->entry.partitions;
  Page page(request);
  for (std::int32_t i = 0; i < partitions; ++i) {
    const std::string name = fmt::format("{:010}", i);
    if (page.is_before(name)) continue;
    const TopicPartition partition{id, PartitionIndex(i)};
    stream::StreamShard& owner = request.node().streams.shard(request.node().streams.owner(partition));
    const PartitionState state = co_await runtime::call_on(owner.shard(), look_at, &owner, partition);
    if (!page.add(name, [&] { return json_of(i, state); })) break;
  }
  co_return page.response();
}

}  // namespace leat::api
