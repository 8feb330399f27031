#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/connection.h"
#include "protocol/kafka/error_code.h"
#include "protocol/kafka/messages/metadata.h"

namespace leat::cli {

// The error for a code that a server answered: what was attempted, what it said, and what to do about it.
[[nodiscard]] Error server_error(std::string_view attempt, kafka::ErrorCode code,
                                 const std::optional<std::string>& said = std::nullopt);
// Whether the same request may succeed a moment later, perhaps at another broker.
[[nodiscard]] bool is_retriable(kafka::ErrorCode code);

struct TopicPartitions {
  std::string name;
  TopicId id;
  bool internal = false;
  // By index; the leader is -1 while there is none.
  struct Partition {
    std::int32_t index = 0;
    std::int32_t leader = -1;
    std::int32_t leader_epoch = -1;
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> isr;
  };
  std::vector<Partition> partitions;
};

// What ListOffsets takes besides a time in milliseconds.
inline constexpr std::int64_t kLatest = -1;
inline constexpr std::int64_t kEarliest = -2;

// A small Kafka client for one thread: a connection to each broker it needs, opened on demand. Errors are told for people.
class Client {
 public:
  // `server` is what parse_address() reads. Connects at once, so that a wrong address is told first.
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const std::string& server);

  // The broker that was named; a new connection when the last one broke.
  [[nodiscard]] Result<Connection*> any();
  // The broker of that id, by the latest metadata.
  [[nodiscard]] Result<Connection*> broker(std::int32_t id);
  // The coordinator of a group.
  [[nodiscard]] Result<Connection*> coordinator(const std::string& group);
  // Closes the connection to a broker, with the answers that are on their way.
  void forget(std::int32_t id);
  // Brokers of the latest metadata, by id.
  [[nodiscard]] const std::map<std::int32_t, Address>& brokers() const { return brokers_; }

  // Asks for some topics, or all (nullopt), and remembers the brokers.
  [[nodiscard]] Result<std::vector<TopicPartitions>> topics(const std::optional<std::vector<std::string>>& names);
  // One topic, created by the server if `create` and its settings allow that. Error: not_found.
  [[nodiscard]] Result<TopicPartitions> topic(const std::string& name, bool create = false);

  // The offset for `timestamp` (or kLatest, kEarliest) of each of `partitions`; -1 where no record is that late.
  [[nodiscard]] Result<std::map<std::int32_t, std::int64_t>> offsets(const TopicPartitions& topic,
                                                                     std::span<const std::int32_t> partitions,
                                                                     std::int64_t timestamp);

  static constexpr Milliseconds kTimeout{30'000};
  static constexpr Milliseconds kConnectTimeout{5'000};

 private:
  explicit Client(Address bootstrap) : bootstrap_(std::move(bootstrap)) {}
  [[nodiscard]] Result<Connection*> at(const Address& address);
  [[nodiscard]] Result<kafka::MetadataResponse> metadata(const kafka::MetadataRequest& request);

  Address bootstrap_;
  std::map<Address, std::unique_ptr<Connection>> connections_;
  std::map<std::int32_t, Address> brokers_;
};

}  // namespace leat::cli
