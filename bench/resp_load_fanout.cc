#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bench/resp_load.h"

namespace resp_load {
namespace {

constexpr std::size_t kDigits = 20;              // of a number or a time in a message
constexpr std::size_t kReadBytes = 64 * 1024;    // at once
constexpr std::size_t kMostInFlight = 1U << 16;  // messages
constexpr std::int64_t kStallNs = 60'000'000'000;

// How one protocol says it, all with the channel "fan-out". Messages are all of one length.
struct Wire {
  std::vector<std::pair<std::string, std::string>> subscribe;  // what to send, and what comes back
  std::string publish_head, publish_tail;                      // around a message
  std::string published;                                       // the answer; empty: there is none
  std::string delivery_head, delivery_tail;
};

Wire resp_wire(std::size_t size, std::size_t subscribers) {
  const std::string bulk = "$" + std::to_string(size) + "\r\n";
  return {{{"*2\r\n$9\r\nSUBSCRIBE\r\n$7\r\nfan-out\r\n", "*3\r\n$9\r\nsubscribe\r\n$7\r\nfan-out\r\n:1\r\n"}},
          "*3\r\n$7\r\nPUBLISH\r\n$7\r\nfan-out\r\n" + bulk,
          "\r\n",
          ":" + std::to_string(subscribers) + "\r\n",
          "*3\r\n$7\r\nmessage\r\n$7\r\nfan-out\r\n" + bulk,
          "\r\n"};
}

// A frame's head (RFC 6455); what a client sends is masked, here with nothing.
std::string frame_head(std::size_t size, bool is_masked) {
  std::string head = "\x81";
  const char mask = is_masked ? '\x80' : '\0';
  if (size < 126) {
    head += static_cast<char>(mask | static_cast<char>(size));
  } else {
    head += static_cast<char>(mask | 126);
    head += static_cast<char>(size >> 8);
    head += static_cast<char>(size);
  }
  if (is_masked) head += std::string(4, '\0');
  return head;
}
std::string frame(const std::string& text, bool is_masked) { return frame_head(text.size(), is_masked) + text; }

// leat's live push (docs/live.md); what is published gets no answer.
Wire websocket_wire(std::size_t size) {
  const std::string opening =
      "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  const std::string publish = R"({"op":"publish","channel":"fan-out","data":")";
  const std::string delivery = R"({"type":"message","channel":"fan-out","data":")";
  const std::string tail = R"("})";
  return {{{opening, ""},
           {frame(R"({"op":"subscribe","id":1,"channel":"fan-out"})", true),
            frame(R"({"type":"subscribed","id":1,"channel":"fan-out"})", false)}},
          frame_head(publish.size() + size + tail.size(), true) + publish,
          tail,
          "",
          frame_head(delivery.size() + size + tail.size(), false) + delivery,
          tail};
}

struct Subscriber {
  int socket;
  std::string input;
  std::uint64_t next;  // message
};

// Messages are all of one length: their number, the time when they were due, letters.
class Fanout {
 public:
  explicit Fanout(const Options& options)
      : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)), missing_(kMostInFlight) {
    const std::size_t size = std::max(options.size, 2 * kDigits);
    wire_ = options.system == "websocket" ? websocket_wire(size) : resp_wire(size, options.connections);
    delivery_size_ = wire_.delivery_head.size() + size + wire_.delivery_tail.size();
    publish_ = wire_.publish_head + std::string(size, 'm') + wire_.publish_tail;
    for (std::size_t i = 0; i < options.connections; ++i) {
      subscribers_.push_back({open(), {}, 0});
      const auto& [ask, answer] = wire_.subscribe.back();
      send_all(subscribers_.back().socket, ask);
      expect(subscribers_.back().socket, answer);
      watch(epoll_, subscribers_.back().socket, i);
    }
    publisher_ = open();
    watch(epoll_, publisher_, options.connections);
  }

  Fanout(const Fanout&) = delete;
  Fanout& operator=(const Fanout&) = delete;

  ~Fanout() {
    for (const Subscriber& subscriber : subscribers_) close(subscriber.socket);
    close(publisher_);
    close(epoll_);
  }

  Result run() {
    Result result;
    const Meter meter(options_);
    if (options_.rate > 0) {
      publish_at_rate();
    } else {
      const std::int64_t ends = now_ns() + static_cast<std::int64_t>(options_.seconds * 1e9);
      while (now_ns() < ends) {
        while (sent_ - complete_ < options_.pipeline) publish(now_ns());
        turn(1'000'000'000);
      }
    }
    while (complete_ < sent_ || (answered_ < sent_ && !wire_.published.empty())) turn(1'000'000'000);
    result.operations = sent_ * options_.connections;
    meter.finish(result);
    result.latencies_us = std::move(latencies_us_);
    return result;
  }

 private:
  // A connection on which subscribing is the next thing.
  int open() {
    const int socket = open_socket(options_);
    for (std::size_t i = 0; i + 1 < wire_.subscribe.size(); ++i) {
      send_all(socket, wire_.subscribe[i].first);
      std::string head;
      while (!head.ends_with("\r\n\r\n")) receive_more(socket, head, 1);
    }
    return socket;
  }

  void publish_at_rate() {
    const auto messages = static_cast<std::uint64_t>(options_.rate * options_.seconds);
    latencies_us_.reserve(messages * options_.connections);
    const std::int64_t begun = now_ns();
    while (sent_ < messages) {
      const std::int64_t due = begun + static_cast<std::int64_t>(static_cast<double>(sent_) * 1e9 / options_.rate);
      for (std::int64_t now = now_ns(); now < due; now = now_ns()) turn(due - now);
      publish(due);
    }
  }

  void publish(std::int64_t due) {
    if (sent_ - complete_ == kMostInFlight) die("too slow", "the server does not deliver");
    if (sent_ == complete_) progress_ns_ = now_ns();
    missing_[sent_ % kMostInFlight] = options_.connections;
    put_digits(publish_.data() + wire_.publish_head.size(), kDigits, sent_++);
    put_digits(publish_.data() + wire_.publish_head.size() + kDigits, kDigits, static_cast<std::uint64_t>(due));
    send_all(publisher_, publish_);
  }

  void turn(std::int64_t at_most_ns) {
    epoll_event events[256];
    const timespec timeout{at_most_ns / 1'000'000'000, at_most_ns % 1'000'000'000};
    const int count = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
    if (count < 0 && errno != EINTR) die("epoll", std::strerror(errno));
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == options_.connections) {
        take_answers();
      } else {
        take_deliveries(subscribers_[events[i].data.u64]);
      }
    }
    if (count > 0) progress_ns_ = now_ns();
    if (complete_ < sent_ && now_ns() - progress_ns_ > kStallNs)
      die("nothing moves any more", "after " + std::to_string(complete_) + " messages");
  }

  void take_answers() {
    receive_more(publisher_, answers_, kReadBytes);
    if (wire_.published.empty()) die("PUBLISH said", answers_);
    std::size_t at = 0;
    for (; answers_.size() - at >= wire_.published.size(); at += wire_.published.size(), ++answered_) {
      if (answers_.compare(at, wire_.published.size(), wire_.published) != 0)
        die("PUBLISH said", answers_.substr(at, 80));
    }
    answers_.erase(0, at);
  }

  void take_deliveries(Subscriber& subscriber) {
    std::string& input = subscriber.input;
    receive_more(subscriber.socket, input, kReadBytes);
    std::size_t at = 0;
    const std::int64_t now = options_.rate > 0 ? now_ns() : 0;
    for (; input.size() - at >= delivery_size_; at += delivery_size_) {
      if (input.compare(at, wire_.delivery_head.size(), wire_.delivery_head) != 0)
        die("no message", input.substr(at, 80));
      const char* body = input.data() + at + wire_.delivery_head.size();
      const std::uint64_t number = digits_at(body);
      if (number != subscriber.next++) die("not the next message", std::to_string(number));
      if (now != 0) latencies_us_.push_back(static_cast<double>(now - due_at(body)) / 1000);
      // Every subscriber receives in order, so messages are complete in order.
      if (--missing_[number % kMostInFlight] == 0) ++complete_;
    }
    input.erase(0, at);
  }

  static std::uint64_t digits_at(const char* digits) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < kDigits; ++i) number = number * 10 + static_cast<std::uint64_t>(digits[i] - '0');
    return number;
  }

  static std::int64_t due_at(const char* body) { return static_cast<std::int64_t>(digits_at(body + kDigits)); }

  const Options& options_;
  int epoll_;
  int publisher_ = -1;
  std::vector<Subscriber> subscribers_;
  Wire wire_;
  std::string publish_, answers_;
  std::size_t delivery_size_ = 0;
  std::vector<std::size_t> missing_;  // subscribers that do not have a message yet, by its number in the ring
  std::uint64_t sent_ = 0, answered_ = 0, complete_ = 0;
  std::int64_t progress_ns_ = 0;
  std::vector<double> latencies_us_;
};

}  // namespace

Result run_fanout(const Options& options) { return Fanout(options).run(); }

}  // namespace resp_load
