#include <chrono>

#include "tests/clients/librdkafka/support.h"

namespace leat::client {

namespace {

std::vector<Sent> numbered(std::size_t count, const std::string& prefix) {
  std::vector<Sent> messages;
  for (std::size_t i = 0; i < count; ++i)
    messages.push_back({.key = fmt::format("{}", i), .value = fmt::format("{} {}", prefix, i)});
  return messages;
}

void require_same(const std::vector<Sent>& got, const std::vector<Sent>& sent, const std::string& what) {
  require_equal(got.size(), sent.size(), what);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    Sent expected = sent[i];
    expected.timestamp = 0;
    require(got[i] == expected, fmt::format("{}: message {} differs", what, i));
  }
}

void round_trip(Context& context) {
  const auto topic = context.create_topic("cc-plain");
  const auto sent = numbered(10000, "value");
  const auto offsets = context.produce(topic, sent, {{"linger.ms", "5"}});
  for (std::size_t i = 0; i < offsets.size(); ++i) require_equal(offsets[i], static_cast<std::int64_t>(i), "offset");
  require_same(read_all(context, topic, sent.size()), sent, "messages");
}

void compressions(Context& context) {
  for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    const auto topic = context.create_topic("cc-" + codec);
    const auto sent = numbered(2000, std::string(100, 'x') + codec);
    context.produce(topic, sent, {{"compression.codec", codec}, {"linger.ms", "20"}});
    require_same(read_all(context, topic, sent.size()), sent, codec);
  }
}

void nulls_and_headers(Context& context) {
  const auto topic = context.create_topic("cc-null");
  const std::vector<Sent> sent = {
      {.value = "v"}, {.key = "k"}, {}, {.key = "k", .value = "v", .headers = {{"a", "1"}, {"a", "2"}, {"none", {}}}}};
  context.produce(topic, sent);
  require_same(read_all(context, topic, sent.size()), sent, "messages");
}

void large(Context& context) {
  const auto topic = context.create_topic("cc-large", 1, {{"max.message.bytes", "5000000"}});
  const std::vector<Sent> sent = {{.value = std::string(4000000, 'z')}};
  context.produce(topic, sent, {{"message.max.bytes", "10000000"}});
  require_same(read_all(context, topic, 1), sent, "message");
  std::string refusal;
  try {
    context.produce(topic, {{.value = std::string(6000000, 'z')}}, {{"message.max.bytes", "10000000"}});
  } catch (const std::exception& error) {
    refusal = error.what();
  }
  require_equal(refusal, RdKafka::err2str(RdKafka::ERR_MSG_SIZE_TOO_LARGE), "refusal");
}

void idempotent(Context& context) {
  const auto topic = context.create_topic("cc-idempotent");
  const auto sent = numbered(20000, "once");
  context.produce(topic, sent, {{"enable.idempotence", "true"}, {"batch.num.messages", "50"}, {"linger.ms", "0"}});
  require_same(read_all(context, topic, sent.size()), sent, "messages");
}

std::int64_t offset_at(RdKafka::KafkaConsumer& consumer, const std::string& topic, std::int64_t time) {
  std::vector<RdKafka::TopicPartition*> where = {RdKafka::TopicPartition::create(topic, 0, time)};
  const auto error = consumer.offsetsForTimes(where, 30000);
  const auto offset = where[0]->offset();
  RdKafka::TopicPartition::destroy(where);
  require(error == RdKafka::ERR_NO_ERROR, RdKafka::err2str(error));
  return offset;
}

void seek(Context& context) {
  const auto topic = context.create_topic("cc-seek");
  const std::int64_t base = 1600000000000;
  auto sent = numbered(100, "value");
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i].timestamp = base + static_cast<std::int64_t>(i) * 1000;
  context.produce(topic, sent);
  const auto consumer = context.consumer();
  const std::unique_ptr<RdKafka::TopicPartition> where(
      RdKafka::TopicPartition::create(topic, 0, RdKafka::Topic::OFFSET_BEGINNING));
  consumer->assign({where.get()});
  const auto all = read(*consumer, 100);
  require_equal(all[1]->timestamp().timestamp, base + 1000, "the producer's timestamp");
  for (const std::int64_t target : {50, 3, 99, 0}) {
    where->set_offset(target);
    require(consumer->seek(*where, 10000) == RdKafka::ERR_NO_ERROR, "seek");
    require_equal(read(*consumer, 1)[0]->offset(), target, "after a seek");
  }
  require_equal(offset_at(*consumer, topic, base + 41500), 42, "the first offset after a time");
  require_equal(offset_at(*consumer, topic, base + 41000), 41, "the offset at a time");
  require_equal(offset_at(*consumer, topic, base + 1000000000), RdKafka::Topic::OFFSET_END, "no record is that late");
  consumer->close();
}

void several_partitions(Context& context) {
  const auto topic = context.create_topic("cc-partitions", 5);
  auto sent = numbered(5000, "value");
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i].partition = static_cast<std::int32_t>(i % 5);
  context.produce(topic, sent, {{"linger.ms", "5"}});
  for (std::int32_t partition = 0; partition < 5; ++partition) {
    std::vector<Sent> expected;
    for (const auto& message : sent) {
      if (message.partition == partition) expected.push_back(message);
    }
    require_same(read_all(context, topic, expected.size(), partition), expected,
                 fmt::format("partition {}", partition));
  }
}

}  // namespace

std::vector<Case> record_cases() {
  return {{"produces 10,000 records and consumes them in order, exactly", round_trip},
          {"carries every compression", compressions},
          {"carries null keys and values, and headers", nulls_and_headers},
          {"carries large messages, and is refused above the topic's limit", large},
          {"produces idempotently", idempotent},
          {"seeks by offset and by time", seek},
          {"keeps the order in each of five partitions", several_partitions}};
}

}  // namespace leat::client
