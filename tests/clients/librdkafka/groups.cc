#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "tests/clients/librdkafka/support.h"

namespace leat::client {

namespace {

// A group member that polls on a thread of its own until it is destroyed; it leaves the group then.
class Member : public RdKafka::RebalanceCb {
 public:
  Member(Context& context, const std::string& group, const std::string& topic, const std::string& strategy) {
    std::string error;
    auto configuration = context.conf({{"group.id", group},
                                       {"auto.offset.reset", "earliest"},
                                       {"session.timeout.ms", "6000"},
                                       {"heartbeat.interval.ms", "500"},
                                       {"fetch.wait.max.ms", "100"},
                                       {"partition.assignment.strategy", strategy}});
    configuration->set("rebalance_cb", static_cast<RdKafka::RebalanceCb*>(this), error);
    consumer_.reset(RdKafka::KafkaConsumer::create(configuration.get(), error));
    require(consumer_ != nullptr, error);
    consumer_->subscribe({topic});
    thread_ = std::thread([this] { poll(); });
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() override {
    leaving_ = true;
    thread_.join();
  }

  [[nodiscard]] std::set<std::int32_t> partitions() const {
    const std::lock_guard lock(mutex_);
    return partitions_;
  }
  [[nodiscard]] std::vector<std::string> values() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

  void rebalance_cb(RdKafka::KafkaConsumer* consumer, RdKafka::ErrorCode code,
                    std::vector<RdKafka::TopicPartition*>& partitions) override {
    const bool cooperative = consumer->rebalance_protocol() == "COOPERATIVE";
    const bool assigned = code == RdKafka::ERR__ASSIGN_PARTITIONS;
    if (cooperative) {
      delete (assigned ? consumer->incremental_assign(partitions) : consumer->incremental_unassign(partitions));
    } else if (assigned) {
      consumer->assign(partitions);
    } else {
      consumer->unassign();
    }
    const std::lock_guard lock(mutex_);
    for (const auto* each : partitions) {
      if (assigned) {
        partitions_.insert(each->partition());
      } else {
        partitions_.erase(each->partition());
      }
    }
  }

 private:
  void poll() {
    while (!leaving_) {
      const std::unique_ptr<RdKafka::Message> message(consumer_->consume(50));
      if (message->err() != RdKafka::ERR_NO_ERROR) continue;
      const std::lock_guard lock(mutex_);
      values_.emplace_back(static_cast<char*>(message->payload()), message->len());
    }
    consumer_->close();
  }

  std::unique_ptr<RdKafka::KafkaConsumer> consumer_;
  std::atomic<bool> leaving_ = false;
  mutable std::mutex mutex_;
  std::set<std::int32_t> partitions_;
  std::vector<std::string> values_;
  std::thread thread_;
};

template <class Condition>
void wait_for(const std::string& what, const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    require(std::chrono::steady_clock::now() < deadline, "waited 60 s for " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void rebalance(Context& context, const std::string& strategy) {
  const std::set<std::int32_t> all = {0, 1, 2, 3};
  const auto topic = context.create_topic("cc-group", 4);
  const auto group = context.unique("cc-group");
  auto first = std::make_unique<Member>(context, group, topic, strategy);
  wait_for("one member to have all", [&] { return first->partitions() == all; });
  Member second(context, group, topic, strategy);
  wait_for("two members to share", [&] {
    auto together = first->partitions();
    together.merge(second.partitions());
    return first->partitions().size() == 2 && second.partitions().size() == 2 && together == all;
  });
  std::vector<Sent> sent;
  for (int i = 0; i < 400; ++i) sent.push_back({.value = std::to_string(i), .partition = i % 4});
  context.produce(topic, sent);
  wait_for("all records", [&] { return first->values().size() + second.values().size() >= 400; });
  std::multiset<std::string> seen;
  for (const auto* member : {first.get(), static_cast<Member*>(&second)}) {
    for (const auto& value : member->values()) seen.insert(value);
  }
  for (const auto& message : sent) require_equal(seen.count(*message.value), 1U, "times that a record was seen");
  first.reset();
  wait_for("the other to have all", [&] { return second.partitions() == all; });
  const auto before = second.values().size();
  context.produce(topic, {{.value = "after", .partition = 0}, {.value = "after", .partition = 3}});
  wait_for("records after the change", [&] { return second.values().size() == before + 2; });
}

void eager(Context& context) { rebalance(context, "range"); }
void cooperative(Context& context) { rebalance(context, "cooperative-sticky"); }

void commits(Context& context) {
  const auto topic = context.create_topic("cc-commit");
  const auto group = context.unique("cc-commit");
  std::vector<Sent> sent(10, Sent{.value = "x"});
  context.produce(topic, sent);
  {
    const auto consumer = context.consumer({{"group.id", group}, {"enable.auto.commit", "false"}});
    consumer->subscribe({topic});
    read(*consumer, 10);
    std::vector<RdKafka::TopicPartition*> offsets = {RdKafka::TopicPartition::create(topic, 0, 6)};
    const auto error = consumer->commitSync(offsets);
    RdKafka::TopicPartition::destroy(offsets);
    require(error == RdKafka::ERR_NO_ERROR, RdKafka::err2str(error));
    consumer->close();
  }
  const auto consumer = context.consumer({{"group.id", group}});
  consumer->subscribe({topic});
  require_equal(read(*consumer, 4)[0]->offset(), 6, "the first offset after the committed one");
  consumer->close();
}

// Waits for the answer of one admin call and returns the error's name of the whole or, with `inner`, of its parts.
std::string answer(rd_kafka_queue_t* queue, const std::function<std::string(rd_kafka_event_t*)>& inner) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 60000);
  require(event != nullptr, "no answer to an admin call");
  std::string name = rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR
                         ? inner(event)
                         : rd_kafka_err2name(rd_kafka_event_error(event));
  rd_kafka_event_destroy(event);
  return name;
}

void delete_records_and_groups(Context& context) {
  const auto topic = context.create_topic("cc-admin");
  const auto group = context.unique("cc-admin");
  context.produce(topic, std::vector<Sent>(10, Sent{.value = "x"}));
  const auto consumer = context.consumer({{"group.id", group}});
  consumer->subscribe({topic});
  read(*consumer, 10);
  consumer->commitSync();
  rd_kafka_t* client = consumer->c_ptr();
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);

