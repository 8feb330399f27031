// Load on work queues, by one thread: durable sends, receives with acknowledgements, latency from a send to a waiting
// consumer. Prints one line of JSON.
//
//   queue_load SYSTEM send|receive|latency|rounds --port N [--queue Q] [--size B] [--batch N] ...
//
// SYSTEM: sqs, rabbitmq, beanstalkd, redis, nats (as far as this build has their libraries). Every --name is a member of
// Options. rounds sends --messages and receives as many, again and again, and counts only the time of the receives.
#include "bench/queue_load.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

namespace queue_load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStallSeconds = 60;
constexpr std::size_t kStampBytes = 20;

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

std::int64_t nanoseconds(Clock::time_point when) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Bodies that begin with a stamp of 20 digits and are letters otherwise.
class Bodies {
 public:
  Bodies(std::size_t count, std::size_t size) {
    std::string letters(std::max(size, kStampBytes), 'a');
    for (std::size_t i = 0; i < letters.size(); ++i) letters[i] = static_cast<char>('a' + i * 7 % 23);
    bodies_.assign(count, letters);
  }

  std::span<const std::string> stamped(std::size_t count, std::int64_t stamp) {
    char digits[kStampBytes + 1];
    std::snprintf(digits, sizeof digits, "%020" PRId64, stamp);
    for (std::size_t i = 0; i < count; ++i) bodies_[i].replace(0, kStampBytes, digits, kStampBytes);
    return std::span(bodies_).first(count);
  }

 private:
  std::vector<std::string> bodies_;
};

