#pragma once

#include <fmt/format.h>
#include <librdkafka/rdkafkacpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace leat::client {

using Settings = std::map<std::string, std::string>;

// One message, as it is sent and as it comes back.
struct Sent {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::int32_t partition = 0;
  std::int64_t timestamp = 0;  // 0: now
  friend bool operator==(const Sent&, const Sent&) = default;
};

inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}
template <class A, class B>
void require_equal(const A& actual, const B& expected, const std::string& what) {
  if (!(actual == expected)) throw std::runtime_error(fmt::format("{}: got {}, expected {}", what, actual, expected));
}

// The suite's server; every case takes topics and groups of its own from it.
class Context {
 public:
  explicit Context(std::string address) : address_(std::move(address)) {}
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::string unique(const std::string& prefix);
  // A configuration for this server with these settings; throws for one that librdkafka does not know.
  [[nodiscard]] std::unique_ptr<RdKafka::Conf> conf(const Settings& settings = {}) const;
  // Makes a topic and returns its name.
  std::string create_topic(const std::string& prefix, int partitions = 1, const Settings& settings = {});
  // Sends all and waits until every one is delivered; returns their offsets. Throws what the first failure says.
  std::vector<std::int64_t> produce(const std::string& topic, const std::vector<Sent>& messages,
                                    const Settings& settings = {}) const;
  [[nodiscard]] std::unique_ptr<RdKafka::KafkaConsumer> consumer(const Settings& settings = {}) const;

 private:
  std::string address_;
  int made_ = 0;
};

// The next `count` messages; throws when they do not come.
std::vector<std::unique_ptr<RdKafka::Message>> read(RdKafka::KafkaConsumer& consumer, std::size_t count);
Sent as_sent(const RdKafka::Message& message);
// Reads `count` messages of a partition from its beginning.
std::vector<Sent> read_all(Context& context, const std::string& topic, std::size_t count, std::int32_t partition = 0);

struct Case {
  std::string name;
  std::function<void(Context&)> run;
};
std::vector<Case> record_cases();
std::vector<Case> group_cases();

}  // namespace leat::client
