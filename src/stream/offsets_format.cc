#include "stream/offsets_format.h"

#include <algorithm>

#include "base/varint.h"

namespace leat::stream {
namespace {

constexpr std::int16_t kOffsetKeyVersionMax = 1;
constexpr std::int16_t kGroupKeyVersion = 2;
constexpr std::int16_t kValueVersionMax = 4;
constexpr std::int16_t kFlexibleVersion = 4;

class Writer {
 public:
  template <class T>
  void integer(T value) {
    std::array<std::byte, sizeof(T)> raw;
    store_be(raw.data(), value);
    out_.append(raw);
  }
  void string(std::string_view text) {
    text = text.substr(0, kStoredNameSizeMax);
    integer(static_cast<std::int16_t>(text.size()));
    out_.append(as_bytes(text));
  }
  void nullable_string(const std::optional<std::string>& text) {
    if (text) {
      string(*text);
    } else {
      integer(std::int16_t{-1});
    }
  }
  void bytes(BytesView view) {
    integer(static_cast<std::int32_t>(view.size()));
    out_.append(view);
  }
  Bytes finish() { return std::move(out_); }

 private:
  Bytes out_;
};

// Reads fields until one does not fit; from then on every field is empty and ok() is false.
class Reader {
 public:
  explicit Reader(BytesView rest) : rest_(rest) {}

