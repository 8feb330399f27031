#include "protocol/api/reader.h"

#include "protocol/api/record_json.h"
#include "pubsub/topic_reader.h"
#include "runtime/call.h"

namespace leat::api {
namespace {

using runtime::Task;

// How long a wait lasts before it is looked whether somebody still waits.
constexpr Milliseconds kPatience{250};
constexpr std::uint64_t kScannedMax = std::uint64_t{16} << 20;
constexpr std::uint64_t kChunk = std::uint64_t{1} << 20;
constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;
constexpr std::size_t kInlineMax = std::size_t{128} << 10;  // rendered on the shard

// Renders records, one after the other.
class Rendering {
 public:
  explicit Rendering(const ReadQuery& query) : query_(query) {}

  // Those of `bytes` from `from` on. Returns where to go on.
  Result<Offset> add(BytesView bytes, Offset from) {
    Offset next = from;
    for (BytesView rest = bytes; !rest.empty() && !is_full();) {
      LEAT_TRY(const log::BatchHeader header, log::decode_batch_header(rest));
      const BytesView batch = rest.first(header.total_size());
      rest = rest.subspan(batch.size());
      LEAT_TRY(next, add_batch(batch, header, from));
    }
    return next;
  }
  [[nodiscard]] bool is_full() const { return count_ >= query_.records_max || text_.size() >= query_.bytes_max; }
  [[nodiscard]] bool is_empty() const { return count_ == 0; }

  [[nodiscard]] std::string finish(Offset next, Offset end) {
    if (query_.as_lines) return std::move(text_);
    return fmt::format(R"({{"records":[{}],"partition":{},"next":{},"end":{}}})", text_, query_.id.partition, next,
                       end);
  }

 private:
  Result<Offset> add_batch(BytesView batch, const log::BatchHeader& header, Offset from) {
    if (header.is_control()) return header.last_offset() + 1;
    LEAT_TRY(log::BatchReader reader, log::BatchReader::open(batch, kDecompressedMax));
    while (true) {
      LEAT_TRY(const auto record, reader.next());
      if (!record) return header.last_offset() + 1;
      if (record->offset < from || !is_wanted(*record)) continue;
      if (is_full()) return record->offset;
      if (count_++ > 0 && !query_.as_lines) text_ += ',';
      LEAT_CHECK(append_record(query_.topic, query_.id.partition.value(), *record, text_));
      if (query_.as_lines) text_ += '\n';
    }
  }
  [[nodiscard]] bool is_wanted(const log::RecordView& record) const {
    return !query_.key || (record.key && as_text(*record.key) == *query_.key);
  }

  const ReadQuery& query_;
  std::string text_;
  std::size_t count_ = 0;
};

// Where the reading begins.
Task<Outcome<Offset>> find_start(ApiShard& shard, const ReadQuery& query) {
  const stream::Streams& streams = shard.node.streams;
  if (query.time) {
    API_TRY(const Offset found, co_await pubsub::offset_at(streams, query.id, *query.time));
    co_return found;
  }
  API_TRY(const pubsub::PartitionRange range, co_await pubsub::range_of(streams, query.id));
  const Offset from = query.from.value_or(range.start);
  if (from >= range.start && from <= range.end) co_return from;
  co_return refuse(416, "offset-out-of-range",
                   fmt::format("the partition has offsets {} to {}, not {}", range.start, range.end, from));
}

Task<Result<Offset>> render(Rendering& rendering, const pubsub::Batches& batches, Offset from) {
  Offset next = batches.from;
  if (batches.bytes.empty()) co_return next;
  if (batches.bytes.size() <= kInlineMax) co_return rendering.add(batches.bytes, from);
  co_return co_await runtime::run_blocking([&] { return rendering.add(batches.bytes, from); });
}

}  // namespace

Task<Outcome<ReadAnswer>> read_partition(ApiShard& shard, ReadQuery query, const http::Presence& client) {
  const stream::Streams& streams = shard.node.streams;
  LEAT_CO_TRY(Offset from, co_await find_start(shard, query));
  const MonoTime deadline = shard.shard().now() + query.wait;
  std::shared_ptr<runtime::Reservation> memory;
  Rendering rendering(query);
  Offset end = from;
  for (std::uint64_t scanned = 0; !rendering.is_full() && scanned < kScannedMax;) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - shard.shard().now());
    const Milliseconds patience =
        rendering.is_empty() ? std::clamp(left, Milliseconds::zero(), kPatience) : Milliseconds::zero();
    API_TRY(const pubsub::PartitionRange range, co_await pubsub::await_records(streams, query.id, from, patience));
    end = range.end;
    if (range.end <= from) {
      const bool goes_on =
          rendering.is_empty() && left > Milliseconds::zero() && !client.is_gone() && !shard.is_stopping();
      if (goes_on) continue;
      break;
    }
    const std::uint64_t size = std::min(query.key ? kChunk : query.bytes_max, kChunk);
    if (memory == nullptr) {
      // What is read, its text, and the answer that has it.
      const std::size_t needed = kChunk + 2 * query.bytes_max;
      co_await shard.reads.reserve(needed);
      memory = std::make_shared<runtime::Reservation>(shard.reads, needed);
    }
    API_TRY(const pubsub::Batches batches,
            co_await pubsub::read_batches(streams, query.id, from, size, Milliseconds::zero()));
    API_TRY(from, co_await render(rendering, batches, from));
    shard.streams.count_read(query.id.topic, batches.bytes.size());
    scanned += std::max<std::uint64_t>(batches.bytes.size(), 1);
  }
  co_return ReadAnswer{rendering.finish(from, end), from.value(), std::move(memory)};
}

}  // namespace leat::api