  auto* offsets = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(offsets, topic.c_str(), 0)->offset = 4;
  auto* records = rd_kafka_DeleteRecords_new(offsets);
  rd_kafka_DeleteRecords(client, &records, 1, nullptr, queue);
  require_equal(answer(queue,
                       [](rd_kafka_event_t* event) -> std::string {
                         const auto* list =
                             rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
                         return fmt::format("{} {}", rd_kafka_err2name(list->elems[0].err), list->elems[0].offset);
                       }),
                "NO_ERROR 4", "DeleteRecords");
  rd_kafka_DeleteRecords_destroy(records);
  rd_kafka_topic_partition_list_destroy(offsets);
  std::int64_t low = -1;
  std::int64_t high = -1;
  consumer->query_watermark_offsets(topic, 0, &low, &high, 30000);
  require_equal(low, 4, "the low watermark after DeleteRecords");

  auto group_error = [](rd_kafka_event_t* event) -> std::string {
    std::size_t count = 0;
    const auto** groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count);
    const auto* error = count == 1 ? rd_kafka_group_result_error(groups[0]) : nullptr;
    return error == nullptr ? "NO_ERROR" : rd_kafka_error_name(error);
  };
  auto delete_group = [&](rd_kafka_t* by, rd_kafka_queue_t* answers) {
    auto* request = rd_kafka_DeleteGroup_new(group.c_str());
    rd_kafka_DeleteGroups(by, &request, 1, nullptr, answers);
    rd_kafka_DeleteGroup_destroy(request);
    return answer(answers, group_error);
  };
  require_equal(delete_group(client, queue), "NON_EMPTY_GROUP", "deleting a group with a member");
  rd_kafka_queue_destroy(queue);
  consumer->close();

  const auto other = context.consumer();
  rd_kafka_queue_t* answers = rd_kafka_queue_new(other->c_ptr());
  require_equal(delete_group(other->c_ptr(), answers), "NO_ERROR", "deleting an empty group");
  require_equal(delete_group(other->c_ptr(), answers), "GROUP_ID_NOT_FOUND", "deleting it again");
  rd_kafka_queue_destroy(answers);
  other->close();
}

}  // namespace

std::vector<Case> group_cases() {
  return {{"a group rebalances when members join and leave", eager},
          {"a group rebalances cooperatively", cooperative},
          {"a group starts from its committed offset", commits},
          {"deletes records and groups", delete_records_and_groups}};
}

}  // namespace leat::client
