#include "queue/message_facts.h"

#include <xxhash.h>

#include <charconv>

namespace leat::queue {
namespace {

constexpr std::size_t kGroupSizeMax = 512;  // longer keys stand for their hash

std::optional<std::int64_t> number_in(const std::optional<BytesView>& value) {
  if (!value) return std::nullopt;
  const std::string_view text = as_text(*value);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

void read_header(const log::RecordHeader& header, MessageFacts& facts) {
  if (!is_reserved_header(header.key)) return;
  const auto number = number_in(header.value);
  if (!number) return;
  if (header.key == kDueHeader) facts.due = Timestamp(*number);
  if (header.key == kExpiresHeader) facts.expires = Timestamp(*number);
  if (header.key == kPriorityHeader) facts.priority = static_cast<std::uint8_t>(std::min<std::int64_t>(*number, 9));
}

}  // namespace

MessageFacts facts_of(const log::RecordView& record, std::string& storage) {
  MessageFacts facts;
  facts.offset = record.offset;
  facts.sent = Timestamp(std::max<std::int64_t>(record.timestamp.value(), 0));
  facts.has_group = record.key.has_value();
  if (record.key) facts.group = as_text(*record.key);
  if (facts.group.size() > kGroupSizeMax) {
    const XXH128_hash_t hash = XXH3_128bits(facts.group.data(), facts.group.size());
    storage = fmt::format("#{:016x}{:016x}", hash.high64, hash.low64);
    facts.group = storage;
  }
  if (record.raw_headers.size() <= 1) return facts;
  if (const auto headers = log::decode_record_headers(record.raw_headers)) {
    for (const log::RecordHeader& header : *headers) read_header(header, facts);
  }
  return facts;
}

std::string_view header_of(const log::RecordView& record, std::string_view name) {
  if (record.raw_headers.size() <= 1) return {};
  const auto headers = log::decode_record_headers(record.raw_headers);
  if (!headers) return {};
  for (const log::RecordHeader& header : *headers) {
    if (header.key == name && header.value) return as_text(*header.value);
  }
  return {};
}

}  // namespace leat::queue
