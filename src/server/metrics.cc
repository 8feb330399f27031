#include "server/metrics.h"

#include "protocol/kafka/error_code.h"
#include "runtime/call.h"

namespace leat::server {
namespace {

void collect_log(observe::MetricsPage& page, const log::Stats& stats) {
  page.counter("leat_log_appended_bytes_total", "Bytes of batches appended.", {}, stats.appended_bytes);
  page.counter("leat_log_appended_batches_total", "Batches appended.", {}, stats.appended_batches);
  page.counter("leat_log_read_bytes_total", "Bytes of batches handed to readers.", {}, stats.read_bytes);
  page.counter("leat_log_cold_reads_total", "Reads that had to wait for the disk.", {}, stats.cold_reads);
  page.counter("leat_log_flushes_total", "Rounds of group commit.", {}, stats.flushes);
  page.counter("leat_log_flushed_files_total", "Files made durable by those rounds.", {}, stats.flushed_files);
  page.counter("leat_log_failed_flushes_total", "Partitions taken offline because a flush failed.", {},
               stats.failed_flushes);
  page.histogram("leat_log_flush_seconds", "Time that a round of group commit took.", {}, stats.flush_latency);
  page.counter("leat_log_removed_segments_total", "Segments freed by retention or deletion.", {},
               stats.removed_segments);
  page.counter("leat_log_compacted_segments_total", "Segments rewritten by compaction.", {}, stats.compacted_segments);
  page.counter("leat_log_recovered_partitions_total", "Partitions verified after an unclean stop.", {},
               stats.recovered_partitions);
  page.counter("leat_log_cut_bytes_total", "Bytes of torn tails that recovery removed.", {}, stats.cut_bytes);
  page.counter("leat_log_damaged_partitions_total", "Partitions found damaged at the start.", {},
               stats.damaged_partitions);
  page.gauge("leat_log_partitions", "Partitions that are open.", {}, stats.partitions);
  page.gauge("leat_log_offline_partitions", "Partitions that do not serve.", {}, stats.offline_partitions);
  page.gauge("leat_log_open_files", "Segment files that are open.", {}, stats.open_files);
}

void collect_topics(observe::MetricsPage& page, stream::StreamShard& shard) {
  const catalog::TopicsPtr& topics = shard.topics();
  for (const auto& [id, counters] : shard.counters()) {
    const catalog::Topic* topic = topics->find(id);
    if (topic == nullptr) continue;
    const observe::Labels labels{{"topic", topic->entry.name}};
    page.counter("leat_topic_records_in_total", "Records produced.", labels, counters->records_in);
    page.counter("leat_topic_bytes_in_total", "Bytes produced.", labels, counters->bytes_in);
    page.counter("leat_topic_bytes_out_total", "Bytes consumed.", labels, counters->bytes_out);
  }
  for (const log::Partition* partition : shard.store().partitions()) {
    const catalog::Topic* topic = topics->find(partition->id().topic);
    if (topic == nullptr) continue;
    const observe::Labels labels{{"topic", topic->entry.name}};
    page.gauge("leat_topic_size_bytes", "Bytes stored.", labels, static_cast<double>(partition->size_bytes()));
    page.gauge("leat_topic_partitions", "Partitions of the topic.", labels, 1);
    page.gauge("leat_topic_end_offset_sum", "Sum of the partitions' high watermarks.", labels,
               static_cast<double>(partition->high_watermark().value()));
  }
}

void collect_groups(observe::MetricsPage& page, stream::GroupShard& groups) {
  double total = 0;
  double memory = 0;
  for (const auto& [partition, coordinator] : groups.coordinators()) {
    const stream::GroupEngine* engine = coordinator->engine();
    page.counter("leat_groups_rebuilt_total", "Times a coordinator was rebuilt from its journal.", {},
                 static_cast<double>(coordinator->failures()));
    if (engine == nullptr) continue;
    total += static_cast<double>(engine->group_count());
    memory += static_cast<double>(engine->memory());
    for (const auto& [id, group] : engine->groups()) {
      if (!group->members().empty())
        page.gauge("leat_group_members", "Members of a consumer group.", {{"group", id}},
                   static_cast<double>(group->members().size()));
    }
  }
  page.gauge("leat_groups", "Consumer groups known.", {}, total);
  page.gauge("leat_groups_memory_bytes", "Memory that consumer groups take, roughly.", {}, memory);
}

void collect_kafka(observe::MetricsPage& page, const kafka::KafkaStats& stats,
                   const std::vector<std::string>& listeners) {
  for (const kafka::ServedApi& api : kafka::served_apis()) {
    const auto& counted = stats.apis[static_cast<std::size_t>(api.key)];
    const observe::Labels labels{{"api", api.name}};
    page.counter("leat_kafka_requests_total", "Requests answered.", labels, counted.requests);
    page.histogram("leat_kafka_request_seconds", "From the request read to its reply written.", labels,
                   counted.latency);
  }
  for (const auto& [where, count] : stats.errors) {
    const kafka::ServedApi* api = kafka::find_served_api(static_cast<std::int16_t>(where.first));
    page.counter("leat_kafka_errors_total", "Error codes in replies.",
                 {{"api", api == nullptr ? "other" : api->name}, {"error", to_string(where.second)}}, count);
  }
  for (std::size_t i = 0; i < stats.listeners.size(); ++i) {
    const kafka::ListenerStats& traffic = stats.listeners[i];
    const observe::Labels listener{{"listener", listeners[i]}};
    page.counter("leat_kafka_received_bytes_total", "Bytes of requests.", listener, traffic.bytes_in);
    page.counter("leat_kafka_sent_bytes_total", "Bytes of replies.", listener, traffic.bytes_out);
    page.counter("leat_kafka_malformed_requests_total", "Connections closed for what came in.", listener,
                 traffic.malformed_requests);
    page.counter("leat_kafka_refused_connections_total", "Connections above the limit.", listener,
                 traffic.refused_connections);
    page.counter("leat_kafka_accepted_connections_total", "Connections accepted.", listener,
                 traffic.accepted_connections);
    page.counter("leat_kafka_stuck_connections_total", "Connections ended for memory that others waited for.", listener,
                 traffic.stuck_connections);
    page.gauge("leat_kafka_connections", "Connections that are open.", listener, traffic.connections);
  }
}

void collect_memory(observe::MetricsPage& page, const kafka::KafkaShard& shard) {
  page.gauge("leat_kafka_request_memory_bytes", "Memory of requests that are read or served.", {},
             static_cast<double>(shard.memory.used()));
  page.gauge("leat_kafka_request_memory_limit_bytes", "What it may be; above it nothing is read.", {},
             static_cast<double>(shard.memory.limit()));
  page.gauge("leat_kafka_reply_memory_bytes", "Memory of replies that are not written yet.", {},
             static_cast<double>(shard.reply_memory));
}

using HighWatermarks = std::unordered_map<TopicPartition, Offset>;

runtime::Task<> add_high_watermarks(const stream::StreamShard* shard, HighWatermarks* found) {
  for (const log::Partition* partition : shard->store().partitions())
    found->emplace(partition->id(), partition->high_watermark());
  co_return;
}

double lag_of(const catalog::Topic& topic, const std::map<PartitionIndex, stream::CommittedOffset>& committed,
              const HighWatermarks& high_watermarks) {
  std::int64_t lag = 0;
  for (const auto& [partition, commit] : committed) {
    const auto end = high_watermarks.find({topic.entry.id, partition});
    if (end != high_watermarks.end()) lag += std::max<std::int64_t>(end->second - commit.offset, 0);
  }
  return static_cast<double>(lag);
}

runtime::Task<> add_lag(stream::GroupShard* groups, const HighWatermarks* high_watermarks, observe::MetricsPage* page) {
  const catalog::TopicsPtr& topics = groups->streams().topics();
  for (const auto& [partition, coordinator] : groups->coordinators()) {
    const stream::GroupEngine* engine = coordinator->engine();
    if (engine == nullptr) continue;
    for (const auto& [id, group] : engine->groups()) {
      for (const auto& [name, committed] : group->offsets()) {
        if (const catalog::Topic* topic = topics->find(name))
          page->gauge("leat_group_lag_records", "Records that the group has not committed, in partitions it has.",
                      {{"group", id}, {"topic", name}}, lag_of(*topic, committed, *high_watermarks));
      }
    }
  }
  co_return;
}

void collect_queue(observe::MetricsPage& page, queue::PartitionQueues& partition, queue::QueuePartition& queue) {
  const queue::EngineStats stats = queue.engine().stats(partition.log().high_watermark());
  const observe::Labels labels{{"queue", queue.queue()->name}};
  const auto waiting = static_cast<double>(stats.not_done) - static_cast<double>(stats.in_flight + stats.delayed);
  page.gauge("leat_queue_ready", "Messages that a consumer can get.", labels, std::max(waiting, 0.0));
  page.gauge("leat_queue_in_flight", "Messages that consumers hold.", labels, static_cast<double>(stats.in_flight));
  page.gauge("leat_queue_delayed", "Messages that are not due.", labels, static_cast<double>(stats.delayed));
  page.gauge("leat_queue_dead_waiting", "Messages on the way to the dead-letter queue.", labels,
             static_cast<double>(stats.dead_waiting));
}

void collect_queues(observe::MetricsPage& page, const queue::QueueShard& queues) {
  for (const auto& [id, partition] : queues.partitions()) {
    for (const auto& [queue_id, queue] : partition->queues()) collect_queue(page, *partition, *queue);
  }
  page.gauge("leat_queue_waiting_receives", "Receives that wait for messages.", {},
             static_cast<double>(queues.waiting()));
}

}  // namespace

runtime::Task<> collect_group_lag(const stream::Streams& streams, const std::vector<stream::GroupShard*>& groups,
                                  observe::MetricsPage& page) {
  HighWatermarks high_watermarks;
  for (std::size_t i = 0; i < streams.size(); ++i)
    co_await runtime::call_on(streams.shard(i).shard(), add_high_watermarks, &streams.shard(i), &high_watermarks);
  for (stream::GroupShard* shard : groups)
    co_await runtime::call_on(shard->streams().shard(), add_lag, shard, &high_watermarks, &page);
}

void collect_logins(observe::MetricsPage& page, const security::Logins& logins) {
  const auto show = [&](std::string_view result, const Counter& count) {
    page.counter("leat_logins_total", "Who tried to be somebody.",
                 {{"protocol", logins.protocol()}, {"result", std::string(result)}}, count);
  };
  show("succeeded", logins.stats().succeeded);
  show("failed", logins.stats().failed);
}

void collect_quotas(observe::MetricsPage& page, const security::QuotaLedger& ledger) {
  for (std::size_t i = 0; i < security::kQuotaKeys; ++i) {
    const auto key = static_cast<security::QuotaKey>(i);
    const security::QuotaLedger::Stats& stats = ledger.stats(key);
    const observe::Labels labels{{"protocol", ledger.protocol()}, {"quota", to_string(key)}};
    page.counter("leat_quota_throttled_total", "How often a client had to wait for its quota.", labels,
                 stats.throttled);
    page.counter("leat_quota_throttled_seconds_total", "How long clients had to wait for their quotas.", labels,
                 static_cast<double>(stats.throttled_us.value()) / 1e6);
    page.counter("leat_quota_refused_total", "Connections closed, and requests not done, because of a quota.", labels,
                 stats.refused);
  }
}

void collect_shard(observe::MetricsPage& page, const ShardParts& parts) {
  collect_log(page, parts.streams->store().stats());
  collect_topics(page, *parts.streams);
  collect_groups(page, *parts.groups);
  collect_kafka(page, parts.kafka->stats(), parts.kafka->shard().node.listeners);
  collect_logins(page, parts.kafka->shard().logins);
  collect_quotas(page, parts.kafka->shard().quotas);
  collect_memory(page, parts.kafka->shard());
  collect_queues(page, *parts.queues);
  parts.sqs->collect(page);
  if (const security::Logins* logins = parts.sqs->logins()) collect_logins(page, *logins);
  if (const security::QuotaLedger* quotas = parts.sqs->quotas()) collect_quotas(page, *quotas);
  parts.sns->api().collect(page);
}

}  // namespace leat::server
