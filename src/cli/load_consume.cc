#include <sys/resource.h>

#include <mutex>
#include <thread>

#include "cli/fetch_session.h"
#include "cli/load.h"

namespace leat::cli {
namespace {

constexpr int kEmptyAnswersMax = 3;

struct Share {  // of one connection
  Address broker;
  std::map<std::int32_t, std::int64_t> positions;
  std::map<std::int32_t, std::int64_t> ends;
};

struct Common {
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::optional<Error> error;

  void note(Error what) {
    const std::lock_guard lock(mutex);
    if (!error) error = std::move(what);
    stop = true;
  }
};

bool reached_end(const FetchSession& session, const Share& share) {
  return std::ranges::all_of(session.positions(), [&](const auto& at) { return at.second >= share.ends.at(at.first); });
}

Status read_share(const Share& share, const std::string& topic, const ConsumeLoad& load, Common& common) {
  FetchSession::Options options;
  options.partition_bytes = load.partition_bytes;
  options.request_bytes = load.request_bytes;
  LEAT_TRY(const auto session, FetchSession::open(share.broker, topic, share.positions, options));
  int empty_answers = 0;
  if (reached_end(*session, share)) return {};
  LEAT_CHECK(session->send());
  while (!common.stop) {
    LEAT_TRY(const auto batches, session->receive());
    empty_answers = batches.empty() ? empty_answers + 1 : 0;
    const bool last = reached_end(*session, share) || empty_answers >= kEmptyAnswersMax;
    if (!last) LEAT_CHECK(session->send());  // the server works on it while this thread looks at the last answer
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    for (const BytesView batch : batches) {
      LEAT_TRY(const auto header, log::decode_batch_header(batch));
      if (load.verify && !log::batch_crc_matches(batch, header))
        return fail(Errc::corrupt_message,
                    fmt::format("the batch at offset {} of '{}' fails its checksum", header.base_offset, topic));
      records += static_cast<std::uint64_t>(header.record_count);
      bytes += batch.size();
    }
    common.bytes += bytes;
    ++common.requests;
    if ((common.records += records) >= load.records && load.records > 0) common.stop = true;
    if (last) return {};
  }
  return {};
}

Result<std::vector<Share>> make_shares(Client& client, const TopicPartitions& topic, std::int32_t connections) {
  std::vector<std::int32_t> indexes;
  for (const auto& p : topic.partitions) indexes.push_back(p.index);
  LEAT_TRY(const auto starts, client.offsets(topic, indexes, kEarliest));
  LEAT_TRY(const auto ends, client.offsets(topic, indexes, kLatest));
  std::map<std::pair<std::int32_t, std::int32_t>, Share> shares;  // by broker and its connection
  std::map<std::int32_t, std::int32_t> next_of_broker;
  for (const auto& p : topic.partitions) {
    const auto address = client.brokers().find(p.leader);
    if (address == client.brokers().end())
      return fail(Errc::io, fmt::format("{}/{} has no leader now; try again", topic.name, p.index));
    Share& share = shares[{p.leader, next_of_broker[p.leader]++ % connections}];
    share.broker = address->second;
    share.positions[p.index] = starts.at(p.index);
    share.ends[p.index] = ends.at(p.index);
  }
  std::vector<Share> list;
  for (auto& [place, share] : shares) list.push_back(std::move(share));
  return list;
}

void read_until_done(const Share& share, const std::string& topic, const ConsumeLoad& load, Common& common) {
  if (const Status read = read_share(share, topic, load, common); !read) common.note(read.error());
}

}  // namespace

double process_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Result<LoadResult> run_consume_load(Client& client, const TopicPartitions& topic, const ConsumeLoad& load) {
  LEAT_TRY(const auto shares, make_shares(client, topic, load.connections));
  Common common;
  const double cpu = process_cpu_seconds();
  const MonoTime started = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (const Share& share : shares)
    threads.emplace_back(read_until_done, std::cref(share), std::cref(topic.name), std::cref(load), std::ref(common));
  for (std::thread& thread : threads) thread.join();
  if (common.error) return fail(*common.error);
  LoadResult result;
  result.records = common.records;
  result.bytes = common.bytes;
  result.requests = common.requests;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  result.client_cpu_seconds = process_cpu_seconds() - cpu;
  return result;
}

}  // namespace leat::cli
