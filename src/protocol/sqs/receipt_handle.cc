#include "protocol/sqs/receipt_handle.h"

#include "base/crc32c.h"
#include "protocol/aws/text.h"

namespace leat::sqs {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kQueueAt = 1;
constexpr std::size_t kPartitionAt = 17;
constexpr std::size_t kOffsetAt = 21;
constexpr std::size_t kRewindsAt = 29;
constexpr std::size_t kDeliveryAt = 33;
constexpr std::size_t kChecksumAt = 37;
constexpr std::size_t kSize = 41;

}  // namespace

std::string to_handle(const queue::QueueId& queue, const queue::Receipt& receipt) {
  std::string raw(kSize, kVersion);
  auto* at = reinterpret_cast<std::byte*>(raw.data());
  std::memcpy(at + kQueueAt, queue.bytes.data(), queue.bytes.size());
  store_be(at + kPartitionAt, receipt.partition.value());
  store_be(at + kOffsetAt, receipt.offset.value());
  store_be(at + kRewindsAt, receipt.rewinds);
  store_be(at + kDeliveryAt, receipt.delivery);
  store_be(at + kChecksumAt, crc32c(BytesView(at, kChecksumAt)));
  return aws::to_base64url(raw);
}

std::optional<queue::Receipt> from_handle(std::string_view handle, const queue::QueueId& queue) {
  if (handle.size() > 2 * kSize) return std::nullopt;
  const auto raw = aws::from_base64url(handle);
  if (!raw || raw->size() != kSize || raw->front() != kVersion) return std::nullopt;
  const auto* at = reinterpret_cast<const std::byte*>(raw->data());
  if (load_be<std::uint32_t>(at + kChecksumAt) != crc32c(BytesView(at, kChecksumAt))) return std::nullopt;
  if (std::memcmp(at + kQueueAt, queue.bytes.data(), queue.bytes.size()) != 0) return std::nullopt;
  queue::Receipt receipt;
  receipt.partition = PartitionIndex(load_be<std::int32_t>(at + kPartitionAt));
  receipt.offset = Offset(load_be<std::int64_t>(at + kOffsetAt));
  receipt.rewinds = load_be<std::uint32_t>(at + kRewindsAt);
  receipt.delivery = load_be<std::uint32_t>(at + kDeliveryAt);
  return receipt;
}

// A UUID of version 8 (RFC 9562: the maker's own). The topic's id, changed reversibly by where the record is: two records
// never have the same.
std::string message_id(const TopicId& topic, PartitionIndex partition, Offset offset) {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15ULL;  // odd, so that multiplying by it loses nothing
  constexpr std::uint64_t kLowBits = (std::uint64_t{1} << 62) - 1;
  Uuid id = topic;
  auto* at = reinterpret_cast<std::byte*>(id.bytes.data());
  store_be(at, load_be<std::uint32_t>(at) ^ static_cast<std::uint32_t>(partition.value()));
  const std::uint64_t spread = (static_cast<std::uint64_t>(offset.value()) * kSpread) & kLowBits;
  store_be(at + 8, ((load_be<std::uint64_t>(at + 8) ^ spread) & kLowBits) | (std::uint64_t{2} << 62));
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | 0x80);
  return id.to_string();
}

}  // namespace leat::sqs
