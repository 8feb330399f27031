#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "catalog/catalog.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"
#include "runtime/sim.h"

// A node in a simulated world, to call handlers on as a connection does.
namespace leat::kafka {

// Allows what is not listed.
class DenySome final : public security::Authorizer {
 public:
  using Denied = std::set<std::pair<security::Operation, std::string>>;  // operation on a name
  explicit DenySome(const Denied& denied) : denied_(denied) {}
  [[nodiscard]] security::Decision authorize(const security::Principal&, security::Operation operation,
                                             const security::Resource& resource) const override {
    return denied_.contains({operation, std::string(resource.name)}) ? security::Decision::denied
                                                                     : security::Decision::allowed;
  }
  [[nodiscard]] security::Decision authorize_any(const security::Principal&, security::Operation,
                                                 security::ResourceType) const override {
    return security::Decision::allowed;
  }
  [[nodiscard]] security::Decision authorize_prefix(const security::Principal&, security::Operation,
                                                    security::ResourceType, std::string_view) const override {
    return security::Decision::allowed;
  }

 private:
  const Denied& denied_;
};

inline constexpr std::int32_t kNodeNumber = 7;

// Two shards. The connection lives on shard 1, the catalog and the topic service on shard 0, partitions on both.
class NodeHome {
 public:
  explicit NodeHome(catalog::ServerDefaults defaults = {}, KafkaOptions options = {});
  ~NodeHome();
  NodeHome(const NodeHome&) = delete;
  NodeHome& operator=(const NodeHome&) = delete;

  // What the handler answers to a request of that version. The answer is one that the version can tell.
  template <class Response, class Message>
  Response ask(runtime::Task<Response> (*handler)(Request&, Message), std::int16_t version, Message message) {
    std::optional<Response> response;
    world_.run([&] { return ask_from_shard(handler, version, std::move(message), response); });
    // A response with records is used up when it is encoded.
    if constexpr (requires(Writer& out, const Response& given) { encode(out, version, given); }) {
      Writer writer;
      encode(writer, version, *response);
      EXPECT_TRUE(writer.ok()) << Response::kName << " cannot be encoded in version " << version;
    }
    return std::move(*response);
  }

  // The same for requests that are served at the same time.
  template <class Response, class Message>
  std::vector<Response> ask_together(runtime::Task<Response> (*handler)(Request&, Message), std::int16_t version,
                                     std::vector<Message> messages) {
    std::vector<std::optional<Response>> responses(messages.size());
    world_.run([&] { return ask_all_from_shard(handler, version, std::move(messages), responses); });
    std::vector<Response> answers;
    for (auto& response : responses) answers.push_back(std::move(*response));
    return answers;
  }

  // Appends so many records to a partition, committed.
  void fill(const std::string& topic, std::int32_t partition, int records) { produce(topic, partition, records, true); }
  // The same, not committed yet.
  void append(const std::string& topic, std::int32_t partition, int records) {
    produce(topic, partition, records, false);
  }
  // Seals what a partition has, and frees the segments that lie in [from, to).
  void free(const std::string& topic, std::int32_t partition, std::int64_t from, std::int64_t to);
  // Makes a partition's log fail.
  void take_offline(const std::string& topic, std::int32_t partition);
  [[nodiscard]] const catalog::Topic* find(const std::string& topic) const {
    return connection_->shard.topics().find(topic);
  }
  [[nodiscard]] std::uint64_t errors_counted(ErrorCode code) const {
    std::uint64_t counted = 0;
    for (const auto& [where, count] : kafka_->stats.errors) counted += where.second == code ? count.value() : 0;
    return counted;
  }

  DenySome::Denied denied;  // may be changed at any time
  [[nodiscard]] runtime::sim::SimWorld& world() { return world_; }

 private:
  void produce(const std::string& topic, std::int32_t partition, int records, bool wait);
  template <class Response, class Message>
  static runtime::Task<Response> serve(Connection* connection, runtime::Task<Response> (*handler)(Request&, Message),
                                       std::int16_t version, Message message) {
    Request request(*connection);
    request.api = Message::kApiKey;
    request.version = version;
    co_return co_await handler(request, std::move(message));
  }
  template <class Response, class Message>
  runtime::Task<> ask_from_shard(runtime::Task<Response> (*handler)(Request&, Message), std::int16_t version,
                                 Message message, std::optional<Response>& response) {
    response = co_await runtime::call_on(*world_.shards()[1], serve<Response, Message>, connection_.get(), handler,
                                         version, std::move(message));
  }
  template <class Response, class Message>
  runtime::Task<> ask_all_from_shard(runtime::Task<Response> (*handler)(Request&, Message), std::int16_t version,
                                     std::vector<Message> messages, std::vector<std::optional<Response>>& responses) {
    runtime::TaskScope scope;
    for (std::size_t i = 0; i < messages.size(); ++i)
      scope.spawn(ask_from_shard(handler, version, std::move(messages[i]), responses[i]));
    co_await scope.join();
  }
  runtime::Task<> start(catalog::ServerDefaults defaults, KafkaOptions options);
  runtime::Task<> stop();

  runtime::sim::SimWorld world_;
  runtime::SpaceReserve reserve_{world_.files(), "/data"};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::vector<std::unique_ptr<stream::StreamShard>> shards_;
  std::vector<std::unique_ptr<stream::GroupShard>> groups_;
  std::unique_ptr<stream::Streams> streams_;
  std::unique_ptr<stream::TopicService> topics_;
  security::Policies policies_{2, "a secret"};
  std::unique_ptr<security::PolicyService> users_;
  std::unique_ptr<KafkaNode> node_;
  std::unique_ptr<KafkaShard> kafka_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace leat::kafka
