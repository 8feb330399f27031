#include "protocol/api/live/event_stream.h"

#include <charconv>

#include "protocol/api/live/live_shard.h"
#include "protocol/api/node.h"
#include "runtime/shard.h"

namespace leat::api {
namespace {

using runtime::Task;

// Proxies end connections on which nothing comes.
constexpr Duration kSilenceMax = std::chrono::seconds(15);

std::string event(std::string_view type, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", type, data);
}

template <class T>
bool read_number(std::string_view& text, char end, T& into) {
  const auto [behind, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (error != std::errc() || into < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(behind - text.data()));
  if (text.empty() && end == '\0') return true;
  if (text.empty() || text.front() != end) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string text_of(const TopicPlaces& places) {
  std::string text;
  for (const auto& [topic, partitions] : places) {
    if (!text.empty()) text += ';';
    text += topic;
    char mark = '@';
    for (const auto& [partition, offset] : partitions) {
      fmt::format_to(std::back_inserter(text), "{}{}:{}", mark, partition, offset);
      mark = ',';
    }
  }
  return text;
}

std::optional<TopicPlaces> parse_places(std::string_view text) {
  if (text.ends_with(';')) return std::nullopt;
  TopicPlaces places;
  while (!text.empty()) {
    std::string_view topic = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), topic.size() + 1));
    const auto at = topic.find('@');
    if (at == 0 || at == std::string_view::npos || at + 1 == topic.size() || topic.ends_with(',')) return std::nullopt;
    auto& partitions = places[std::string(topic.substr(0, at))];
    for (std::string_view rest = topic.substr(at + 1); !rest.empty();) {
      std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      std::int32_t partition = 0;
      std::int64_t offset = 0;
      if (!read_number(one, ':', partition) || !read_number(one, '\0', offset)) return std::nullopt;
      partitions[partition] = offset;
    }
  }
  return places;
}

EventStream::EventStream(LiveShard& shard, security::Principal principal, EventWish wish)
    : LiveClient(shard, std::move(principal)), wish_(std::move(wish)) {
  live().shard().stats.event_streams.add(1);
}

EventStream::~EventStream() { live().shard().stats.event_streams.add(-1); }

Task<> EventStream::run(http::Connection& connection) {
  attach(connection);
  send(": leat\n\n");
  tasks().spawn(open_all());
  // The client says nothing more; but when it goes, that is noticed here.
  while (!is_ended()) {
    const std::string bytes = co_await connection.read();
    if (bytes.empty()) break;
  }
  co_await detach();
}

void EventStream::finish() { end_connection(); }

Task<> EventStream::open_all() {
  // Every id names all topics, so all places are known before the first record comes.
  std::vector<std::string> topics;
  for (const std::string& topic : wish_.topics) {
    const bool is_known = co_await find_places(topic);
    if (is_known) topics.push_back(topic);
  }
  if (!places_.empty()) send(fmt::format("id: {}\n\n", text_of(places_)));
  for (const std::string& topic : topics) co_await open_topic(topic);
  for (const std::string& channel : wish_.channels) co_await open_channel(pubsub::Kind::channel, channel);
  for (const std::string& pattern : wish_.patterns) co_await open_channel(pubsub::Kind::pattern, pattern);
}

Task<bool> EventStream::find_places(const std::string& topic) {
  pubsub::TailStart start = wish_.start;
  if (const auto known = wish_.places.find(topic); known != wish_.places.end()) {
    // Partitions that were made since begin at their beginning.
    start = {};
    start.earliest = true;
    start.offsets = known->second;
  }
  const auto begins = co_await live().resolve(topic, std::move(start));
  if (!begins) {
    send_problem("topic", topic, begins.error());
    co_return false;
  }
  auto& places = places_[topic];
  for (std::size_t i = 0; i < begins->size(); ++i) places[static_cast<std::int32_t>(i)] = (*begins)[i].value();
  co_return true;
}

Task<> EventStream::open_topic(const std::string& topic) {
  pubsub::TailStart start;
  start.earliest = true;
  start.offsets = places_[topic];
  const auto begins = co_await live().follow(*this, topic, std::move(start));
  if (!begins) send_problem("topic", topic, begins.error());
}

Task<> EventStream::open_channel(pubsub::Kind kind, const std::string& name) {
  const Status status = co_await live().listen(*this, kind, name);
  if (!status) send_problem(kind == pubsub::Kind::pattern ? "pattern" : "channel", name, status.error());
}

void EventStream::send_problem(std::string_view about, std::string_view name, const Error& why) {
  send(event("ended", ended_event(about, name, problem_of(why))));
}

void EventStream::take_record(const pubsub::TailRecord& record, const LiveEvent& live_event) {
  auto topic = places_.find(std::string(record.topic));
  if (topic == places_.end()) topic = places_.emplace(record.topic, std::map<std::int32_t, std::int64_t>()).first;
  topic->second[record.partition] = record.view.offset.value() + 1;
  send(fmt::format("id: {}\nevent: record\ndata: {}\n\n", text_of(places_), live_event.json));
}

void EventStream::send_message(const LiveEvent& live_event) { send(event("message", live_event.json)); }

void EventStream::end_topic(const std::string& topic, const Error& why) {
  places_.erase(topic);
  send_problem("topic", topic, why);
}

void EventStream::tell_loss(std::uint64_t count) { send(event("lost", lost_event(count))); }

void EventStream::keep_alive(MonoTime now) {
  if (has_expired()) return end_connection();
  if (now - sent_at() >= kSilenceMax) send(":\n\n");
}

}  // namespace leat::api