// Keeps every connection busy with one kind of work, or makes messages at a rate while others wait for them.
class Driver : public Load {
 public:
  explicit Driver(const Options& options) : options_(options), bodies_(options.batch, options.size) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
  }
  ~Driver() override { close(epoll_); }

  void open(std::size_t count) {
    static const std::map<std::string_view, Links (*)(const Options&, Load&, std::size_t)> kSystems = {
        {"sqs", open_sqs},           {"beanstalkd", open_beanstalkd}, {"nats", open_nats},
#ifdef QUEUE_LOAD_REDIS
        {"redis", open_redis},
#endif
#ifdef QUEUE_LOAD_RABBITMQ
        {"rabbitmq", open_rabbitmq},
#endif
    };
    const auto system = kSystems.find(options_.system);
    if (system == kSystems.end()) die("this build has no client for", options_.system);
    links_ = system->second(options_, *this, count);
    for (std::size_t i = 0; i < links_.size(); ++i) watch(EPOLL_CTL_ADD, i, false);
    writing_.assign(links_.size(), false);
  }

  // Sends `messages` (0: any number) for at most `seconds` (0: any time).
  void run_send(std::uint64_t messages, double seconds) {
    begin(messages, seconds);
    sending_ = true;
    for (const auto& link : links_) {
      for (std::size_t i = 0; i < options_.in_flight; ++i) send_more(*link);
    }
    wait_for([&] { return outstanding_ == 0; });
    finish();
  }

  // Asks for exactly `messages` when `exactly`; otherwise answers to further requests may still be on their way.
  void run_receive(std::uint64_t messages, double seconds, bool exactly) {
    begin(messages, seconds);
    sending_ = false;
    exactly_ = exactly;
    for (const auto& link : links_) {
      for (std::size_t i = 0; i < options_.in_flight; ++i) receive_more(*link);
    }
    wait_for([&] { return is_over() && (!exactly_ || asked_ == done_); });
    stopped_ = true;
    for (const auto& link : links_) link->settle();
    finish();
  }

  // Links beyond the first `pollers` send, each message at the moment when it is due.
  void run_latency() {
    const auto messages = static_cast<std::uint64_t>(options_.rate * options_.seconds);
    begin(messages, 0.0);
    sending_ = false;
    for (std::size_t i = 0; i < options_.pollers; ++i) {
      links_[i]->receive();
    }
    run_for(0.3);  // until they wait
    started_ = progress_ = Clock::now();
    const auto step = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
    for (auto due = started_; issued_ < messages_; due += step) {
      for (auto now = Clock::now(); now < due; now = Clock::now()) turn(due - now);
      Link& link = **std::min_element(links_.begin() + static_cast<std::ptrdiff_t>(options_.pollers), links_.end(),
                                      [](const auto& a, const auto& b) { return a->outstanding < b->outstanding; });
      ++link.outstanding;
      ++outstanding_;
      ++issued_;
      link.send(bodies_.stamped(1, nanoseconds(due)));
    }
    wait_for([&] { return outstanding_ == 0 && done_ >= messages_; });
    finish();
  }

  void sent(Link& link, std::size_t messages) override {
    --link.outstanding;
    --outstanding_;
    if (!sending_) return;
    done_ += messages;
    if (!is_over()) send_more(link);
  }

  void received(std::string_view body) override {
    if (options_.mode != "latency") return;
    const auto due = static_cast<std::int64_t>(number_at(body.substr(0, kStampBytes)));
    latencies_.push_back(static_cast<double>(nanoseconds(Clock::now()) - due) / 1000);
  }

  void acknowledged(Link& link, std::size_t messages, bool again) override {
    done_ += messages;
    if (messages > 0) progress_ = Clock::now();
    if (again) asked_ -= options_.batch - std::min(options_.batch, messages);
    if (again && !stopped_ && !is_over()) receive_more(link);
  }

  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] double seconds() const { return seconds_between(started_, ended_); }
  [[nodiscard]] std::vector<double>& latencies_us() { return latencies_; }

 private:
  void begin(std::uint64_t messages, double seconds) {
    messages_ = messages;
    seconds_ = seconds;
    issued_ = done_ = asked_ = 0;
    exactly_ = false;
    stopped_ = false;
    started_ = progress_ = Clock::now();
  }

  void finish() {
    ended_ = Clock::now();
    stopped_ = true;
  }

  [[nodiscard]] bool is_over() const {
    if (messages_ > 0 && (sending_ ? issued_ : done_) >= messages_) return true;
    return seconds_ > 0 && seconds_between(started_, Clock::now()) >= seconds_;
  }

  void send_more(Link& link) {
    const std::uint64_t left = messages_ > 0 ? messages_ - issued_ : options_.batch;
    const std::size_t count = std::min<std::uint64_t>(options_.batch, left);
    if (count == 0) return;
    issued_ += count;
    ++link.outstanding;
    ++outstanding_;
    link.send(bodies_.stamped(count, static_cast<std::int64_t>(issued_)));
  }

  void receive_more(Link& link) {
    if (exactly_ && asked_ >= messages_) return;
    asked_ += options_.batch;
    link.receive();
  }

  void watch(int operation, std::size_t index, bool writing) const {
    epoll_event event{};
    event.events = writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = index;
    if (epoll_ctl(epoll_, operation, links_[index]->descriptor(), &event) != 0) die("epoll", std::strerror(errno));
  }

  void turn(Clock::duration wait) {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (links_[i]->wants_write() == writing_[i]) continue;
      writing_[i] = !writing_[i];
      watch(EPOLL_CTL_MOD, i, writing_[i]);
    }
    epoll_event events[256];
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
    const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    const int count = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
    if (count < 0 && errno != EINTR) die("epoll", std::strerror(errno));
    const std::uint64_t before = done_;
    for (int i = 0; i < count; ++i) {
      Link& link = *links_[events[i].data.u64];
      if ((events[i].events & EPOLLOUT) != 0) link.on_writable();
      if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) link.on_readable();
    }
    if (done_ != before) progress_ = Clock::now();
  }

  void wait_for(const std::function<bool()>& done) {
    while (!done()) {
      turn(std::chrono::milliseconds(100));
      if (seconds_between(progress_, Clock::now()) > kStallSeconds)
        die("nothing moves any more", "after " + std::to_string(done_) + " messages");
    }
  }

  void run_for(double seconds) {
    const auto begun = Clock::now();
    while (seconds_between(begun, Clock::now()) < seconds) turn(std::chrono::milliseconds(10));
  }

  const Options& options_;
  int epoll_ = -1;
  Links links_;
  std::vector<bool> writing_;
  Bodies bodies_;
  bool sending_ = false;
  bool stopped_ = false;
  bool exactly_ = false;
  std::uint64_t messages_ = 0, issued_ = 0, asked_ = 0, done_ = 0, outstanding_ = 0;
  double seconds_ = 0;
  Clock::time_point started_, ended_, progress_;
  std::vector<double> latencies_;
};

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

