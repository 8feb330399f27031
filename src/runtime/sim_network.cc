#include "runtime/sim_core.h"
#include "runtime/sync.h"

namespace leat::runtime::sim {
namespace {

constexpr std::size_t kSegmentMax = std::size_t{16} << 10;  // bytes that travel together
constexpr std::uint16_t kFirstFreePort = 40000;

// The one coroutine that waits for something.
class Parked {
 public:
  void wake() {
    if (coroutine_) shard_->resume_later(std::exchange(coroutine_, nullptr));
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    shard_ = &Shard::current();
    coroutine_ = awaiting;
  }
  void await_resume() const noexcept {}

 private:
  Shard* shard_ = nullptr;
  std::coroutine_handle<> coroutine_;
};

// One direction of a connection.
struct Stream {
  std::string arrived;  // and not read yet
  std::size_t travelling = 0;
  MonoTime last_arrival{};
  bool ended = false;        // the writer's end arrived at the reader
  bool reader_gone = false;  // the reader's end arrived at the writer
  Parked reader;
  Parked writer;
};

struct Connection {
  std::array<Stream, 2> streams;  // stream i is written by end i
  std::array<bool, 2> closed{};
  std::array<std::string, 2> names;  // of the ends
  bool cut = false;
};

struct ListenerState {
  std::uint16_t port = 0;
  bool closed = false;
  std::deque<std::shared_ptr<Connection>> waiting;
  Parked acceptor;
};

bool is_known_host(const std::string& host) {
  return host == "localhost" || host.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos;
}

}  // namespace

struct SimNetwork::State {
  Timeline& timeline;
  DurationRange delay;
  std::size_t window;
  std::map<std::uint16_t, std::shared_ptr<ListenerState>> listeners;
  std::vector<std::weak_ptr<Connection>> connections;
  std::uint16_t next_port = kFirstFreePort;
  std::string shared;  // what was read last into memory that sockets share

  std::uint16_t take_port() {
    if (next_port < kFirstFreePort) next_port = kFirstFreePort;  // it wrapped
    return next_port++;
  }

  // Open ones, oldest first.
  std::vector<std::shared_ptr<Connection>> open() {
    std::erase_if(connections, [](const auto& connection) { return connection.expired(); });
    std::vector<std::shared_ptr<Connection>> found;
    for (const auto& weak : connections) {
      const auto connection = weak.lock();
      if (!connection->cut && !(connection->closed[0] && connection->closed[1])) found.push_back(connection);
    }
    return found;
  }
};

namespace {

using State = SimNetwork::State;

class SimSocket final : public Socket {
 public:
  SimSocket(std::shared_ptr<State> state, std::shared_ptr<Connection> connection, std::size_t end)
      : state_(std::move(state)), connection_(std::move(connection)), end_(end) {}
  ~SimSocket() override { close(); }

  Task<Result<std::size_t>> read_some(MutableBytes into) override {
    const std::shared_ptr<Connection> connection = connection_;
    Stream& in = connection->streams[1 - end_];
    if (into.empty()) co_return std::size_t{0};
    LEAT_CO_CHECK(co_await something_arrived());
    const std::size_t count = std::min(into.size(), in.arrived.size());
    std::memcpy(into.data(), in.arrived.data(), count);
    in.arrived.erase(0, count);
    in.writer.wake();
    co_return count;
  }

  Task<Result<BytesView>> read_shared() override {
    const std::shared_ptr<Connection> connection = connection_;
    Stream& in = connection->streams[1 - end_];
    LEAT_CO_CHECK(co_await something_arrived());
    state_->shared = std::exchange(in.arrived, {});
    in.writer.wake();
    co_return as_bytes(state_->shared);
  }

