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
constexpr std::string_view kSubscribe = "*2\r\n$9\r\nSUBSCRIBE\r\n$7\r\nfan-out\r\n";
constexpr std::string_view kSubscribed = "*3\r\n$9\r\nsubscribe\r\n$7\r\nfan-out\r\n:1\r\n";

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
    const std::string size = "$" + std::to_string(std::max(options.size, 2 * kDigits)) + "\r\n";
    const std::string body = std::string(std::max(options.size, 2 * kDigits), 'm') + "\r\n";
    delivery_head_ = "*3\r\n$7\r\nmessage\r\n$7\r\nfan-out\r\n" + size;
    delivery_size_ = delivery_head_.size() + body.size();
    publish_ = "*3\r\n$7\r\nPUBLISH\r\n$7\r\nfan-out\r\n" + size;
    body_at_ = publish_.size();
    publish_ += body;
    published_ = ":" + std::to_string(options.connections) + "\r\n";
    for (std::size_t i = 0; i < options.connections; ++i) {
      subscribers_.push_back({open_socket(options), {}, 0});
      send_all(subscribers_.back().socket, kSubscribe);
      expect(subscribers_.back().socket, kSubscribed);
      watch(epoll_, subscribers_.back().socket, i);
    }
    publisher_ = open_socket(options);
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
    while (complete_ < sent_ || answered_ < sent_) turn(1'000'000'000);
    result.operations = sent_ * options_.connections;
    meter.finish(result);
    result.latencies_us = std::move(latencies_us_);
    return result;
  }

 private:
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
    put_digits(publish_.data() + body_at_, kDigits, sent_++);
    put_digits(publish_.data() + body_at_ + kDigits, kDigits, static_cast<std::uint64_t>(due));
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
    std::size_t at = 0;
    for (; answers_.size() - at >= published_.size(); at += published_.size(), ++answered_) {
      if (answers_.compare(at, published_.size(), published_) != 0) die("PUBLISH said", answers_.substr(at, 80));
    }
    answers_.erase(0, at);
  }

  void take_deliveries(Subscriber& subscriber) {
    std::string& input = subscriber.input;
    receive_more(subscriber.socket, input, kReadBytes);
    std::size_t at = 0;
    const std::int64_t now = options_.rate > 0 ? now_ns() : 0;
    for (; input.size() - at >= delivery_size_; at += delivery_size_) {
      if (input.compare(at, delivery_head_.size(), delivery_head_) != 0) die("no message", input.substr(at, 80));
      const char* body = input.data() + at + delivery_head_.size();
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
  std::string delivery_head_, publish_, published_, answers_;
  std::size_t delivery_size_ = 0, body_at_ = 0;
  std::vector<std::size_t> missing_;  // subscribers that do not have a message yet, by its number in the ring
  std::uint64_t sent_ = 0, answered_ = 0, complete_ = 0;
  std::int64_t progress_ns_ = 0;
  std::vector<double> latencies_us_;
};

}  // namespace

Result run_fanout(const Options& options) { return Fanout(options).run(); }

}  // namespace resp_load
