#include "protocol/resp/channel_relay.h"

#include <vector>

#include "protocol/resp/executor.h"
#include "protocol/resp/server.h"
#include "protocol/resp/topic_channels.h"
#include "runtime/call.h"

namespace leat::resp {
namespace {

using pubsub::Kind;
using runtime::Task;

constexpr std::size_t kKeptCapacityMax = std::size_t{64} << 10;

}  // namespace

// Messages one behind the other.
struct ChannelRelay::Batch {
  struct Head {
    Kind kind;
    std::uint32_t pattern_size;
    std::uint32_t channel_size;
    std::size_t payload_size;
  };
  std::vector<Head> heads;
  std::string bytes;       // pattern, channel and payload of each
  std::uint64_t lost = 0;  // behind them

  [[nodiscard]] static std::size_t size_of(const pubsub::Message& message) {
    return sizeof(Head) + message.pattern.size() + message.channel.size() + message.payload.size();
  }
  [[nodiscard]] std::size_t size() const { return heads.size() * sizeof(Head) + bytes.size(); }
  [[nodiscard]] bool empty() const { return heads.empty() && lost == 0; }
  void add(const pubsub::Message& message) {
    heads.push_back({message.kind, static_cast<std::uint32_t>(message.pattern.size()),
                     static_cast<std::uint32_t>(message.channel.size()), message.payload.size()});
    bytes += message.pattern;
    bytes += message.channel;
    bytes += message.payload;
  }
  void clear() {
    heads.clear();
    bytes.clear();
    lost = 0;
    if (bytes.capacity() > kKeptCapacityMax) bytes.shrink_to_fit();
    if (heads.capacity() > kKeptCapacityMax / sizeof(Head)) heads.shrink_to_fit();
  }
};

// The relay's end at the hub. What comes while a batch is on its way to the relay's shard and back is the next batch. It belongs to
// the executor's shard, but for `travelling_` while that is over there.
class ChannelRelay::Outlet final : public pubsub::Subscriber {
 public:
  explicit Outlet(ChannelRelay& relay) : Subscriber(relay.executor_.hub()), relay_(relay) { courier_.outlet = this; }

  void deliver(const pubsub::Message& message) override {
    if (closing_) return;
    // Behind a message that was dropped all are, until there is room again: what is lost is one gap.
    const std::size_t waiting = gathered_.size() + travelling_bytes_ + Batch::size_of(message);
    if (gathered_.lost > 0 || waiting > relay_.bytes_max_) {
      ++gathered_.lost;
      relay_.executor_.stats().dropped_messages.add();
    } else {
      gathered_.add(message);
    }
    // Later in this turn there may be more.
    if (!std::exchange(under_way_, true)) send(relay_.executor_.shard(), [](Outlet& self) { self.depart(); });
  }

  // On return the courier rests.
  Task<> close() {
    closing_ = true;
    for (const Kind kind : {Kind::channel, Kind::pattern}) hub().unsubscribe_all(*this, kind);
    while (under_way_) co_await rests_.wait();
  }

 private:
  struct Courier final : runtime::Work {
    Outlet* outlet = nullptr;
    void (*then)(Outlet&) = nullptr;
  };

  void send(runtime::Shard& shard, void (*then)(Outlet&)) {
    courier_.then = then;
    courier_.run = [](runtime::Work* work) {
      auto& courier = *static_cast<Courier*>(work);
      courier.then(*courier.outlet);
    };
    shard.send(courier_);
  }

  void depart() {
    std::swap(travelling_, gathered_);
    travelling_bytes_ = travelling_.size();
    if (!closing_ && !travelling_.empty()) return send(relay_.shard_, [](Outlet& self) { self.arrive(); });
    under_way_ = false;
    rests_.notify_all();
  }

  void arrive() {
    relay_.take(travelling_);
    send(relay_.executor_.shard(), [](Outlet& self) { self.come_back(); });
  }

  void come_back() {
    travelling_.clear();
    depart();
  }

  ChannelRelay& relay_;
  Batch gathered_;
  Batch travelling_;
  std::size_t travelling_bytes_ = 0;
  bool under_way_ = false;
  bool closing_ = false;
  Courier courier_;
  runtime::Notifier rests_;
};

ChannelRelay::ChannelRelay(Server& server, RelayReceiver& receiver, std::size_t bytes_max)
    : shard_(runtime::Shard::current()), executor_(server.executor()), receiver_(receiver), bytes_max_(bytes_max) {}
ChannelRelay::~ChannelRelay() = default;

Task<Status> ChannelRelay::subscribe(Kind kind, std::string name) {
  if (kind == Kind::shard) co_return fail(Errc::invalid_argument, "sharded channels are not relayed");
  if (is_topic_channel(name))
    co_return fail(Errc::invalid_argument, fmt::format("'{}' is a topic, which is followed as a topic", name));
  if (stopping_) co_return fail(Errc::cancelled, "the relay stops");
  ++interests_[{kind, name}];
  // Even if there were some: their subscription may still be on its way, and calls arrive in order.
  ++calls_;
  co_await runtime::call_on(executor_.shard(), subscribe_there, this, kind, std::move(name));
  --calls_;
  called_.notify_all();
  if (stopping_) co_return fail(Errc::cancelled, "the relay stops");
  co_return Status{};
}

Task<> ChannelRelay::unsubscribe(Kind kind, std::string name) {
  const auto found = interests_.find(NameView(kind, name));
  if (found == interests_.end() || --found->second > 0) co_return;
  interests_.erase(found);
  if (stopping_) co_return;
  ++calls_;
  co_await runtime::call_on(executor_.shard(), unsubscribe_there, this, kind, std::move(name));
  --calls_;
  called_.notify_all();
}

Task<> ChannelRelay::stop() {
  stopping_ = true;
  while (calls_ > 0) co_await called_.wait();
  co_await runtime::call_on(executor_.shard(), close_there, this);
  interests_.clear();
}

std::size_t ChannelRelay::interested(Kind kind, std::string_view name) const {
  const auto found = interests_.find(NameView(kind, name));
  return found == interests_.end() ? 0 : found->second;
}

Task<> ChannelRelay::subscribe_there(ChannelRelay* relay, Kind kind, std::string& name) {
  if (relay->outlet_ == nullptr) relay->outlet_ = std::make_unique<Outlet>(*relay);
  relay->executor_.hub().subscribe(*relay->outlet_, kind, name);
  co_return;
}

Task<> ChannelRelay::unsubscribe_there(ChannelRelay* relay, Kind kind, std::string& name) {
  relay->executor_.hub().unsubscribe(*relay->outlet_, kind, name);
  co_return;
}

Task<> ChannelRelay::close_there(ChannelRelay* relay) {
  if (relay->outlet_ == nullptr) co_return;
  co_await relay->outlet_->close();
  relay->outlet_.reset();
}

void ChannelRelay::take(const Batch& batch) {
  std::string_view rest = batch.bytes;
  const auto next = [&rest](std::size_t size) {
    const std::string_view part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  for (const Batch::Head& head : batch.heads) {
    const std::string_view pattern = next(head.pattern_size);
    const std::string_view channel = next(head.channel_size);
    const std::string_view payload = next(head.payload_size);
    if (stopping_) return;
    const bool is_wanted = interests_.contains(NameView(head.kind, head.kind == Kind::pattern ? pattern : channel));
    if (is_wanted) receiver_.deliver({head.kind, pattern, channel, payload});
  }
  if (batch.lost > 0 && !stopping_) receiver_.lost(batch.lost);
}

}  // namespace leat::resp
