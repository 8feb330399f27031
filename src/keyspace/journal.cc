#include "keyspace/journal.h"

#include "base/varint.h"
#include "runtime/shard.h"
#include "runtime/sync.h"

namespace leat::keyspace {
namespace {

constexpr std::byte kVersion{1};
constexpr std::uint64_t kReplayChunk = std::uint64_t{4} << 20;
constexpr std::size_t kDecompressedMax = std::size_t{2} << 30;  // leat does not compress it
constexpr Milliseconds kCommitPatience{60'000};

}  // namespace

Bytes encode_unit(const JournalUnit& unit) {
  std::byte head[1 + kVarint64SizeMax];
  head[0] = kVersion;
  const std::byte* end = write_uvarint(head + 1, static_cast<std::uint64_t>(unit.time));
  const auto head_size = static_cast<std::size_t>(end - head);
  Bytes value = Bytes::uninitialized(head_size + unit.effects.size());
  std::memcpy(value.data(), head, head_size);
  std::memcpy(value.data() + head_size, unit.effects.data(), unit.effects.size());
  return value;
}

Result<JournalUnit> decode_unit(BytesView value) {
  if (value.empty()) return fail(Errc::corrupt, "a unit of the keyspace's journal is empty");
  if (value[0] != kVersion) {
    return fail(Errc::corrupt, fmt::format("a unit of the keyspace's journal has version {}, which is not known",
                                           static_cast<int>(value[0])));
  }
  std::uint64_t time = 0;
  const std::byte* end = value.data() + value.size();
  const std::byte* at = read_uvarint64(value.data() + 1, end, time);
  if (at == nullptr) return fail(Errc::corrupt, "a unit of the keyspace's journal has no time");
  return JournalUnit{static_cast<Millis>(time), as_text({at, end})};
}

runtime::Task<Status> Journal::replay(std::function<Status(const JournalUnit&)> apply) {
  Offset next = partition_->log_start();
  while (true) {
    LEAT_CO_TRY(const Bytes chunk, co_await partition_->copy(next, kReplayChunk, true));
    BytesView rest = chunk;
    if (rest.empty()) break;
    while (!rest.empty()) {
      LEAT_CO_TRY(const log::BatchHeader header, log::decode_batch_header(rest));
      const BytesView batch = rest.first(header.total_size());
      rest = rest.subspan(batch.size());
      LEAT_CO_TRY(log::BatchReader reader, log::BatchReader::open(batch, kDecompressedMax));
      while (true) {
        LEAT_CO_TRY(const auto record, reader.next());
        if (!record) break;
        if (record->offset < next) continue;
        LEAT_CO_TRY(JournalUnit unit, decode_unit(record->value.value_or(BytesView())));
        unit.offset = record->offset;
        LEAT_CO_CHECK(apply(unit));
      }
      next = header.last_offset() + 1;
    }
    co_await runtime::sleep_for(Duration::zero());  // a turn for others
  }
  co_return Status{};
}

Offset Journal::add(const JournalUnit& unit) {
  const Offset offset = added_end();
  const Bytes value = encode_unit(unit);
  builder_.add({.timestamp = Timestamp(unit.time), .value = value.view()});
  return offset;
}

Status Journal::append() {
  if (failure_) return fail(*failure_);
  const Timestamp now = runtime::Shard::current().wall_now();
  while (!batch_.empty() || builder_.record_count() > 0) {
    // A builder gives its records away: on a full disk the batch is kept for the next attempt.
    if (batch_.empty()) {
      batch_records_ = static_cast<std::int64_t>(builder_.record_count());
      LEAT_TRY(batch_, builder_.build());
    }
    LEAT_TRY(const log::BatchHeader header, log::decode_batch_header(batch_));
    if (const auto appended = partition_->append({header, batch_.view(), {}}, now); !appended) {
      if (appended.error().code != Errc::disk_full) failure_ = appended.error();
      return fail(appended.error());
    }
    appended_bytes_ += batch_.size();
    batch_ = Bytes();
    batch_records_ = 0;
  }
  return {};
}

Result<Offset> Journal::begin_segment() {
  LEAT_CHECK(partition_->roll(runtime::Shard::current().wall_now()));
  return partition_->log_end();
}

runtime::Task<Status> Journal::committed(Offset end) {
  while (!is_committed(end)) {
    const Status status = co_await partition_->wait_committed(end, runtime::Shard::current().now() + kCommitPatience);
    if (!status && status.error().code != Errc::timed_out) {
      failure_ = status.error();
      co_return status;
    }
  }
  co_return Status{};
}

}  // namespace leat::keyspace
