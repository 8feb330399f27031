#include "protocol/resp/metrics.h"

#include "protocol/resp/executor.h"
#include "protocol/resp/topic_channels.h"

namespace leat::resp {

void collect(observe::MetricsPage& page, Executor& executor) {
  const Stats& stats = executor.stats();
  page.counter("leat_resp_commands_total", "Commands of Redis clients.", {}, stats.commands);
  page.counter("leat_resp_errors_total", "Commands answered with an error.", {}, stats.errors);
  page.counter("leat_resp_malformed_requests_total", "Connections closed since what they sent is not the protocol.", {},
               stats.malformed_requests);
  page.counter("leat_resp_connections_total", "Connections accepted.", {}, stats.accepted_connections);
  page.counter("leat_resp_rejected_connections_total", "Connections closed at once since there were too many.", {},
               stats.refused_connections);
  page.counter("leat_resp_received_bytes_total", "Bytes read from connections.", {}, stats.bytes_in);
  page.counter("leat_resp_sent_bytes_total", "Bytes written to connections.", {}, stats.bytes_out);
  page.gauge("leat_resp_connections", "Open connections.", {}, stats.connections);
  page.gauge("leat_resp_blocked_clients", "Clients that wait for a key.", {}, stats.blocked_clients);
  page.counter("leat_resp_slow_disconnections_total", "Connections closed since the client did not take what was sent.",
               {}, stats.output_limit_disconnections);
  page.counter("leat_resp_dropped_messages_total", "Messages not sent to subscribers that did not take them.", {},
               stats.dropped_messages);
  page.gauge("leat_resp_buffers_bytes", "Memory of clients' buffers.", {},
             static_cast<double>(executor.outputs().memory()));

  if (const TopicChannels* topics = executor.topics()) {
    page.counter("leat_pubsub_topic_messages_total", "Records of topics given to subscribers.", {},
                 topics->tails().delivered());
    page.counter("leat_pubsub_topic_publishes_total", "Records appended to topics by PUBLISH.", {},
                 topics->tails().published());
  }

  keyspace::Keyspace& keyspace = executor.keyspace();
  const keyspace::KeyspaceStats& keys = keyspace.stats();
  page.counter("leat_keyspace_hits_total", "Reads of keys that were there.", {}, keys.hits);
  page.counter("leat_keyspace_misses_total", "Reads of keys that were not there.", {}, keys.misses);
  page.counter("leat_keyspace_expired_keys_total", "Keys removed since their time had come.", {}, keys.expired_keys);
  page.counter("leat_keyspace_evicted_keys_total", "Keys removed since their memory was needed.", {},
               keys.evicted_keys);
  page.counter("leat_keyspace_journal_units_total", "Commands, transactions and scripts journalled.", {},
               stats.units_journalled);
  page.gauge("leat_keyspace_journal_ok", "1, or 0 while changes cannot be journalled and are refused.", {},
             executor.journal_error().empty() ? 1.0 : 0.0);
  page.gauge("leat_keyspace_memory_bytes", "Memory of data and clients' buffers.", {},
             static_cast<double>(executor.memory_used()));
  page.gauge("leat_keyspace_memory_limit_bytes", "Where eviction begins; 0: nowhere.", {},
             static_cast<double>(executor.settings().memory_max));
  const Locks& locks = executor.locks();
  page.counter("leat_locks_acquired_total", "Acquisitions of locks.", {}, locks.stats().acquired);
  page.counter("leat_locks_expired_total", "Acquisitions that ended since their time had come.", {},
               locks.stats().expired);
  page.counter("leat_locks_fenced_total", "Writes refused since the lock had been acquired with a newer token.", {},
               locks.stats().fenced);
  page.gauge("leat_locks_held", "Acquisitions that hold locks.", {}, static_cast<double>(locks.space().held()));
  page.gauge("leat_locks_ok", "1, or 0 while locks cannot be journalled or used.", {},
             locks.unavailable().empty() ? 1.0 : 0.0);
  for (std::uint32_t i = 0; i < keyspace.databases(); ++i) {
    const keyspace::Database& database = keyspace.database(i);
    if (database.size() == 0) continue;
    const std::string number = std::to_string(i);
    const observe::Labels labels{{"database", number}};
    page.gauge("leat_keyspace_keys", "Keys there are.", labels, static_cast<double>(database.size()));
    page.gauge("leat_keyspace_expiring_keys", "Keys that expire.", labels,
               static_cast<double>(database.volatile_size()));
  }
}

}  // namespace leat::resp
