#include <thread>

#include "cli/fetch_session.h"
#include "cli/load.h"

namespace leat::cli {
namespace {

constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;

// The consumer's side, on a thread of its own.
class Reader {
 public:
  Status open(const Address& broker, const std::string& topic, std::map<std::int32_t, std::int64_t> positions,
              Milliseconds wait) {
    FetchSession::Options options;
    options.wait_max_ms = static_cast<std::int32_t>(wait.count());
    LEAT_TRY(session_, FetchSession::open(broker, topic, std::move(positions), options));
    return {};
  }
  // Reads until `wanted` records came, or for a while after the producer's end.
  void run(const std::atomic<std::uint64_t>& wanted, std::int64_t count_from_ns) {
    outcome_ = read(wanted, count_from_ns);
  }
  [[nodiscard]] const Status& outcome() const { return outcome_; }
  [[nodiscard]] const LatencyHistogram& latency() const { return latency_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  Status read(const std::atomic<std::uint64_t>& wanted, std::int64_t count_from_ns) {
    LEAT_CHECK(session_->send());
    while (records_ < wanted) {
      LEAT_TRY(const auto batches, session_->receive());
      const std::int64_t now = monotonic_ns();
      LEAT_CHECK(session_->send());
      for (const BytesView batch : batches) LEAT_CHECK(measure(batch, now, count_from_ns));
    }
    return {};
  }

  Status measure(BytesView batch, std::int64_t now, std::int64_t count_from_ns) {
    LEAT_TRY(auto reader, log::BatchReader::open(batch, kDecompressedMax));
    for (;;) {
      LEAT_TRY(const auto record, reader.next());
      if (!record) return {};
      ++records_;
      if (!record->value || record->value->size() < sizeof(std::int64_t)) continue;
      const auto due = load_be<std::int64_t>(record->value->data());
      if (due >= count_from_ns) latency_.record(now - due);
    }
  }

  std::unique_ptr<FetchSession> session_;
  LatencyHistogram latency_;
  std::uint64_t records_ = 0;
  Status outcome_;
};

}  // namespace

Result<LoadResult> run_end_to_end_load(Client& client, const TopicPartitions& topic, const EndToEndLoad& load) {
  std::vector<std::int32_t> indexes;
  std::set<std::int32_t> leaders;
  for (const auto& p : topic.partitions) {
    indexes.push_back(p.index);
    leaders.insert(p.leader);
  }
  if (leaders.size() != 1)
    return fail(Errc::unsupported,
                fmt::format("the partitions of '{}' have several leaders: measure with --partitions 1", topic.name));
  LEAT_TRY(auto ends, client.offsets(topic, indexes, kLatest));
  Reader reader;
  LEAT_CHECK(reader.open(client.brokers().at(*leaders.begin()), topic.name, std::move(ends), load.fetch_wait));

  ProduceLoad produce = load.produce;
  produce.stamped = true;
  std::atomic<std::uint64_t> wanted{UINT64_MAX};
  const std::int64_t count_from = monotonic_ns() + static_cast<std::int64_t>(produce.warm_up_seconds * 1e9);
  std::thread reading([&] { reader.run(wanted, count_from); });
  auto produced = run_produce_load(client, topic, produce);
  // The reader stops with the last record; without a producer's count, at its next answer.
  wanted = produced ? produced->records : 0;
  reading.join();
  LEAT_CHECK(Status(reader.outcome()));
  if (!produced) return produced;
  produced->latency = reader.latency();
  produced->records = reader.records();
  return produced;
}

}  // namespace leat::cli
