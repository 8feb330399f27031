// Load on keyspaces, by one thread. Prints one line of JSON.
//
//   resp_load SYSTEM fill|set|get|fanout --port N [--NAME VALUE]...
//
// SYSTEM: resp, memcached (which has no fanout) or websocket (leat's live push: fanout only). Every --name is a member of
// Options. fill writes every key once; set and get choose keys at random for --seconds; fanout publishes to --connections subscribers.
#include "bench/resp_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>

namespace resp_load {
namespace {

constexpr int kAnswerMilliseconds = 60'000;

void wait_for(int socket, short what) {
  pollfd wanted{socket, what, 0};
  if (poll(&wanted, 1, kAnswerMilliseconds) == 0) die("the server", "does not answer");
}

double seconds_of(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) die("clock", std::strerror(errno));
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The CPU clock of all threads of a process, as the kernel numbers it.
double cpu_seconds_of(int pid) {
  if (pid == 0) return 0;
  clockid_t clock = 0;
  if (clock_getcpuclockid(pid, &clock) != 0) die("no such process", std::to_string(pid));
  return seconds_of(clock);
}

void allow_many_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void die(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "resp_load: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(1);
}

int open_socket(const Options& options) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) die("not an address", options.host);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("connect", std::strerror(errno));
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno == EAGAIN) {
      wait_for(socket, POLLOUT);
    } else if (errno != EINTR) {
      die("send", std::strerror(errno));
    }
  }
}

void receive_more(int socket, std::string& to, std::size_t at_most) {
  const std::size_t held = to.size();
  ssize_t got = 0;
  to.resize_and_overwrite(held + at_most, [&](char* data, std::size_t) {
    got = recv(socket, data + held, at_most, MSG_DONTWAIT);
    return held + static_cast<std::size_t>(got > 0 ? got : 0);
  });
  if (got == 0) die("receive", "the server closed a connection");
  if (got < 0 && errno != EAGAIN && errno != EINTR) die("receive", std::strerror(errno));
}

void expect(int socket, std::string_view bytes) {
  std::string got;
  while (got.size() < bytes.size()) {
    wait_for(socket, POLLIN);
    receive_more(socket, got, bytes.size() - got.size());
    if (!bytes.starts_with(got)) die("the server said", got);
  }
}

void watch(int epoll, int socket, std::uint64_t number) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0) die("epoll", std::strerror(errno));
}

void put_digits(char* to, std::size_t width, std::uint64_t number) {
  for (char* digit = to + width; digit != to; number /= 10) *--digit = static_cast<char>('0' + number % 10);
}

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Meter::Meter(const Options& options)
    : server_pid_(options.server_pid),
      begun_ns_(now_ns()),
      client_cpu_(seconds_of(CLOCK_PROCESS_CPUTIME_ID)),
      server_cpu_(cpu_seconds_of(server_pid_)) {}

void Meter::finish(Result& result) const {
  result.seconds = static_cast<double>(now_ns() - begun_ns_) * 1e-9;
  result.client_cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - client_cpu_;
  result.server_cpu = cpu_seconds_of(server_pid_) - server_cpu_;
}

namespace {

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

void print(Result& result) {
  const double count = static_cast<double>(std::max<std::uint64_t>(result.operations, 1));
  std::printf("{\"operations\": %" PRIu64
              ", \"seconds\": %.6f, \"per_second\": %.1f, \"client_cpu_us\": %.4f, \"server_cpu_us\": %.4f",
              result.operations, result.seconds, count / result.seconds, result.client_cpu * 1e6 / count,
              result.server_cpu * 1e6 / count);
  auto& latencies = result.latencies_us;
  if (!latencies.empty()) {
    std::sort(latencies.begin(), latencies.end());
    std::printf(", \"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}", percentile(latencies, 0.5),
                percentile(latencies, 0.99), latencies.back());
  }
  std::printf("}\n");
}

template <typename Number>
Number number_of(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) die("not a number", text);
  return number;
}

Options parse(int count, char** words) {
  Options options;
  options.system = words[1];
  options.mode = words[2];
  const auto number = [](auto& to) {
    return [&to](const std::string& text) { to = number_of<std::remove_reference_t<decltype(to)>>(text); };
  };
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--host", [&](const std::string& text) { options.host = text; }},
      {"--port", number(options.port)},
      {"--server-pid", number(options.server_pid)},
      {"--connections", number(options.connections)},
      {"--pipeline", number(options.pipeline)},
      {"--keys", number(options.keys)},
      {"--size", number(options.size)},
      {"--seconds", number(options.seconds)},
      {"--rate", number(options.rate)},
  };
  for (int i = 3; i < count; i += 2) {
    const auto found = known.find(words[i]);
    if (found == known.end() || i + 1 == count) die("what is", words[i]);
    found->second(words[i + 1]);
  }
  if (options.port == 0) die("usage", "--port is missing");
  if (options.connections == 0 || options.pipeline == 0 || options.keys == 0) die("usage", "nothing to do");
  if (options.system != "resp" && options.system != "memcached" && options.system != "websocket")
    die("unknown system", options.system);
  return options;
}

Result run(const Options& options) {
  if (options.mode == "fill" || options.mode == "set" || options.mode == "get") return run_requests(options);
  if (options.mode == "fanout" && options.system != "memcached") return run_fanout(options);
  die("unknown mode", options.mode);
}

}  // namespace
}  // namespace resp_load

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr, "usage: resp_load resp|memcached|websocket fill|set|get|fanout --port N [--NAME VALUE]...\n");
    return 2;
  }
  resp_load::allow_many_descriptors();
  resp_load::Result result = resp_load::run(resp_load::parse(count, words));
  resp_load::print(result);
  return 0;
}