void print(std::uint64_t messages, double seconds, double cpu, std::vector<double>& latencies) {
  const double count = static_cast<double>(std::max<std::uint64_t>(messages, 1));
  std::printf("{\"messages\": %" PRIu64
              ", \"seconds\": %.6f, \"messages_per_second\": %.1f, \"client_cpu_us_per_message\": %.4f",
              messages, seconds, static_cast<double>(messages) / std::max(seconds, 1e-9), cpu * 1e6 / count);
  if (!latencies.empty()) {
    std::sort(latencies.begin(), latencies.end());
    std::printf(", \"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}", percentile(latencies, 0.5),
                percentile(latencies, 0.99), latencies.back());
  }
  std::printf("}\n");
}

void run(const Options& options) {
  Driver driver(options);
  std::uint64_t messages = 0;
  double seconds = 0;
  driver.open(options.connections + (options.mode == "latency" ? options.pollers : 0));
  const double cpu = cpu_seconds();
  if (options.mode == "rounds") {
    for (std::uint64_t round = 0; round < options.rounds; ++round) {
      driver.run_send(options.messages, 0);
      driver.run_receive(options.messages, 0, true);
      messages += driver.done();
      seconds += driver.seconds();
    }
  } else {
    if (options.mode == "send") {
      driver.run_send(options.messages, options.seconds);
    } else if (options.mode == "receive") {
      driver.run_receive(options.messages, options.seconds, false);
    } else if (options.mode == "latency") {
      driver.run_latency();
    } else {
      die("unknown mode", options.mode);
    }
    messages = driver.done();
    seconds = driver.seconds();
  }
  print(messages, seconds, cpu_seconds() - cpu, driver.latencies_us());
}

double real_number(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') die("not a number", text);
  return number;
}

Options parse(int count, char** words) {
  Options options;
  options.system = words[1];
  options.mode = words[2];
  const auto whole = [](auto& to) { return [&to](const std::string& text) { to = number_at(text); }; };
  const auto real = [](double& to) { return [&to](const std::string& text) { to = real_number(text); }; };
  const auto text = [](std::string& to) { return [&to](const std::string& value) { to = value; }; };
  const auto flag = [](bool& to) { return [&to](const std::string& value) { to = value == "true"; }; };
  const auto small = [](int& to) {
    return [&to](const std::string& value) { to = static_cast<int>(number_at(value)); };
  };
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--host", text(options.host)},
      {"--port", [&](const std::string& value) { options.port = static_cast<std::uint16_t>(number_at(value)); }},
      {"--queue", text(options.queue)},
      {"--size", whole(options.size)},
      {"--batch", whole(options.batch)},
      {"--connections", whole(options.connections)},
      {"--in-flight", whole(options.in_flight)},
      {"--messages", whole(options.messages)},
      {"--seconds", real(options.seconds)},
      {"--rate", real(options.rate)},
      {"--pollers", whole(options.pollers)},
      {"--rounds", whole(options.rounds)},
      {"--wait", flag(options.wait)},
      {"--quorum", flag(options.quorum)},
      {"--group", text(options.group)},
      {"--groups", whole(options.groups)},
      {"--fifo", flag(options.fifo)},
      {"--priority", small(options.priority)},
      {"--delay", small(options.delay_seconds)},
  };
  for (int i = 3; i < count; i += 2) {
    const auto found = known.find(words[i]);
    if (found == known.end() || i + 1 == count) die("what is", words[i]);
    found->second(words[i + 1]);
  }
  if (options.port == 0) die("usage", "--port is missing");
  if (options.batch == 0 || options.connections == 0 || options.in_flight == 0) die("usage", "nothing to do");
  if (options.mode == "rounds" && options.messages % options.batch != 0) die("usage", "--messages in whole batches");
  if (options.mode == "latency") options.wait = true;
  return options;
}

}  // namespace
}  // namespace queue_load

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr,
                 "usage: queue_load SYSTEM send|receive|latency|rounds --port N [--queue Q] [--NAME VALUE]...\n");
    return 2;
  }
  queue_load::run(queue_load::parse(count, words));
  return 0;
}
