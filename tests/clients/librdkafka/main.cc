#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "tests/clients/librdkafka/support.h"

namespace leat::client {

namespace {

constexpr auto kPatience = std::chrono::seconds(60);

// Remembers the offset of each delivered message at the index that was its opaque value.
class Deliveries : public RdKafka::DeliveryReportCb {
 public:
  explicit Deliveries(std::size_t count) : offsets_(count, -1) {}
  void dr_cb(RdKafka::Message& message) override {
    if (message.err() != RdKafka::ERR_NO_ERROR && error_.empty()) error_ = message.errstr();
    offsets_[reinterpret_cast<std::size_t>(message.msg_opaque())] = message.offset();
  }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const std::vector<std::int64_t>& offsets() const { return offsets_; }

 private:
  std::vector<std::int64_t> offsets_;
  std::string error_;
};

RdKafka::Headers* to_headers(const Sent& message) {
  if (message.headers.empty()) return nullptr;
  auto* headers = RdKafka::Headers::create();
  for (const auto& [name, value] : message.headers) {
    headers->add(name, value ? value->data() : nullptr, value ? value->size() : 0);
  }
  return headers;
}

}  // namespace

std::string Context::unique(const std::string& prefix) {
  static const unsigned kRun = std::random_device{}();
  return fmt::format("{}-{:08x}-{}", prefix, kRun, made_++);
}

std::unique_ptr<RdKafka::Conf> Context::conf(const Settings& settings) const {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  std::string error;
  auto set = [&](const std::string& name, const std::string& value) {
    require(conf->set(name, value, error) == RdKafka::Conf::CONF_OK, error);
  };
  set("bootstrap.servers", address_);
  for (const auto& [name, value] : settings) set(name, value);
  return conf;
}

std::string Context::create_topic(const std::string& prefix, int partitions, const Settings& settings) {
  const std::string name = unique(prefix);
  std::string error;
  const auto configuration = conf();
  const std::unique_ptr<RdKafka::Producer> client(RdKafka::Producer::create(configuration.get(), error));
  require(client != nullptr, error);
  char words[512];
  rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, 1, words, sizeof words);
  require(topic != nullptr, words);
  for (const auto& [key, value] : settings) rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client->c_ptr());
  rd_kafka_CreateTopics(client->c_ptr(), &topic, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 60000);
  std::string failure = event == nullptr ? "no answer to CreateTopics" : "";
  if (event != nullptr) {
    std::size_t count = 0;
    const auto* result = rd_kafka_event_CreateTopics_result(event);
    const auto** topics = rd_kafka_CreateTopics_result_topics(result, &count);
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) failure = rd_kafka_event_error_string(event);
    for (std::size_t i = 0; i < count; ++i) {
      if (rd_kafka_topic_result_error(topics[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failure = rd_kafka_err2name(rd_kafka_topic_result_error(topics[i]));
      }
    }
    rd_kafka_event_destroy(event);
  }
  rd_kafka_NewTopic_destroy(topic);
  rd_kafka_queue_destroy(queue);
  require(failure.empty(), failure);
  return name;
}

std::vector<std::int64_t> Context::produce(const std::string& topic, const std::vector<Sent>& messages,
                                           const Settings& settings) const {
  Deliveries deliveries(messages.size());
  std::string error;
  const auto configuration = conf(settings);
  require(configuration->set("dr_cb", &deliveries, error) == RdKafka::Conf::CONF_OK, error);
  const std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(configuration.get(), error));
  require(producer != nullptr, error);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Sent& m = messages[i];
    RdKafka::ErrorCode result = RdKafka::ERR__QUEUE_FULL;
    while (result == RdKafka::ERR__QUEUE_FULL) {
      auto* headers = to_headers(m);
      result = producer->produce(topic, m.partition, RdKafka::Producer::RK_MSG_COPY,
                                 m.value ? const_cast<char*>(m.value->data()) : nullptr, m.value ? m.value->size() : 0,
                                 m.key ? m.key->data() : nullptr, m.key ? m.key->size() : 0, m.timestamp, headers,
                                 reinterpret_cast<void*>(i));
      if (result != RdKafka::ERR_NO_ERROR) delete headers;
      producer->poll(result == RdKafka::ERR__QUEUE_FULL ? 50 : 0);
    }
    require(result == RdKafka::ERR_NO_ERROR, RdKafka::err2str(result));
  }
  require(producer->flush(60000) == RdKafka::ERR_NO_ERROR, "not everything was delivered in 60 s");
  require(deliveries.error().empty(), deliveries.error());
  return deliveries.offsets();
}