  Task<Status> write(const Chain& chain) override {
    for (const Chain::Part& part : chain.parts()) {
      if (const auto* bytes = std::get_if<Bytes>(&part)) {
        LEAT_CO_CHECK(co_await send(bytes->view()));
        continue;
      }
      const auto& range = std::get<FileRange>(part);
      for (std::uint64_t done = 0; done < range.length;) {
        Bytes copy = Bytes::uninitialized(std::min<std::uint64_t>(range.length - done, kSegmentMax));
        LEAT_CO_TRY(const std::size_t count, range.file->read_at(copy.mutable_view(), range.offset + done));
        if (count == 0) co_return fail(Errc::io, "a file ended before the range that is sent from it");
        LEAT_CO_CHECK(co_await send(copy.view().first(count)));
        done += count;
      }
    }
    co_return Status{};
  }

  std::size_t write_at_once(BytesView bytes) override {
    if (!usable() || connection_->streams[end_].reader_gone || bytes.empty()) return 0;
    return state_->timeline.random.chance(0.5) ? dispatch(bytes) : 0;
  }

  void close() override {
    if (std::exchange(connection_->closed[end_], true)) return;
    Stream& out = connection_->streams[end_];
    Stream& in = connection_->streams[1 - end_];
    in.reader.wake();
    out.writer.wake();
    state_->timeline.at(arrival(out), [connection = connection_, end = end_] {
      Stream& ending = connection->streams[end];
      Stream& opposite = connection->streams[1 - end];
      ending.ended = true;
      opposite.reader_gone = true;
      ending.reader.wake();
      opposite.writer.wake();
    });
  }

  std::string peer() const override { return connection_->names[1 - end_]; }

 private:
  // Returns when there is something to read, or never will be.
  Task<Status> something_arrived() {
    const std::shared_ptr<Connection> connection = connection_;
    Stream& in = connection->streams[1 - end_];
    while (true) {
      LEAT_CO_CHECK(usable());
      if (!in.arrived.empty() || in.ended) co_return Status{};
      co_await in.reader;
    }
  }

  [[nodiscard]] Status usable() const {
    if (connection_->closed[end_]) return fail(Errc::cancelled, "the socket is closed");
    if (connection_->cut) return fail(Errc::io, "the connection to " + peer() + " broke");
    return {};
  }

  MonoTime arrival(Stream& out) const {
    Timeline& timeline = state_->timeline;
    const MonoTime time = timeline.now + timeline.random.between(state_->delay.min, state_->delay.max);
    return out.last_arrival = std::max(out.last_arrival, time);
  }

  // Sends some of the bytes on their way. None: the window is full.
  std::size_t dispatch(BytesView bytes) {
    Stream& out = connection_->streams[end_];
    Random& random = state_->timeline.random;
    const std::size_t taken = out.travelling + out.arrived.size();
    if (taken >= state_->window) return 0;
    const std::size_t most = std::min({bytes.size(), state_->window - taken, kSegmentMax});
    const std::size_t count = random.chance(0.5) ? most : 1 + random.below(most);
    out.travelling += count;
    state_->timeline.at(arrival(out),
                        [connection = connection_, end = end_, text = std::string(as_text(bytes.first(count)))] {
                          Stream& stream = connection->streams[end];
                          stream.travelling -= text.size();
                          stream.arrived += text;
                          stream.reader.wake();
                        });
    return count;
  }

  Task<Status> send(BytesView bytes) {
    const std::shared_ptr<Connection> connection = connection_;
    Stream& out = connection->streams[end_];
    while (!bytes.empty()) {
      LEAT_CO_CHECK(usable());
      if (out.reader_gone) co_return fail(Errc::io, peer() + " closed the connection");
      const std::size_t count = dispatch(bytes);
      if (count == 0) co_await out.writer;
      bytes = bytes.subspan(count);
    }
    co_return Status{};
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Connection> connection_;
  std::size_t end_;  // 0: the one that connected
};

class SimAccepted final : public Accepted {
 public:
  SimAccepted(std::shared_ptr<State> state, std::shared_ptr<Connection> connection)
      : socket_(std::make_unique<SimSocket>(std::move(state), std::move(connection), 1)) {}
  std::unique_ptr<Socket> attach() override { return std::move(socket_); }

