#include "queue/journal_format.h"

#include <algorithm>

#include "queue/bytes_codec.h"

namespace leat::queue {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kEventsKind = 1;
constexpr std::uint8_t kSnapshotKind = 2;
enum class Tag : std::uint8_t { delivered = 1, done = 2, released = 3, rewound = 4, grouped = 5 };

Offset read_offset(BytesReader& in) { return Offset(static_cast<std::int64_t>(in.varint())); }

void put_tag(Bytes& out, Tag tag) { put_byte(out, static_cast<std::uint8_t>(tag)); }
void put_lane(Bytes& out, const LaneKey& lane) {
  put_byte(out, lane.priority);
  put_text(out, lane.group);
}
LaneKey read_lane(BytesReader& in) {
  LaneKey lane;
  lane.priority = in.byte();
  lane.group = std::string(in.text());
  return lane;
}

struct EventWriter {
  Bytes& out;

  void operator()(const DeliveredEvent& event) const {
    put_tag(out, Tag::delivered);
    put_varint(out, raw(event.first));
    put_varint(out, event.count);
    put_varint(out, event.delivery);
    put_lane(out, event.lane);
    put_varint(out, raw_optional(event.expires));
  }
  void operator()(const DoneEvent& event) const {
    put_tag(out, Tag::done);
    put_varint(out, raw(event.first));
    put_varint(out, event.count);
    put_byte(out, static_cast<std::uint8_t>(event.reason));
  }
  void operator()(const ReleasedEvent& event) const {
    put_tag(out, Tag::released);
    put_varint(out, raw(event.offset));
    put_varint(out, raw(event.ready));
    put_text(out, event.reason);
  }
  void operator()(const RewoundEvent& event) const {
    put_tag(out, Tag::rewound);
    put_varint(out, raw(event.to));
  }
  void operator()(const GroupedEvent&) const { put_tag(out, Tag::grouped); }
};

DeliveredEvent read_delivered(BytesReader& in) {
  DeliveredEvent event;
  event.first = read_offset(in);
  event.count = in.varint();
  event.delivery = static_cast<std::uint32_t>(in.varint());
  event.lane = read_lane(in);
  event.expires = read_optional_time(in);
  return event;
}

Result<Event> read_event(BytesReader& in) {
  const auto tag = static_cast<Tag>(in.byte());
  switch (tag) {
    case Tag::delivered: return read_delivered(in);
    case Tag::done: {
      DoneEvent event;
      event.first = read_offset(in);
      event.count = in.varint();
      event.reason = static_cast<DoneReason>(in.byte());
      return event;
    }
    case Tag::released: {
      ReleasedEvent event;
      event.offset = read_offset(in);
      event.ready = read_time(in);
      event.reason = std::string(in.text());
      return event;
    }
    case Tag::rewound: return RewoundEvent{read_offset(in)};
    case Tag::grouped: return GroupedEvent{};
  }
  return fail(Errc::unsupported, fmt::format("an event of kind {} in a queue's journal", static_cast<int>(tag)));
}

// Whether an event's numbers are such as an engine can have written.
bool is_sane(const Event& event) {
  const auto in_range = [](Offset first, std::uint64_t count) {
    return first >= Offset(0) && count >= 1 && count <= static_cast<std::uint64_t>(INT64_MAX - first.value());
  };
  if (const auto* delivered = std::get_if<DeliveredEvent>(&event))
    return in_range(delivered->first, delivered->count) && delivered->delivery > 0 &&
           delivered->lane.priority < kPriorities;
  if (const auto* done = std::get_if<DoneEvent>(&event))
    return in_range(done->first, done->count) && done->reason <= DoneReason::absent;
  if (const auto* released = std::get_if<ReleasedEvent>(&event)) return released->offset >= Offset(0);
  if (const auto* rewound = std::get_if<RewoundEvent>(&event)) return rewound->to >= Offset(0);
  return true;
}

}  // namespace

Bytes encode_journal_key(const QueueId& queue) { return Bytes::copy_of(std::as_bytes(std::span(queue.bytes))); }

Result<QueueId> decode_journal_key(BytesView key) {
  QueueId id;
  if (key.size() != id.bytes.size()) return fail(Errc::corrupt, "the key of a queue's journal is no queue id");
  std::memcpy(id.bytes.data(), key.data(), key.size());
  return id;
}

