#include <gmock/gmock.h>

#include "tests/protocol/kafka/node_home.h"

namespace leat::kafka {
namespace {

using security::Operation;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ErrorCode kNone = ErrorCode::kNone;
constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kBrokerResource = 4;

CreateTopicsRequest::CreatableTopic wanted(std::string_view name, std::int32_t partitions = 1,
                                           std::int16_t replicas = 1) {
  return {name, partitions, replicas, {}, {}};
}

class AdminHandlers : public testing::Test {
 protected:
  CreateTopicsResponse create(CreateTopicsRequest::CreatableTopic topic, bool validate_only = false,
                              std::int16_t version = 7) {
    CreateTopicsRequest message;
    message.topics = {std::move(topic)};
    message.validate_only = validate_only;
    return home_.ask(handle_create_topics, version, std::move(message));
  }
  ErrorCode create_code(CreateTopicsRequest::CreatableTopic topic) {
    return create(std::move(topic)).topics.at(0).error_code;
  }
  MetadataResponse::MetadataResponseTopic metadata(std::string_view name, bool may_create = false,
                                                   std::int16_t version = 12) {
    MetadataRequest message;
    message.topics = {{{Uuid(), name}}};
    message.allow_auto_topic_creation = may_create;
    return home_.ask(handle_metadata, version, std::move(message)).topics.at(0);
  }
  IncrementalAlterConfigsResponse::AlterConfigsResourceResponse change(
      std::string_view topic, IncrementalAlterConfigsRequest::AlterableConfig config, bool validate_only = false) {
    IncrementalAlterConfigsRequest message;
    message.resources = {{kTopicResource, topic, {std::move(config)}}};
    message.validate_only = validate_only;
    return home_.ask(handle_incremental_alter_configs, 1, std::move(message)).responses.at(0);
  }
  std::string own_setting(const std::string& topic, const std::string& key) {
    const auto& config = home_.find(topic)->entry.config;
    const auto found = config.find(key);
    return found == config.end() ? "none" : found->second;
  }
  DescribeConfigsResponse::DescribeConfigsResult describe(DescribeConfigsRequest::DescribeConfigsResource resource) {
    DescribeConfigsRequest message;
    message.resources = {std::move(resource)};
    message.include_synonyms = true;
    return home_.ask(handle_describe_configs, 4, std::move(message)).results.at(0);
  }
  std::pair<ErrorCode, std::int64_t> delete_before(std::string_view topic, std::int32_t partition,
                                                   std::int64_t offset) {
    DeleteRecordsRequest message;
    message.topics = {{topic, {{partition, offset}}}};
    const auto reply = home_.ask(handle_delete_records, 2, std::move(message)).topics.at(0).partitions.at(0);
    return {reply.error_code, reply.low_watermark};
  }

  NodeHome home_{{{{"retention.ms", "7000"}}}};
};

// --- Metadata ---

TEST_F(AdminHandlers, MetadataTellsOfTheNodeAndItsPartitions) {
  create(wanted("orders", 3));
  MetadataRequest message;
  message.topics.reset();
  const auto response = home_.ask(handle_metadata, 12, std::move(message));
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].node_id, kNodeNumber);
  EXPECT_EQ(response.brokers[0].host, "broker.example");
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_EQ(response.controller_id, kNodeNumber);
  EXPECT_EQ(response.cluster_id, "test-cluster");
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.topics[0].name, "orders");
  EXPECT_EQ(response.topics[0].topic_id, home_.find("orders")->entry.id);
  ASSERT_EQ(response.topics[0].partitions.size(), 3u);
  for (std::int32_t i = 0; i < 3; ++i) {
    const auto& partition = response.topics[0].partitions[static_cast<std::size_t>(i)];
    EXPECT_EQ(partition.partition_index, i);
    EXPECT_EQ(partition.leader_id, kNodeNumber);
    EXPECT_EQ(partition.leader_epoch, 0);
    EXPECT_THAT(partition.replica_nodes, ElementsAre(kNodeNumber));
    EXPECT_THAT(partition.isr_nodes, ElementsAre(kNodeNumber));
  }
  EXPECT_EQ(response.topics[0].topic_authorized_operations, INT32_MIN);
}

