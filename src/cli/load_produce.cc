#include <poll.h>

#include <cerrno>

#include "cli/load.h"
#include "cli/load_lane.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

constexpr std::size_t kStampSize = 8;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kAnswerWaitNs = 60 * kSecondNs;

// Text-like bytes, so that codecs have something to do but not all.
std::string make_payload(std::size_t size) {
  std::string payload(size, '\0');
  std::uint64_t state = 88172645463325252ULL;
  for (char& c : payload) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>('a' + state % 20);
  }
  return payload;
}

class Engine {
 public:
  explicit Engine(const ProduceLoad& load)
      : load_(load), payload_(make_payload(std::max(load.record_size, load.stamped ? kStampSize : 0))) {}

  Status prepare(Client& client, const TopicPartitions& topic) {
    records_per_batch_ = load_.batch_records > 0
                             ? load_.batch_records
                             : std::max<std::uint64_t>(1, load_.batch_bytes / (payload_.size() + 12));
    LEAT_TRY(batch_, build_batch(records_per_batch_, 0));
    return open_lanes(client, topic);
  }

  Result<LoadResult> run() {
    const double cpu = process_cpu_seconds();
    started_ns_ = monotonic_ns();
    std::int64_t last_answer_ns = started_ns_;
    std::vector<pollfd> waiting(lanes_.size());
    while (!is_finished()) {
      LEAT_CHECK(begin_requests());
      const std::int64_t now = monotonic_ns();
      LEAT_CHECK(wait(waiting, now));
      for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if ((waiting[i].revents & POLLOUT) != 0 && lanes_[i]->sending()) LEAT_CHECK(lanes_[i]->continue_sending());
        if ((waiting[i].revents & (POLLIN | POLLERR | POLLHUP)) == 0 && load_.acks != 0) continue;
        LEAT_TRY(const auto ended, lanes_[i]->receive());
        if (!ended.empty()) last_answer_ns = monotonic_ns();
        for (const ProduceLane::Request& request : ended) take_answer(request, last_answer_ns);
      }
      if (in_flight_ > 0 && monotonic_ns() - last_answer_ns > kAnswerWaitNs && now - last_answer_ns > kAnswerWaitNs)
        return fail(Errc::timed_out, "the server answered nothing for a minute");
      if (in_flight_ == 0) last_answer_ns = monotonic_ns();
    }
    result_.seconds = static_cast<double>(last_answer_ns - started_ns_) / static_cast<double>(kSecondNs);
    result_.client_cpu_seconds = process_cpu_seconds() - cpu;
    return std::move(result_);
  }

 private:
  // With stamps: the first record was due at `due_ns`, the next ones each an interval later.
  Result<Bytes> build_batch(std::uint64_t records, std::int64_t due_ns) {
    log::BatchBuilder builder(load_.codec);
    log::NewRecord record;
    record.timestamp = Timestamp(wall_clock_ms());
    for (std::uint64_t i = 0; i < records; ++i) {
      if (load_.stamped) {
        const std::int64_t due = due_ns + static_cast<std::int64_t>(static_cast<double>(i) * interval_ns());
        store_be(reinterpret_cast<std::byte*>(payload_.data()), due);
      }
      record.value = as_bytes(payload_);
      builder.add(record);
    }
    return builder.build();
  }

  // Each broker gets its share of the connections, each connection partitions of its broker.
  Status open_lanes(Client& client, const TopicPartitions& topic) {
    std::map<std::int32_t, std::vector<std::int32_t>> led;
    for (const auto& p : topic.partitions) led[p.leader].push_back(p.index);
    std::vector<std::int32_t> leaders;
    for (const auto& [leader, partitions] : led) leaders.push_back(leader);
    std::map<std::int32_t, std::vector<std::vector<std::int32_t>>> shares;
    for (std::int32_t i = 0; i < std::max<std::int32_t>(load_.connections, static_cast<std::int32_t>(leaders.size()));
         ++i)
      shares[leaders[static_cast<std::size_t>(i) % leaders.size()]].emplace_back();
    for (auto& [leader, of_connections] : shares) {
      const auto& partitions = led.at(leader);
      for (std::size_t i = 0; i < std::max(partitions.size(), of_connections.size()); ++i)
        of_connections[i % of_connections.size()].push_back(partitions[i % partitions.size()]);
      const auto address = client.brokers().find(leader);
      if (address == client.brokers().end())
        return fail(Errc::io, fmt::format("a partition of '{}' has no leader now", topic.name));
      for (auto& mine : of_connections) {
        LEAT_TRY(auto connection, Connection::open(address->second, Client::kConnectTimeout));
        LEAT_TRY(auto lane, ProduceLane::make(std::move(connection), topic.name, std::move(mine), load_.acks));
        lanes_.push_back(std::move(lane));
      }
    }
    return {};
  }

  [[nodiscard]] double interval_ns() const { return load_.rate > 0 ? static_cast<double>(kSecondNs) / load_.rate : 0; }
  // When record `number` is due, of those with a rate.
  [[nodiscard]] std::int64_t due_ns(std::uint64_t number) const {
    return started_ns_ + static_cast<std::int64_t>(static_cast<double>(number) * interval_ns());
  }
  [[nodiscard]] bool may_begin_more(std::int64_t now) const {
    if (load_.records > 0 && begun_ >= load_.records) return false;
    return load_.seconds <= 0 ||
           static_cast<double>(now - started_ns_) < load_.seconds * static_cast<double>(kSecondNs);
  }
  [[nodiscard]] bool is_finished() { return in_flight_ == 0 && !may_begin_more(monotonic_ns()); }
  // When the next request may begin.
  [[nodiscard]] std::int64_t next_begin_ns() const {
    if (load_.rate <= 0) return 0;
    if (load_.stamped) return due_ns(begun_) + load_.linger.count() * 1'000'000;
    return due_ns(begun_ + records_per_batch_ - 1);
  }

  ProduceLane* free_lane() {
    for (std::size_t tried = 0; tried < lanes_.size(); ++tried) {
      ProduceLane& lane = *lanes_[next_lane_++ % lanes_.size()];
      if (!lane.sending() && lane.awaited() < static_cast<std::size_t>(load_.in_flight)) return &lane;
    }
    return nullptr;
  }

  Status begin_requests() {
    for (;;) {
      const std::int64_t now = monotonic_ns();
      if (!may_begin_more(now) || next_begin_ns() > now) return {};
      ProduceLane* const lane = free_lane();
      if (lane == nullptr) return {};
      ProduceLane::Request request;
      request.due_ns = load_.rate > 0 ? due_ns(begun_) : now;
      request.records = records_per_batch_;
      request.counted =
          static_cast<double>(request.due_ns - started_ns_) >= load_.warm_up_seconds * static_cast<double>(kSecondNs);
      if (load_.stamped) {
        const auto due = static_cast<std::uint64_t>(static_cast<double>(now - started_ns_) / interval_ns()) + 1;
        request.records = std::clamp<std::uint64_t>(due - begun_, 1, records_per_batch_);
        LEAT_TRY(Bytes batch, build_batch(request.records, request.due_ns));
        result_.bytes += batch.size();
        LEAT_CHECK(lane->begin(request, std::move(batch)));
      } else {
        result_.bytes += batch_.size();
        LEAT_CHECK(lane->begin(request, batch_.view()));
      }
      begun_ += request.records;
      ++in_flight_;
    }
  }

  Status wait(std::vector<pollfd>& waiting, std::int64_t now) {
    bool free = false;
    bool unsent_done = false;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const bool sending = lanes_[i]->sending();
      free |= !sending && lanes_[i]->awaited() < static_cast<std::size_t>(load_.in_flight);
      unsent_done |= load_.acks == 0 && !sending && lanes_[i]->awaited() > 0;
      waiting[i] = {lanes_[i]->socket().descriptor(), static_cast<short>(POLLIN | (sending ? POLLOUT : 0)), 0};
    }
    std::int64_t wait_ns = kSecondNs;
    if (free && may_begin_more(now)) wait_ns = std::clamp<std::int64_t>(next_begin_ns() - now, 0, kSecondNs);
    if (unsent_done) wait_ns = 0;
    const timespec limit{wait_ns / kSecondNs, wait_ns % kSecondNs};
    if (::ppoll(waiting.data(), waiting.size(), &limit, nullptr) < 0 && errno != EINTR)
      return fail(system_error("ppoll", errno));
    return {};
  }

  void take_answer(const ProduceLane::Request& request, std::int64_t now) {
    --in_flight_;
    ++result_.requests;
    result_.records += request.records;
    if (request.counted) result_.latency.record(now - request.due_ns);
  }

  const ProduceLoad& load_;
  std::string payload_;
  std::uint64_t records_per_batch_ = 1;
  Bytes batch_;
  std::vector<std::unique_ptr<ProduceLane>> lanes_;
  std::size_t next_lane_ = 0;
  std::int64_t started_ns_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t in_flight_ = 0;
  LoadResult result_;
};

}  // namespace

Result<LoadResult> run_produce_load(Client& client, const TopicPartitions& topic, const ProduceLoad& load) {
  Engine engine(load);
  LEAT_CHECK(engine.prepare(client, topic));
  return engine.run();
}

}  // namespace leat::cli