Bytes encode_events(const std::vector<Event>& events) {
  Bytes out;
  put_byte(out, kVersion);
  put_byte(out, kEventsKind);
  for (const Event& event : events) std::visit(EventWriter{out}, event);
  return out;
}

std::vector<Bytes> encode_snapshot(const JournalledState& state, std::size_t piece_size_max) {
  Bytes whole;
  put_varint(whole, raw(state.floor));
  put_varint(whole, state.rewinds);
  put_byte(whole, state.grouped ? 1 : 0);
  put_varint(whole, raw(state.time));
  put_text(whole, as_text(state.done));
  put_varint(whole, state.delivered.size());
  Offset before = state.floor;
  for (const DeliveredState& message : state.delivered) {
    put_varint(whole, static_cast<std::uint64_t>(message.offset - before));
    before = message.offset;
    put_varint(whole, message.deliveries);
    put_varint(whole, raw(message.first_delivered));
    put_varint(whole, raw(message.ready));
    put_lane(whole, message.lane);
    put_varint(whole, raw_optional(message.expires));
    put_text(whole, message.reason);
  }
  std::vector<Bytes> pieces;
  BytesView rest = whole;
  do {
    const BytesView piece = rest.first(std::min(rest.size(), piece_size_max));
    rest = rest.subspan(piece.size());
    Bytes out;
    put_byte(out, kVersion);
    put_byte(out, kSnapshotKind);
    put_varint(out, pieces.size());
    put_byte(out, rest.empty() ? 1 : 0);
    out.append(piece);
    pieces.push_back(std::move(out));
  } while (!rest.empty());
  return pieces;
}

Result<JournalRecord> decode_journal_value(BytesView value) {
  BytesReader in(value);
  const std::uint8_t version = in.byte();
  if (version != kVersion) return fail(Errc::unsupported, fmt::format("version {} of a queue's journal", version));
  const std::uint8_t kind = in.byte();
  if (kind == kSnapshotKind) {
    SnapshotPiece piece;
    piece.number = in.varint();
    piece.is_last = in.byte() != 0;
    piece.bytes = Bytes::copy_of(in.rest());
    if (!in.ok()) return fail(Errc::corrupt, "a piece of a queue's snapshot is cut short");
    return piece;
  }
  if (kind != kEventsKind) return fail(Errc::unsupported, fmt::format("kind {} in a queue's journal", kind));
  std::vector<Event> events;
  while (!in.at_end()) {
    LEAT_TRY(Event event, read_event(in));
    if (!in.ok() || !is_sane(event)) return fail(Errc::corrupt, "an event of a queue's journal cannot be read");
    events.push_back(std::move(event));
  }
  if (!in.ok()) return fail(Errc::corrupt, "a record of a queue's journal is cut short");
  return events;
}

Result<JournalledState> decode_snapshot(BytesView joined) {
  BytesReader in(joined);
  JournalledState state;
  state.floor = read_offset(in);
  state.rewinds = static_cast<std::uint32_t>(in.varint());
  state.grouped = in.byte() != 0;
  state.time = read_time(in);
  state.done = Bytes::copy_of(as_bytes(in.text()));
  const std::uint64_t count = in.varint();
  Offset before = state.floor;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    DeliveredState message;
    const std::uint64_t distance = in.varint();
    if (before < Offset(0) || distance > static_cast<std::uint64_t>(INT64_MAX - before.value()))
      return fail(Errc::corrupt, "a queue's snapshot names an impossible offset");
    message.offset = before + static_cast<std::int64_t>(distance);
    before = message.offset;
    message.deliveries = static_cast<std::uint32_t>(in.varint());
    message.first_delivered = read_time(in);
    message.ready = read_time(in);
    message.lane = read_lane(in);
    message.expires = read_optional_time(in);
    message.reason = std::string(in.text());
    if (in.ok() && (message.deliveries == 0 || message.lane.priority >= kPriorities))
      return fail(Errc::corrupt, "a queue's snapshot names an impossible delivery");
    state.delivered.push_back(std::move(message));
  }
  if (!in.ok() || !in.at_end() || state.floor < Offset(0) || before < state.floor)
    return fail(Errc::corrupt, "a queue's snapshot cannot be read");
  return state;
}

}  // namespace leat::queue