TEST_F(AdminHandlers, AnEmptyListOfTopicsMeansAllOnlyInTheFirstVersion) {
  create(wanted("orders"));
  EXPECT_EQ(home_.ask(handle_metadata, 0, MetadataRequest()).topics.size(), 1u);
  EXPECT_THAT(home_.ask(handle_metadata, 1, MetadataRequest()).topics, IsEmpty());
}

TEST_F(AdminHandlers, APartitionThatDoesNotServeHasNoLeader) {
  ASSERT_EQ(create_code(wanted("orders", 3)), kNone);
  home_.take_offline("orders", 1);
  const auto topic = metadata("orders");
  EXPECT_EQ(topic.error_code, kNone);
  EXPECT_EQ(topic.partitions.at(0).leader_id, 7);
  EXPECT_EQ(topic.partitions.at(0).error_code, kNone);
  EXPECT_EQ(topic.partitions.at(1).leader_id, -1);
  EXPECT_EQ(topic.partitions.at(1).error_code, ErrorCode::kLeaderNotAvailable);
  EXPECT_THAT(topic.partitions.at(1).offline_replicas, ElementsAre(7));
  DescribeTopicPartitionsRequest message;
  message.topics = {{"orders"}};
  const auto described = home_.ask(handle_describe_topic_partitions, 0, message);
  EXPECT_EQ(described.topics.at(0).partitions.at(1).leader_id, -1);
  EXPECT_EQ(described.topics.at(0).partitions.at(2).leader_id, 7);
}

TEST_F(AdminHandlers, MetadataCreatesATopicOnlyWhenItMay) {
  EXPECT_EQ(metadata("new", false).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(home_.find("new"), nullptr);
  const auto created = metadata("new", true);
  EXPECT_EQ(created.error_code, kNone);
  EXPECT_EQ(created.partitions.size(), 1u);
  EXPECT_NE(home_.find("new"), nullptr);
  EXPECT_EQ(metadata("no/name", true).error_code, ErrorCode::kInvalidTopicException);
  EXPECT_EQ(metadata("__leat_mine", true).error_code, ErrorCode::kUnknownTopicOrPartition);
  home_.denied = {{Operation::create, "secret"}, {Operation::create, std::string(security::kClusterName)}};
  EXPECT_EQ(metadata("secret", true).error_code, ErrorCode::kTopicAuthorizationFailed);
  EXPECT_EQ(home_.find("secret"), nullptr);
}

TEST_F(AdminHandlers, MetadataDoesNotCreateATopicWhenTheServerForbidsIt) {
  KafkaOptions options;
  options.auto_create_topics = false;
  NodeHome strict({}, options);
  MetadataRequest message;
  message.topics = {{{Uuid(), "new"}}};
  EXPECT_EQ(strict.ask(handle_metadata, 12, std::move(message)).topics.at(0).error_code,
            ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(strict.find("new"), nullptr);
}

TEST_F(AdminHandlers, MetadataFindsTopicsByIdFromVersionTwelveOn) {
  create(wanted("orders"));
  MetadataRequest message;
  const Uuid unknown = Uuid::from_random(1, 2);
  message.topics = {{{home_.find("orders")->entry.id, std::nullopt}, {unknown, std::nullopt}}};
  const auto found = home_.ask(handle_metadata, 12, message).topics;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "orders");
  EXPECT_EQ(found[1].error_code, ErrorCode::kUnknownTopicId);
  EXPECT_EQ(found[1].topic_id, unknown);
  EXPECT_EQ(found[1].name, std::nullopt);
  EXPECT_EQ(home_.ask(handle_metadata, 11, message).topics.at(0).error_code, ErrorCode::kInvalidRequest);
}

TEST_F(AdminHandlers, MetadataHidesWhatAClientMayNotSee) {
  create(wanted("orders"));
  create(wanted("secret"));
  home_.denied = {{Operation::describe, "secret"}, {Operation::write, "orders"}};
  MetadataRequest message;
  message.topics.reset();
  message.include_topic_authorized_operations = true;
  const auto all = home_.ask(handle_metadata, 12, std::move(message)).topics;
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "orders");
  // READ, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS; not WRITE.
  EXPECT_EQ(all[0].topic_authorized_operations,
            (1 << 3) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 10) | (1 << 11));
  const auto named = metadata("secret");
  EXPECT_EQ(named.error_code, ErrorCode::kTopicAuthorizationFailed);
  EXPECT_TRUE(named.topic_id.is_zero());
  EXPECT_EQ(home_.errors_counted(ErrorCode::kTopicAuthorizationFailed), 1u);
}