 private:
  std::unique_ptr<SimSocket> socket_;
};

class SimListener final : public Listener {
 public:
  SimListener(std::shared_ptr<State> state, std::shared_ptr<ListenerState> listener)
      : state_(std::move(state)), listener_(std::move(listener)) {}
  ~SimListener() override { close(); }

  Task<Result<std::unique_ptr<Accepted>>> accept() override {
    const std::shared_ptr<ListenerState> listener = listener_;
    while (true) {
      if (listener->closed) co_return fail(Errc::cancelled, "the listener is closed");
      if (!listener->waiting.empty()) break;
      co_await listener->acceptor;
    }
    auto connection = std::move(listener->waiting.front());
    listener->waiting.pop_front();
    co_return std::make_unique<SimAccepted>(state_, std::move(connection));
  }

  void close() override {
    if (std::exchange(listener_->closed, true)) return;
    state_->listeners.erase(listener_->port);
    // Nobody will accept these: their clients see the end.
    for (auto& connection : std::exchange(listener_->waiting, {})) SimSocket(state_, std::move(connection), 1).close();
    listener_->acceptor.wake();
  }
  std::uint16_t port() const override { return listener_->port; }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<ListenerState> listener_;
};

class ShardNetwork final : public Network {
 public:
  explicit ShardNetwork(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) override {
    if (!is_known_host(host)) return fail(Errc::invalid_argument, fmt::format("cannot resolve \"{}\"", host));
    const bool chosen = port == 0;
    while (port == 0 || (chosen && state_->listeners.contains(port))) port = state_->take_port();
    auto listener = std::make_shared<ListenerState>();
    listener->port = port;
    if (!state_->listeners.emplace(port, listener).second) {
      return fail(Errc::exists, fmt::format("listen on {}:{}: the port is in use", host, port));
    }
    return std::make_unique<SimListener>(state_, std::move(listener));
  }

  Task<Result<std::unique_ptr<Socket>>> connect(const std::string& host, std::uint16_t port,
                                                Duration /*patience*/) override {
    if (!is_known_host(host)) co_return fail(Errc::invalid_argument, fmt::format("cannot resolve \"{}\"", host));
    co_await pass();
    const auto listener = state_->listeners.find(port);
    if (listener == state_->listeners.end()) {
      co_return fail(Errc::io, fmt::format("connect to {}:{}: connection refused", host, port));
    }
    auto connection = std::make_shared<Connection>();
    connection->names = {fmt::format("127.0.0.1:{}", state_->take_port()), fmt::format("127.0.0.1:{}", port)};
    state_->connections.push_back(connection);
    auto socket = std::make_unique<SimSocket>(state_, connection, 0);
    listener->second->waiting.push_back(std::move(connection));
    listener->second->acceptor.wake();
    co_await pass();
    co_return socket;
  }

 private:
  [[nodiscard]] Task<> pass() const {
    return sleep_for(state_->timeline.random.between(state_->delay.min, state_->delay.max));
  }

  std::shared_ptr<State> state_;
};

}  // namespace

SimNetwork::SimNetwork(Timeline& timeline, DurationRange delay, std::size_t window)
    : state_(std::make_shared<State>(timeline, delay, window)) {}

SimNetwork::~SimNetwork() = default;

std::unique_ptr<Network> SimNetwork::make_network() { return std::make_unique<ShardNetwork>(state_); }

std::size_t SimNetwork::connections() const { return state_->open().size(); }

void SimNetwork::cut(std::size_t connection) {
  const auto open = state_->open();
  if (connection >= open.size()) return;
  open[connection]->cut = true;
  for (Stream& stream : open[connection]->streams) {
    stream.arrived.clear();
    stream.reader.wake();
    stream.writer.wake();
  }
}

}  // namespace leat::runtime::sim