  void set_flexible(bool flexible) { flexible_ = flexible; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

  template <class T>
  T integer() {
    const BytesView raw = take(sizeof(T));
    return raw.empty() ? T{} : load_be<T>(raw.data());
  }
  std::optional<std::string> nullable_string() {
    const std::int64_t size = flexible_ ? std::int64_t{uvarint()} - 1 : std::int64_t{integer<std::int16_t>()};
    if (!ok_ || size < -1) return refuse();
    if (size == -1) return std::nullopt;
    return std::string(as_text(take(static_cast<std::size_t>(size))));
  }
  std::string string() {
    auto text = nullable_string();
    if (!text) ok_ = false;
    return text ? std::move(*text) : std::string();
  }
  Bytes bytes() {
    const std::int64_t size = length();
    if (size < 0) {
      ok_ = false;
      return {};
    }
    return Bytes::copy_of(take(static_cast<std::size_t>(size)));
  }
  // The length of an array or of bytes; -1 for null.
  std::int64_t length() { return flexible_ ? std::int64_t{uvarint()} - 1 : std::int64_t{integer<std::int32_t>()}; }
  void tagged_fields() {
    if (!flexible_) return;
    for (std::uint32_t left = uvarint(); left > 0 && ok_; --left) {
      uvarint();
      take(uvarint());
    }
  }

 private:
  std::optional<std::string> refuse() {
    ok_ = false;
    return std::nullopt;
  }
  BytesView take(std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const BytesView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint32_t uvarint() {
    std::uint32_t value = 0;
    const std::byte* end = rest_.data() + rest_.size();
    const std::byte* after = ok_ ? read_uvarint32(rest_.data(), end, value) : nullptr;
    if (after == nullptr) {
      ok_ = false;
      return 0;
    }
    rest_ = BytesView(after, static_cast<std::size_t>(end - after));
    return value;
  }

  BytesView rest_;
  bool flexible_ = false;
  bool ok_ = true;
};

Bytes offset_key(std::string_view group, std::string_view topic, PartitionIndex partition) {
  Writer key;
  key.integer(kOffsetKeyVersionMax);
  key.string(group);
  key.string(topic);
  key.integer(partition.value());
  return key.finish();
}

Bytes group_key(std::string_view group) {
  Writer key;
  key.integer(kGroupKeyVersion);
  key.string(group);
  return key.finish();
}

OffsetsRecord encode(const OffsetCommitted& event) {
  Writer value;
  const bool expires = event.expire_time.has_value();
  value.integer(static_cast<std::int16_t>(expires ? 1 : 3));
  value.integer(event.offset.value());
  if (!expires) value.integer(event.leader_epoch.value());
  value.string(event.metadata);
  value.integer(event.commit_time.value());
  if (expires) value.integer(event.expire_time->value());
  return {offset_key(event.group_id, event.topic, event.partition), value.finish()};
}

OffsetsRecord encode(const OffsetRemoved& event) {
  return {offset_key(event.group_id, event.topic, event.partition), std::nullopt};
}

OffsetsRecord encode(const GroupStored& event) {
  Writer value;
  value.integer(std::int16_t{3});
  value.string(event.protocol_type);
  value.integer(event.generation.value());
  value.nullable_string(event.protocol_name);
  value.nullable_string(event.leader);
  value.integer(event.state_time.value_or(kNoTimestamp).value());
  value.integer(static_cast<std::int32_t>(event.members.size()));
  for (const StoredMember& member : event.members) {
    value.string(member.member_id);
    value.nullable_string(member.instance_id);
    value.string(member.client_id);
    value.string(member.client_host);
    value.integer(static_cast<std::int32_t>(member.rebalance_timeout.count()));
    value.integer(static_cast<std::int32_t>(member.session_timeout.count()));
    value.bytes(member.subscription);
    value.bytes(member.assignment);
  }
  return {group_key(event.group_id), value.finish()};
}

OffsetsRecord encode(const GroupRemoved& event) { return {group_key(event.group_id), std::nullopt}; }

std::optional<Timestamp> timestamp_or_none(std::int64_t raw) {
  return raw < 0 ? std::nullopt : std::optional(Timestamp(raw));
}

bool read_offset(Reader& value, OffsetCommitted& event) {
  const auto version = value.integer<std::int16_t>();
  if (!value.ok() || version < 0 || version > kValueVersionMax) return false;
  value.set_flexible(version >= kFlexibleVersion);
  event.offset = Offset(value.integer<std::int64_t>());
  if (version >= 3) event.leader_epoch = LeaderEpoch(value.integer<std::int32_t>());
  event.metadata = value.string();
  event.commit_time = Timestamp(value.integer<std::int64_t>());
  if (version == 1) event.expire_time = timestamp_or_none(value.integer<std::int64_t>());
  value.tagged_fields();
  return value.ok();
}

StoredMember read_member(Reader& value, std::int16_t version) {
  StoredMember member;
  member.member_id = value.string();
  if (version >= 3) member.instance_id = value.nullable_string();
  member.client_id = value.string();
  member.client_host = value.string();
  if (version >= 1) member.rebalance_timeout = Milliseconds(value.integer<std::int32_t>());
  member.session_timeout = Milliseconds(value.integer<std::int32_t>());
  if (version == 0) member.rebalance_timeout = member.session_timeout;
  member.subscription = value.bytes();
  member.assignment = value.bytes();
  value.tagged_fields();
  return member;
}

bool read_group(Reader& value, GroupStored& event) {
  const auto version = value.integer<std::int16_t>();
  if (!value.ok() || version < 0 || version > kValueVersionMax) return false;
  value.set_flexible(version >= kFlexibleVersion);
  event.protocol_type = value.string();
  event.generation = Generation(value.integer<std::int32_t>());
  event.protocol_name = value.nullable_string();
  event.leader = value.nullable_string();
  if (version >= 2) event.state_time = timestamp_or_none(value.integer<std::int64_t>());
  const std::int64_t count = value.length();
  // Every member takes more than one byte: a count above what is left is a lie that must not be allocated for.
  if (!value.ok() || count < 0 || static_cast<std::size_t>(count) > value.remaining()) return false;
  for (std::int64_t i = 0; i < count && value.ok(); ++i) event.members.push_back(read_member(value, version));
  value.tagged_fields();
  return value.ok();
}

Result<std::optional<GroupEvent>> decode_offset(Reader& key, std::optional<BytesView> value) {
  OffsetCommitted event;
  event.group_id = key.string();
  event.topic = key.string();
  event.partition = PartitionIndex(key.integer<std::int32_t>());
  if (!key.ok()) return fail(Errc::corrupt, "the key of a committed offset is cut short");
  if (!value) return OffsetRemoved{std::move(event.group_id), std::move(event.topic), event.partition};
  Reader reader(*value);
  if (!read_offset(reader, event)) {
    return fail(Errc::corrupt, fmt::format("the committed offset of group '{}' for {}/{} has an unreadable value",
                                           event.group_id, event.topic, event.partition));
  }
  return event;
}

Result<std::optional<GroupEvent>> decode_group(Reader& key, std::optional<BytesView> value) {
  GroupStored event;
  event.group_id = key.string();
  if (!key.ok()) return fail(Errc::corrupt, "the key of a group's membership is cut short");
  if (!value) return GroupRemoved{std::move(event.group_id)};
  Reader reader(*value);
  if (!read_group(reader, event)) {
    return fail(Errc::corrupt, fmt::format("the membership of group '{}' has an unreadable value", event.group_id));
  }
  return event;
}

}  // namespace

OffsetsRecord encode_group_event(const GroupEvent& event) {
  return std::visit([](const auto& concrete) { return encode(concrete); }, event);
}

Result<std::optional<GroupEvent>> decode_group_event(BytesView key, std::optional<BytesView> value) {
  Reader reader(key);
  const auto version = reader.integer<std::int16_t>();
  if (!reader.ok() || version < 0) return fail(Errc::corrupt, "a key of __consumer_offsets has no version");
  if (version <= kOffsetKeyVersionMax) return decode_offset(reader, value);
  if (version == kGroupKeyVersion) return decode_group(reader, value);
  return std::nullopt;
}

Result<std::vector<std::string>> decode_subscribed_topics(BytesView subscription) {
  Reader reader(subscription);
  const auto version = reader.integer<std::int16_t>();
  const std::int64_t count = reader.length();
  if (!reader.ok() || version < 0 || count < 0 || static_cast<std::size_t>(count) > reader.remaining()) {
    return fail(Errc::corrupt, "a consumer's subscription is not in the consumer protocol");
  }
  std::vector<std::string> topics;
  for (std::int64_t i = 0; i < count && reader.ok(); ++i) topics.push_back(reader.string());
  if (!reader.ok()) return fail(Errc::corrupt, "a consumer's subscription is cut short");
  return topics;
}

}  // namespace leat::stream