// --- the cluster ---

TEST_F(AdminHandlers, DescribeClusterRefusesToSpeakForControllers) {
  const auto cluster = home_.ask(handle_describe_cluster, 2, DescribeClusterRequest());
  EXPECT_EQ(cluster.error_code, kNone);
  ASSERT_EQ(cluster.brokers.size(), 1u);
  EXPECT_EQ(cluster.brokers[0].broker_id, kNodeNumber);
  EXPECT_EQ(cluster.cluster_authorized_operations, INT32_MIN);
  DescribeClusterRequest message;
  message.endpoint_type = 2;
  EXPECT_EQ(home_.ask(handle_describe_cluster, 1, message).error_code, ErrorCode::kMismatchedEndpointType);
  message.endpoint_type = 3;
  EXPECT_EQ(home_.ask(handle_describe_cluster, 1, message).error_code, ErrorCode::kUnsupportedEndpointType);
}

TEST_F(AdminHandlers, DescribeTopicPartitionsGoesOnWhereTheCursorPoints) {
  create(wanted("a", 3));
  create(wanted("b", 2));
  create(wanted("c", 1));
  std::vector<std::string> seen;
  std::string topic;
  DescribeTopicPartitionsRequest message;
  message.response_partition_limit = 2;
  int pages = 0;
  for (; pages < 10; ++pages) {
    const auto page = home_.ask(handle_describe_topic_partitions, 0, message);
    for (const auto& described : page.topics) {
      for (const auto& partition : described.partitions)
        seen.push_back(fmt::format("{}{}", *described.name, partition.partition_index));
    }
    if (!page.next_cursor) break;
    topic = page.next_cursor->topic_name;
    message.cursor = {topic, page.next_cursor->partition_index};
  }
  EXPECT_THAT(seen, ElementsAre("a0", "a1", "a2", "b0", "b1", "c0"));
  EXPECT_EQ(pages, 2);
  message.cursor = {"b", -1};
  message.topics = {{"b"}};
  EXPECT_EQ(home_.ask(handle_describe_topic_partitions, 0, message).topics.at(0).error_code,
            ErrorCode::kInvalidRequest);
  message.cursor = {"a", 0};
  EXPECT_EQ(home_.ask(handle_describe_topic_partitions, 0, message).topics.at(0).error_code,
            ErrorCode::kInvalidRequest);
}

TEST_F(AdminHandlers, DescribeLogDirsTellsTheSizesOfPartitionsOnEveryShard) {
  create(wanted("orders", 4));
  home_.fill("orders", 0, 3);
  home_.fill("orders", 1, 30);
  DescribeLogDirsRequest message;
  message.topics.reset();
  auto response = home_.ask(handle_describe_log_dirs, 4, message);
  ASSERT_EQ(response.results.size(), 1u);
  EXPECT_EQ(response.results[0].log_dir, "/data");
  EXPECT_GT(response.results[0].usable_bytes, 0);
  ASSERT_EQ(response.results[0].topics.size(), 1u);
  const auto& partitions = response.results[0].topics[0].partitions;
  ASSERT_EQ(partitions.size(), 4u);
  EXPECT_GT(partitions[0].partition_size, 0);
  EXPECT_GT(partitions[1].partition_size, partitions[0].partition_size);
  EXPECT_EQ(partitions[2].partition_size, 0);
  message.topics = {{{"orders", {3, 9, -1}}, {"missing", {0}}}};
  response = home_.ask(handle_describe_log_dirs, 4, message);
  ASSERT_EQ(response.results[0].topics.size(), 1u);
  ASSERT_EQ(response.results[0].topics[0].partitions.size(), 1u);
  EXPECT_EQ(response.results[0].topics[0].partitions[0].partition_index, 3);
  home_.denied = {{Operation::describe, std::string(security::kClusterName)}};
  EXPECT_EQ(home_.ask(handle_describe_log_dirs, 4, message).error_code, ErrorCode::kClusterAuthorizationFailed);
}

