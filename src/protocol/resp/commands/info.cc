#include "protocol/resp/commands/info.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "protocol/resp/call.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/version.h"

namespace leat::resp {
namespace {

std::string human(std::uint64_t bytes) {
  static constexpr std::pair<std::uint64_t, char> kUnits[] = {
      {std::uint64_t{1} << 40, 'T'}, {1 << 30, 'G'}, {1 << 20, 'M'}, {1 << 10, 'K'}};
  for (const auto& [unit, letter] : kUnits) {
    if (bytes >= unit) return fmt::format("{:.2f}{}", static_cast<double>(bytes) / static_cast<double>(unit), letter);
  }
  return fmt::format("{}B", bytes);
}

std::uint64_t resident_bytes() {
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// That the client who asks is connected to.
std::string_view port_of(const Executor& executor) {
  if (executor.current() == nullptr) return "0";
  const std::string_view local = executor.current()->local;
  return local.substr(local.rfind(':') + 1);
}

void server(Executor& executor, std::string& out) {
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(executor.shard().now() - executor.started()).count();
  out += fmt::format(
      "redis_version:{}\r\nserver_name:leat\r\nredis_mode:standalone\r\narch_bits:64\r\nmultiplexing_api:epoll\r\n"
      "process_id:{}\r\nrun_id:{}\r\nuptime_in_seconds:{}\r\nuptime_in_days:{}\r\ntcp_port:{}\r\nhz:10\r\n",
      kRedisVersion, ::getpid(), executor.run_id(), up, up / 86400, port_of(executor));
}

void clients(Executor& executor, std::string& out) {
  const Stats& stats = executor.stats();
  out += fmt::format("connected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:{}\r\ntracking_clients:{}\r\n",
                     stats.connections.value(), executor.settings().connections_max, stats.blocked_clients.value(),
                     executor.tracking().clients());
}

void memory(Executor& executor, std::string& out) {
  const std::uint64_t used = executor.memory_used();
  const std::uint64_t peak = std::max(used, executor.times().memory_peak());
  const std::uint64_t resident = resident_bytes();
  const std::uint64_t most = executor.settings().memory_max;
  out += fmt::format(
      "used_memory:{}\r\nused_memory_human:{}\r\nused_memory_rss:{}\r\nused_memory_rss_human:{}\r\n"
      "used_memory_dataset:{}\r\nmaxmemory:{}\r\nmaxmemory_human:{}\r\nmaxmemory_policy:{}\r\n"
      "mem_fragmentation_ratio:{:.2f}\r\nmem_allocator:libc\r\nmem_clients_normal:{}\r\n"
      "used_memory_peak:{}\r\nused_memory_peak_human:{}\r\n",
      used, human(used), resident, human(resident), keyspace::MemoryMeter::used(), most, human(most),
      to_string(executor.keyspace().policy()), ratio(resident, used), executor.outputs().memory(), peak, human(peak));
}

void persistence(Executor& executor, std::string& out) {
  const keyspace::Journal* journal = executor.journal();
  const bool running = executor.snapshotter() != nullptr && executor.snapshotter()->is_running();
  out += fmt::format(
      "loading:0\r\nasync_loading:0\r\nrdb_changes_since_last_save:{}\r\nrdb_bgsave_in_progress:{}\r\n"
      "rdb_last_save_time:{}\r\nrdb_last_bgsave_status:ok\r\naof_enabled:{}\r\naof_rewrite_in_progress:{}\r\n"
      "aof_last_write_status:{}\r\njournal_size:{}\r\njournal_units:{}\r\n",
      executor.keyspace().changes(), running ? 1 : 0,
      executor.snapshotter() == nullptr ? 0 : executor.snapshotter()->last_taken() / 1000,
      executor.durability(0) == Durability::none ? 0 : 1, running ? 1 : 0,
      executor.journal_error().empty() ? "ok" : "err", journal == nullptr ? 0 : journal->size_bytes(),
      executor.stats().units_journalled.value());
}

void stats(Executor& executor, std::string& out) {
  const Stats& stats = executor.stats();
  const StatsBaseline& base = executor.stats_baseline();
  const keyspace::KeyspaceStats& keys = executor.keyspace().stats();
  const std::uint64_t hits = keys.hits.value() - base.hits;
  const std::uint64_t misses = keys.misses.value() - base.misses;
  out += fmt::format(
      "total_connections_received:{}\r\ntotal_commands_processed:{}\r\ntotal_net_input_bytes:{}\r\n"
      "total_net_output_bytes:{}\r\nrejected_connections:{}\r\nexpired_keys:{}\r\nevicted_keys:{}\r\n"
      "keyspace_hits:{}\r\nkeyspace_misses:{}\r\nkeyspace_hit_ratio:{:.4f}\r\ntotal_error_replies:{}\r\n",
      stats.accepted_connections.value() - base.accepted_connections, stats.commands.value() - base.commands,
      stats.bytes_in.value() - base.bytes_in, stats.bytes_out.value() - base.bytes_out,
      stats.refused_connections.value() - base.refused_connections, keys.expired_keys.value() - base.expired_keys,
      keys.evicted_keys.value() - base.evicted_keys, hits, misses, ratio(hits, hits + misses),
      stats.errors.value() - base.errors);
  const pubsub::Hub& hub = executor.hub();
  const Tracking& tracking = executor.tracking();
  out += fmt::format(
      "pubsub_channels:{}\r\npubsub_patterns:{}\r\npubsubshard_channels:{}\r\ntracking_total_keys:{}\r\n"
      "tracking_total_items:{}\r\ntracking_total_prefixes:{}\r\nclient_output_buffer_limit_disconnections:{}\r\n"
      "dropped_messages:{}\r\ninstantaneous_ops_per_sec:{}\r\nlatest_fork_usec:0\r\n",
      hub.count(pubsub::Kind::channel), hub.count(pubsub::Kind::pattern), hub.count(pubsub::Kind::shard),
      tracking.keys(), tracking.items(), tracking.prefixes(), stats.output_limit_disconnections.value(),
      stats.dropped_messages.value(), executor.times().commands_per_second());
}

void replication(Executor& /*executor*/, std::string& out) {
  out += "role:master\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n";
}

void cpu(Executor& /*executor*/, std::string& out) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  out +=
      fmt::format("used_cpu_sys:{:.6f}\r\nused_cpu_user:{:.6f}\r\n", seconds(usage.ru_stime), seconds(usage.ru_utime));
}

void cluster(Executor& /*executor*/, std::string& out) { out += "cluster_enabled:0\r\n"; }

void keyspace_section(Executor& executor, std::string& out) {
  for (std::uint32_t i = 0; i < executor.keyspace().databases(); ++i) {
    const keyspace::Database& database = executor.keyspace().database(i);
    if (database.size() > 0)
      out += fmt::format("db{}:keys={},expires={},avg_ttl=0\r\n", i, database.size(), database.volatile_size());
  }
}

struct Section {
  std::string_view name;
  std::string_view title;
  void (*write)(Executor& executor, std::string& out);
  bool is_default = true;
};
constexpr Section kSections[] = {
    {"server", "Server", server},
    {"clients", "Clients", clients},
    {"memory", "Memory", memory},
    {"persistence", "Persistence", persistence},
    {"stats", "Stats", stats},
    {"replication", "Replication", replication},
    {"cpu", "CPU", cpu},
    {"commandstats", "Commandstats", info_of_commands, false},
    {"errorstats", "Errorstats", info_of_errors},
    {"latencystats", "Latencystats", info_of_latencies, false},
    {"cluster", "Cluster", cluster},
    {"keyspace", "Keyspace", keyspace_section},
};

bool is_wanted(const Call& call, const Section& section) {
  if (call.size() == 1) return section.is_default;
  for (std::size_t i = 1; i < call.size(); ++i) {
    std::string name(call[i]);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == section.name || name == "all" || name == "everything") return true;
    if (name == "default" && section.is_default) return true;
  }
  return false;
}

}  // namespace

void info(Call& call) {
  std::string out;
  for (const Section& section : kSections) {
    if (!is_wanted(call, section)) continue;
    if (!out.empty()) out += "\r\n";
    out += fmt::format("# {}\r\n", section.title);
    section.write(call.executor, out);
  }
  call.reply.verbatim(out);
}

}  // namespace leat::resp
