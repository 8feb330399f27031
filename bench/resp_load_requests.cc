#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "bench/resp_load.h"

namespace resp_load {
namespace {

constexpr std::size_t kDigits = 12;  // of a key
constexpr std::size_t kFillPipeline = 100;

// One request with room for its key's digits, and what its reply begins with and how long it is: all keys and values are
// of one size, so that replies need no parsing.
struct Dialect {
  std::string request;
  std::size_t digits_at = 0;
  std::string reply;
  std::size_t reply_size = 0;
};

Dialect dialect_of(const Options& options, bool reads) {
  const std::string key = "key:" + std::string(kDigits, '0');
  const std::string value(options.size, 'v');
  const std::string size = std::to_string(options.size);
  const std::string bulk_key = "$" + std::to_string(key.size()) + "\r\n" + key + "\r\n";
  const std::string bulk_value = "$" + size + "\r\n" + value + "\r\n";
  Dialect dialect;
  if (options.system == "resp") {
    dialect.request = reads ? "*2\r\n$3\r\nGET\r\n" + bulk_key : "*3\r\n$3\r\nSET\r\n" + bulk_key + bulk_value;
    dialect.reply = reads ? bulk_value : "+OK\r\n";
    dialect.reply_size = dialect.reply.size();
  } else if (reads) {
    dialect.request = "get " + key + "\r\n";
    dialect.reply = "VALUE key:";
    dialect.reply_size = ("VALUE " + key + " 0 " + size + "\r\n" + value + "\r\nEND\r\n").size();
  } else {
    dialect.request = "set " + key + " 0 0 " + size + "\r\n" + value + "\r\n";
    dialect.reply = "STORED\r\n";
    dialect.reply_size = dialect.reply.size();
  }
  dialect.digits_at = dialect.request.find(key) + key.size() - kDigits;
  return dialect;
}

struct Connection {
  int socket;
  std::string input;
  std::size_t waits_for;  // replies
};

class Requests {
 public:
  explicit Requests(const Options& options)
      : options_(options),
        in_order_(options.mode == "fill"),
        pipeline_(in_order_ ? kFillPipeline : options.pipeline),
        dialect_(dialect_of(options, options.mode == "get")),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < pipeline_; ++i) output_ += dialect_.request;
    for (std::size_t i = 0; i < (in_order_ ? 1 : options.connections); ++i) {
      connections_.push_back({open_socket(options), {}, 0});
      watch(epoll_, connections_.back().socket, i);
    }
  }

  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  ~Requests() {
    for (const Connection& connection : connections_) close(connection.socket);
    close(epoll_);
  }

  Result run() {
    Result result;
    const Meter meter(options_);
    ends_ns_ = now_ns() + static_cast<std::int64_t>(options_.seconds * 1e9);
    for (Connection& connection : connections_) ask(connection);
    while (waiting_ > 0) turn();
    result.operations = done_;
    meter.finish(result);
    return result;
  }

 private:
  [[nodiscard]] std::size_t to_ask() const {
    if (in_order_) return std::min<std::uint64_t>(pipeline_, options_.keys - asked_);
    return now_ns() < ends_ns_ ? pipeline_ : 0;
  }

  void ask(Connection& connection) {
    connection.waits_for = to_ask();
    if (connection.waits_for == 0) return;
    for (std::size_t i = 0; i < connection.waits_for; ++i) {
      const std::uint64_t key = in_order_ ? asked_ + i : random_() % options_.keys;
      put_digits(output_.data() + i * dialect_.request.size() + dialect_.digits_at, kDigits, key);
    }
    asked_ += connection.waits_for;
    ++waiting_;
    send_all(connection.socket, std::string_view(output_).substr(0, connection.waits_for * dialect_.request.size()));
  }

  void turn() {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, 60'000);
    if (count == 0) die("the server", "does not answer");
    for (int i = 0; i < count; ++i) take(connections_[events[i].data.u64]);
  }

  void take(Connection& connection) {
    const std::size_t all = connection.waits_for * dialect_.reply_size;
    receive_more(connection.socket, connection.input, all + 1 - connection.input.size());
    if (!connection.input.starts_with(std::string_view(dialect_.reply).substr(0, connection.input.size())))
      die("unexpected reply", connection.input.substr(0, 80));
    if (connection.input.size() < all) return;
    if (connection.input.size() > all) die("too long replies", connection.input.substr(0, 80));
    for (std::size_t at = 0; at < all; at += dialect_.reply_size) {
      if (connection.input.compare(at, dialect_.reply.size(), dialect_.reply) != 0)
        die("unexpected reply", connection.input.substr(at, 80));
    }
    done_ += connection.waits_for;
    --waiting_;
    connection.input.clear();
    ask(connection);
  }

  const Options& options_;
  bool in_order_;
  std::size_t pipeline_;
  Dialect dialect_;
  int epoll_;
  std::vector<Connection> connections_;
  std::string output_;
  std::minstd_rand random_{1};
  std::int64_t ends_ns_ = 0;
  std::uint64_t asked_ = 0, done_ = 0;
  std::size_t waiting_ = 0;  // connections with requests outstanding
};

}  // namespace

Result run_requests(const Options& options) { return Requests(options).run(); }

}  // namespace resp_load
