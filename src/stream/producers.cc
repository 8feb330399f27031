#include "stream/producers.h"

#include <algorithm>
#include <limits>

#include "base/crc32c.h"

namespace leat::stream {
namespace {

constexpr std::string_view kMagic = "LPRD";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCrcAt = 5;
constexpr std::size_t kCoveredAt = 9;  // what the CRC covers
constexpr std::size_t kProducersAt = 21;
constexpr std::size_t kProducerSize = 19;
constexpr std::size_t kBatchSize = 32;

bool follows(std::int32_t last, std::int32_t next) {
  return last == std::numeric_limits<std::int32_t>::max() ? next == 0 : next == last + 1;
}

template <class T>
void append_integer(Bytes& out, T value) {
  std::array<std::byte, sizeof(T)> raw;
  store_be(raw.data(), value);
  out.append(raw);
}

// Takes an integer off the front of `rest`, which has it.
template <class T>
T take_integer(BytesView& rest) {
  const T value = load_be<T>(rest.data());
  rest = rest.subspan(sizeof(T));
  return value;
}

}  // namespace

void Producers::Producer::add(const Batch& batch) {
  if (count == kBatchesKept) {
    std::shift_left(batches.begin(), batches.end(), 1);
    --count;
  }
  batches[count++] = batch;
}

Result<std::optional<Producers::Duplicate>> Producers::check(const log::BatchHeader& batch) const {
  if (!batch.is_idempotent()) return std::nullopt;
  if (batch.base_sequence < 0 || batch.producer_epoch < ProducerEpoch(0)) {
    return fail(Errc::invalid_record, "a batch with a producer id needs an epoch and a sequence number");
  }
  const auto found = producers_.find(batch.producer_id);
  if (found == producers_.end()) return std::nullopt;
  const Producer& producer = *found->second;
  if (batch.producer_epoch == producer.epoch) {
    for (std::size_t i = 0; i < producer.count; ++i) {
      const Batch& known = producer.batches[i];
      if (known.first_sequence == batch.base_sequence && known.last_sequence == batch.last_sequence()) {
        return Duplicate{known.base_offset, known.last_offset, known.timestamp};
      }
    }
    if (follows(producer.last().last_sequence, batch.base_sequence)) return std::nullopt;
    return fail(Errc::out_of_order_sequence, fmt::format("producer {} sent sequence {} after {}", producer.id,
                                                         batch.base_sequence, producer.last().last_sequence));
  }
  if (batch.producer_epoch < producer.epoch) {
    return fail(Errc::producer_fenced,
                fmt::format("producer {} sent epoch {} after {}", producer.id, batch.producer_epoch, producer.epoch));
  }
  if (batch.base_sequence == 0) return std::nullopt;
  return fail(Errc::out_of_order_sequence, fmt::format("producer {} began epoch {} with sequence {}", producer.id,
                                                       batch.producer_epoch, batch.base_sequence));
}

void Producers::apply(const log::BatchHeader& batch, Offset base, Timestamp now) {
  if (!batch.is_idempotent() || batch.is_control()) return;
  const auto known = producers_.find(batch.producer_id);
  if (known != producers_.end()) order_.splice(order_.end(), order_, known->second);
  Producer& producer =
      known != producers_.end() ? *known->second : *remember({batch.producer_id, batch.producer_epoch, now, 0, {}});
  if (producer.epoch != batch.producer_epoch) producer.count = 0;
  producer.epoch = batch.producer_epoch;
  producer.last_activity = std::max(producer.last_activity, now);
  producer.add({batch.base_sequence, batch.last_sequence(), base, base + batch.last_offset_delta, batch.max_timestamp});
}

void Producers::expire(Timestamp now) {
  while (!order_.empty() && now - order_.front().last_activity >= account_.limits.expiration.count()) forget_oldest();
}

Producers::Order::iterator Producers::remember(const Producer& producer) {
  const auto added = order_.insert(order_.end(), producer);
  producers_[producer.id] = added;
  ++account_.producers;
  while (account_.producers > account_.limits.producers_max && order_.size() > 1) forget_oldest();
  return added;
}

void Producers::forget_oldest() {
  producers_.erase(order_.front().id);
  order_.pop_front();
  --account_.producers;
}

void Producers::clear() {
  account_.producers -= producers_.size();
  producers_.clear();
  order_.clear();
}

Bytes Producers::encode_snapshot(Offset end) const {
  Bytes out = Bytes::copy_of(as_bytes(kMagic));
  append_integer(out, static_cast<std::int8_t>(kVersion));
  append_integer(out, std::uint32_t{0});
  append_integer(out, end.value());
  append_integer(out, static_cast<std::uint32_t>(order_.size()));
  for (const Producer& producer : order_) {
    append_integer(out, producer.id.value());
    append_integer(out, producer.epoch.value());
    append_integer(out, producer.last_activity.value());
    append_integer(out, static_cast<std::int8_t>(producer.count));
    for (std::size_t i = 0; i < producer.count; ++i) {
      const Batch& batch = producer.batches[i];
      append_integer(out, batch.first_sequence);
      append_integer(out, batch.last_sequence);
      append_integer(out, batch.base_offset.value());
      append_integer(out, batch.last_offset.value());
      append_integer(out, batch.timestamp.value());
    }
  }
  store_be(out.data() + kCrcAt, crc32c(out.view().subspan(kCoveredAt)));
  return out;
}

Result<Offset> Producers::restore_snapshot(BytesView snapshot) {
  clear();
  if (snapshot.size() < kProducersAt || as_text(snapshot.first(kMagic.size())) != kMagic) {
    return fail(Errc::corrupt, "not a producer snapshot");
  }
  if (static_cast<std::uint8_t>(snapshot[kMagic.size()]) != kVersion) {
    return fail(Errc::unsupported, fmt::format("producer snapshot of version {}, this build knows {}",
                                               static_cast<int>(snapshot[kMagic.size()]), kVersion));
  }
  if (load_be<std::uint32_t>(snapshot.data() + kCrcAt) != crc32c(snapshot.subspan(kCoveredAt))) {
    return fail(Errc::corrupt, "the checksum of a producer snapshot does not match");
  }
  if (auto loaded = load_snapshot(snapshot.subspan(kCoveredAt)); !loaded) {
    clear();
    return fail(std::move(loaded.error()));
  }
  return Offset(load_be<std::int64_t>(snapshot.data() + kCoveredAt));
}

Status Producers::load_snapshot(BytesView body) {
  BytesView rest = body.subspan(sizeof(std::int64_t));
  for (auto left = take_integer<std::uint32_t>(rest); left > 0; --left) {
    if (rest.size() < kProducerSize) return fail(Errc::corrupt, "a producer snapshot is cut short");
    Producer producer;
    producer.id = ProducerId(take_integer<std::int64_t>(rest));
    producer.epoch = ProducerEpoch(take_integer<std::int16_t>(rest));
    producer.last_activity = Timestamp(take_integer<std::int64_t>(rest));
    const auto count = static_cast<std::size_t>(static_cast<std::uint8_t>(take_integer<std::int8_t>(rest)));
    if (count == 0 || count > kBatchesKept || rest.size() < count * kBatchSize) {
      return fail(Errc::corrupt, fmt::format("a producer snapshot has {} batches for producer {}", count, producer.id));
    }
    while (producer.count < count) {
      Batch batch;
      batch.first_sequence = take_integer<std::int32_t>(rest);
      batch.last_sequence = take_integer<std::int32_t>(rest);
      batch.base_offset = Offset(take_integer<std::int64_t>(rest));
      batch.last_offset = Offset(take_integer<std::int64_t>(rest));
      batch.timestamp = Timestamp(take_integer<std::int64_t>(rest));
      producer.add(batch);
    }
    if (producers_.contains(producer.id)) {
      return fail(Errc::corrupt, fmt::format("a producer snapshot has producer {} twice", producer.id));
    }
    remember(producer);
  }
  if (!rest.empty()) return fail(Errc::corrupt, "bytes after the end of a producer snapshot");
  return {};
}

}  // namespace leat::stream