// --- CreateTopics ---

TEST_F(AdminHandlers, CreateTopicsAnswersWithWhatItMade) {
  auto topic = wanted("orders", -1, -1);
  topic.configs = {{"cleanup.policy", "compact"}, {"max.message.bytes", std::nullopt}};
  const auto reply = create(topic).topics.at(0);
  EXPECT_EQ(reply.error_code, kNone);
  EXPECT_EQ(reply.error_message, std::nullopt);
  EXPECT_EQ(reply.num_partitions, 1);
  EXPECT_EQ(reply.replication_factor, 1);
  EXPECT_EQ(reply.topic_id, home_.find("orders")->entry.id);
  std::map<std::string, std::pair<std::string, int>> configs;
  for (const auto& config : *reply.configs) configs[config.name] = {*config.value, config.config_source};
  EXPECT_EQ(configs["cleanup.policy"], std::pair(std::string("compact"), 1));
  EXPECT_EQ(configs["retention.ms"], std::pair(std::string("7000"), 4));
  EXPECT_EQ(configs["max.message.bytes"].second, 5);
}

TEST_F(AdminHandlers, CreateTopicsRefusesWithKafkasCodes) {
  EXPECT_EQ(create_code(wanted("orders")), kNone);
  EXPECT_EQ(create_code(wanted("orders", 1, 9)), ErrorCode::kTopicAlreadyExists);
  EXPECT_EQ(create_code(wanted("")), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(create_code(wanted("__consumer_offsets")), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(create_code(wanted("a", 0)), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(create_code(wanted("a", -2)), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(create_code(wanted("a", INT32_MAX)), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(create_code(wanted("a", 1, 2)), ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(create_code(wanted("a", 1, 0)), ErrorCode::kInvalidReplicationFactor);
  auto topic = wanted("a");
  topic.configs = {{"no.such.key", "1"}};
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidConfig);
  EXPECT_EQ(home_.find("a"), nullptr);
  EXPECT_EQ(create_code(wanted("with.dot")), kNone);
  EXPECT_EQ(create_code(wanted("with_dot")), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(create(wanted("with_dot"), true).topics.at(0).error_code, ErrorCode::kInvalidTopicException);
  home_.denied = {{Operation::create, "b"}, {Operation::create, std::string(security::kClusterName)}};
  EXPECT_EQ(create_code(wanted("b")), ErrorCode::kTopicAuthorizationFailed);
}

TEST_F(AdminHandlers, CreateTopicsTakesAssignmentsThatNameThisNode) {
  auto topic = wanted("orders", -1, -1);
  topic.assignments = {{1, {kNodeNumber}}, {0, {kNodeNumber}}};
  EXPECT_EQ(create_code(topic), kNone);
  EXPECT_EQ(home_.find("orders")->entry.partitions, 2);
  topic.name = "a";
  topic.assignments = {{0, {kNodeNumber + 1}}};
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments = {{0, {kNodeNumber, kNodeNumber}}};
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments = {{0, {}}};
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments = {{0, {kNodeNumber}}, {2, {kNodeNumber}}};
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments = {{0, {kNodeNumber}}, {0, {kNodeNumber}}};
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments = {{0, {kNodeNumber}}};
  topic.num_partitions = 1;
  EXPECT_EQ(create_code(topic), ErrorCode::kInvalidRequest);
}

TEST_F(AdminHandlers, ARequestThatOnlyValidatesCreatesNothing) {
  const auto reply = create(wanted("orders", 5), true).topics.at(0);
  EXPECT_EQ(reply.error_code, kNone);
  EXPECT_EQ(reply.num_partitions, 5);
  EXPECT_EQ(home_.find("orders"), nullptr);
}

TEST_F(AdminHandlers, ATopicNamedTwiceIsRefusedOnceAndTheOthersAreCreated) {
  CreateTopicsRequest message;
  message.topics = {wanted("twice"), wanted("once"), wanted("twice")};
  const auto response = home_.ask(handle_create_topics, 5, std::move(message));
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(response.topics[1].error_code, kNone);
  EXPECT_EQ(home_.find("twice"), nullptr);
  EXPECT_NE(home_.find("once"), nullptr);
}

// --- DeleteTopics, CreatePartitions, DeleteRecords ---

TEST_F(AdminHandlers, DeleteTopicsFindsThemByNameAndById) {
  create(wanted("a"));
  create(wanted("b"));
  const Uuid b = home_.find("b")->entry.id;
  DeleteTopicsRequest message;
  message.topics = {{"a", {}},          {std::nullopt, b}, {"missing", {}}, {std::nullopt, Uuid::from_random(1, 2)},
                    {std::nullopt, {}}, {"a", b}};
  const auto replies = home_.ask(handle_delete_topics, 6, std::move(message)).responses;
  std::vector<ErrorCode> codes;
  for (const auto& reply : replies) codes.push_back(reply.error_code);
  EXPECT_THAT(codes, ElementsAre(kNone, kNone, ErrorCode::kUnknownTopicOrPartition, ErrorCode::kUnknownTopicId,
                                 ErrorCode::kInvalidRequest, ErrorCode::kInvalidRequest));
  EXPECT_EQ(replies[1].name, "b");
  EXPECT_EQ(home_.find("a"), nullptr);
  EXPECT_EQ(home_.find("b"), nullptr);
}

TEST_F(AdminHandlers, DeleteTopicsRefusesNamesThatComeTwiceAndWhatIsForbidden) {
  create(wanted("a"));
  create(wanted("b"));
  home_.denied = {{Operation::remove, "b"}};
  DeleteTopicsRequest message;
  message.topic_names = {"a", "b", "a"};
  const auto replies = home_.ask(handle_delete_topics, 5, std::move(message)).responses;
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[0].error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(replies[1].error_code, ErrorCode::kTopicAuthorizationFailed);
  EXPECT_NE(home_.find("a"), nullptr);
  EXPECT_NE(home_.find("b"), nullptr);
}

TEST_F(AdminHandlers, CreatePartitionsOnlyGrows) {
  create(wanted("orders", 2));
  const auto grow = [&](std::int32_t count, bool validate_only = false,
                        std::optional<std::vector<CreatePartitionsRequest::CreatePartitionsAssignment>> replicas = {}) {
    CreatePartitionsRequest message;
    message.topics = {{"orders", count, std::move(replicas)}};
    message.validate_only = validate_only;
    return home_.ask(handle_create_partitions, 3, std::move(message)).results.at(0).error_code;
  };
  EXPECT_EQ(grow(4, true), kNone);
  EXPECT_EQ(home_.find("orders")->entry.partitions, 2);
  EXPECT_EQ(grow(4), kNone);
  EXPECT_EQ(home_.find("orders")->entry.partitions, 4);
  home_.fill("orders", 3, 1);
  EXPECT_EQ(grow(4), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(grow(3), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(grow(INT32_MAX), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(grow(5, false, {{{{kNodeNumber + 1}}}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(grow(6, false, {{{{kNodeNumber}}}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(grow(5, false, {{{{kNodeNumber}}}}), kNone);
  EXPECT_EQ(home_.find("orders")->entry.partitions, 5);
}

TEST_F(AdminHandlers, DeleteRecordsRaisesTheLowWatermark) {
  create(wanted("orders", 2));
  home_.fill("orders", 1, 10);
  const std::pair<ErrorCode, std::int64_t> out_of_range{ErrorCode::kOffsetOutOfRange, -1};
  EXPECT_EQ(delete_before("orders", 1, 4), std::pair(kNone, std::int64_t{4}));
  EXPECT_EQ(delete_before("orders", 1, 2), std::pair(kNone, std::int64_t{4}));
  EXPECT_EQ(delete_before("orders", 1, 11), out_of_range);
  EXPECT_EQ(delete_before("orders", 1, -5), out_of_range);
  EXPECT_EQ(delete_before("orders", 1, -1), std::pair(kNone, std::int64_t{10}));
  EXPECT_EQ(delete_before("orders", 2, 0).first, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(delete_before("missing", 0, 0).first, ErrorCode::kUnknownTopicOrPartition);
  change("orders", {"cleanup.policy", 0, "compact"});
  EXPECT_EQ(delete_before("orders", 1, 10).first, ErrorCode::kPolicyViolation);
  home_.denied = {{Operation::remove, "orders"}};
  EXPECT_EQ(delete_before("orders", 1, 10).first, ErrorCode::kTopicAuthorizationFailed);
}

// --- settings ---

TEST_F(AdminHandlers, DescribeConfigsTellsWhereAValueComesFrom) {
  auto topic = wanted("orders");
  topic.configs = {{"retention.ms", "5000"}};
  create(topic);
  const auto result = describe({kTopicResource, "orders", {{"retention.ms", "no.such.key"}}});
  EXPECT_EQ(result.error_code, kNone);
  ASSERT_EQ(result.configs.size(), 1u);
  const auto& config = result.configs[0];
  EXPECT_EQ(config.value, "5000");
  EXPECT_EQ(config.config_source, 1);
  EXPECT_EQ(config.config_type, 5);
  EXPECT_FALSE(config.read_only);
  EXPECT_EQ(config.documentation, std::nullopt);
  ASSERT_EQ(config.synonyms.size(), 3u);
  EXPECT_EQ(config.synonyms[1].name, "log.retention.ms");
  EXPECT_EQ(config.synonyms[1].value, "7000");
  EXPECT_EQ(config.synonyms[1].source, 4);
  EXPECT_EQ(config.synonyms[2].source, 5);
  EXPECT_EQ(describe({kTopicResource, "missing", std::nullopt}).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(describe({kTopicResource, "no/name", std::nullopt}).error_code, ErrorCode::kInvalidTopicException);
  EXPECT_EQ(describe({99, "orders", std::nullopt}).error_code, ErrorCode::kInvalidRequest);
  home_.denied = {{Operation::describe_configs, "orders"}};
  EXPECT_EQ(describe({kTopicResource, "orders", std::nullopt}).error_code, ErrorCode::kTopicAuthorizationFailed);
}

TEST_F(AdminHandlers, TheServersSettingsCanBeReadAndNotChanged) {
  const auto result = describe({kBrokerResource, "7", std::nullopt});
  EXPECT_EQ(result.error_code, kNone);
  std::map<std::string, std::string> values;
  for (const auto& config : result.configs) {
    EXPECT_TRUE(config.read_only) << config.name;
    values[config.name] = *config.value;
  }
  EXPECT_EQ(values["broker.id"], "7");
  EXPECT_EQ(values["log.retention.ms"], "7000");
  EXPECT_EQ(values["num.partitions"], "1");
  EXPECT_EQ(values["auto.create.topics.enable"], "true");
  EXPECT_EQ(values["message.max.bytes"], "1048588");
  EXPECT_EQ(values["advertised.listeners"], "PLAINTEXT://broker.example:9092");
  EXPECT_EQ(describe({kBrokerResource, "8", std::nullopt}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe({kBrokerResource, "seven", std::nullopt}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_THAT(describe({kBrokerResource, "", std::nullopt}).configs, IsEmpty());
  AlterConfigsRequest message;
  message.resources = {{kBrokerResource, "7", {{"num.partitions", "3"}}}};
  const auto reply = home_.ask(handle_alter_configs, 2, std::move(message)).responses.at(0);
  EXPECT_EQ(reply.error_code, ErrorCode::kInvalidRequest);
  EXPECT_THAT(*reply.error_message, HasSubstr("leat.toml"));
}

TEST_F(AdminHandlers, AlterConfigsReplacesAllThatATopicSets) {
  auto topic = wanted("orders");
  topic.configs = {{"retention.ms", "5000"}, {"segment.ms", "6000"}};
  create(topic);
  const auto alter = [&](std::vector<AlterConfigsRequest::AlterableConfig> configs, bool validate_only = false) {
    AlterConfigsRequest message;
    message.resources = {{kTopicResource, "orders", std::move(configs)}};
    message.validate_only = validate_only;
    return home_.ask(handle_alter_configs, 2, std::move(message)).responses.at(0).error_code;
  };
  EXPECT_EQ(alter({{"retention.ms", "8000"}}, true), kNone);
  EXPECT_EQ(own_setting("orders", "retention.ms"), "5000");
  EXPECT_EQ(alter({{"retention.ms", "8000"}}), kNone);
  EXPECT_EQ(own_setting("orders", "retention.ms"), "8000");
  EXPECT_EQ(own_setting("orders", "segment.ms"), "none");
  EXPECT_EQ(alter({{"retention.ms", "soon"}}), ErrorCode::kInvalidConfig);
  EXPECT_EQ(alter({{"retention.ms", "1"}, {"retention.ms", "2"}}), ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter({{"retention.ms", std::nullopt}}), ErrorCode::kInvalidRequest);
  EXPECT_EQ(own_setting("orders", "retention.ms"), "8000");
}

TEST_F(AdminHandlers, IncrementalAlterConfigsChangesOneSettingAtATime) {
  auto topic = wanted("orders");
  topic.configs = {{"segment.ms", "6000"}};
  create(topic);
  EXPECT_EQ(change("orders", {"retention.ms", 0, "9000"}, true).error_code, kNone);
  EXPECT_EQ(own_setting("orders", "retention.ms"), "none");
  EXPECT_EQ(change("orders", {"retention.ms", 0, "9000"}).error_code, kNone);
  EXPECT_EQ(own_setting("orders", "retention.ms"), "9000");
  EXPECT_EQ(own_setting("orders", "segment.ms"), "6000");
  EXPECT_EQ(change("orders", {"retention.ms", 1, std::nullopt}).error_code, kNone);
  EXPECT_EQ(own_setting("orders", "retention.ms"), "none");
  EXPECT_EQ(change("orders", {"cleanup.policy", 2, "compact"}).error_code, kNone);
  EXPECT_EQ(own_setting("orders", "cleanup.policy"), "delete,compact");
  EXPECT_EQ(change("orders", {"cleanup.policy", 3, "delete"}).error_code, kNone);
  EXPECT_EQ(own_setting("orders", "cleanup.policy"), "compact");
  EXPECT_EQ(change("orders", {"retention.ms", 2, "1"}).error_code, ErrorCode::kInvalidConfig);
  EXPECT_EQ(change("orders", {"retention.ms", 0, std::nullopt}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(change("orders", {"retention.ms", 4, "1"}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(change("missing", {"retention.ms", 0, "1"}).error_code, ErrorCode::kUnknownTopicOrPartition);
  IncrementalAlterConfigsRequest twice;
  twice.resources = {{kTopicResource, "orders", {}}, {kTopicResource, "orders", {}}};
  for (const auto& reply : home_.ask(handle_incremental_alter_configs, 1, std::move(twice)).responses)
    EXPECT_EQ(reply.error_code, ErrorCode::kInvalidRequest);
}

TEST_F(AdminHandlers, AFullDiskFailsACreationWithAStorageError) {
  home_.world().files().faults().capacity = 1;
  EXPECT_EQ(create_code(wanted("orders")), ErrorCode::kKafkaStorageError);
  home_.world().files().faults().capacity = std::uint64_t{1} << 40;
  EXPECT_EQ(create_code(wanted("orders")), kNone);
}

}  // namespace
}  // namespace leat::kafka