std::unique_ptr<RdKafka::KafkaConsumer> Context::consumer(const Settings& settings) const {
  Settings all = {{"group.id", "reader"},
                  {"auto.offset.reset", "earliest"},
                  {"session.timeout.ms", "6000"},
                  {"heartbeat.interval.ms", "500"},
                  {"fetch.wait.max.ms", "100"}};
  for (const auto& [name, value] : settings) all[name] = value;
  std::string error;
  const auto configuration = conf(all);
  std::unique_ptr<RdKafka::KafkaConsumer> made(RdKafka::KafkaConsumer::create(configuration.get(), error));
  require(made != nullptr, error);
  return made;
}

std::vector<std::unique_ptr<RdKafka::Message>> read(RdKafka::KafkaConsumer& consumer, std::size_t count) {
  std::vector<std::unique_ptr<RdKafka::Message>> found;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (found.size() < count) {
    require(std::chrono::steady_clock::now() < deadline, fmt::format("got {} of {} messages", found.size(), count));
    std::unique_ptr<RdKafka::Message> message(consumer.consume(200));
    if (message->err() == RdKafka::ERR__TIMED_OUT) continue;
    require(message->err() == RdKafka::ERR_NO_ERROR, message->errstr());
    found.push_back(std::move(message));
  }
  return found;
}

Sent as_sent(const RdKafka::Message& message) {
  Sent result{.partition = message.partition()};
  if (message.key() != nullptr) result.key = *message.key();
  if (message.payload() != nullptr) result.value = std::string(static_cast<char*>(message.payload()), message.len());
  if (auto* headers = const_cast<RdKafka::Message&>(message).headers()) {
    for (const auto& header : headers->get_all()) {
      std::optional<std::string> value;
      if (header.value() != nullptr) {
        value = std::string(static_cast<const char*>(header.value()), header.value_size());
      }
      result.headers.emplace_back(header.key(), value);
    }
  }
  return result;
}

std::vector<Sent> read_all(Context& context, const std::string& topic, std::size_t count, std::int32_t partition) {
  const auto consumer = context.consumer({{"check.crcs", "true"}});
  std::vector<RdKafka::TopicPartition*> where = {
      RdKafka::TopicPartition::create(topic, partition, RdKafka::Topic::OFFSET_BEGINNING)};
  consumer->assign(where);
  std::vector<Sent> result;
  for (const auto& message : read(*consumer, count)) result.push_back(as_sent(*message));
  std::int64_t low = -1;
  std::int64_t high = -1;
  consumer->query_watermark_offsets(topic, partition, &low, &high, 30000);
  RdKafka::TopicPartition::destroy(where);
  consumer->close();
  require_equal(low, 0, "low watermark");
  require_equal(high, static_cast<std::int64_t>(count), "high watermark");
  return result;
}

}  // namespace leat::client

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: client_librdkafka ADDRESS\n", stderr);
    return 2;
  }
  leat::client::Context context(argv[1]);
  int failed = 0;
  for (const auto& cases : {leat::client::record_cases(), leat::client::group_cases()}) {
    for (const auto& each : cases) {
      try {
        each.run(context);
        fmt::print("ok librdkafka: {}\n", each.name);
      } catch (const std::exception& error) {
        ++failed;
        fmt::print("FAILED librdkafka: {}: {}\n", each.name, error.what());
      }
      std::fflush(stdout);
    }
  }
  RdKafka::wait_destroyed(5000);
  return failed == 0 ? 0 : 1;
}
