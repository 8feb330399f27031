// beanstalkd's text protocol: put, reserve, delete. A batch is so many commands in one write.
#include "bench/queue_load.h"

namespace queue_load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

class Beanstalkd : public Stream {
 public:
  Beanstalkd(const Options& options, Load& load) : Stream(options, load) {
    output() += "use " + options.queue + "\r\nwatch " + options.queue + "\r\nignore default\r\n";
    run_until([this] { return is_watching_; });
  }

  void send(std::span<const std::string> bodies) override {
    for (const std::string& body : bodies) {
      output() += "put 0 0 3600 " + std::to_string(body.size()) + "\r\n";
      output() += body;
      output() += kLineEnd;
    }
    puts_.push_back(bodies.size());
    flush();
  }

  // Several reserves that find no job would each wait, and the deletes behind them: only one of a cycle may.
  void receive() override {
    expected_ = options_.wait ? 1 : options_.batch;
    for (std::size_t i = 0; i < expected_; ++i)
      output() += options_.wait ? "reserve-with-timeout 20\r\n" : "reserve-with-timeout 0\r\n";
    flush();
  }

 private:
  std::size_t take(std::string_view input) override {
    const std::size_t end = input.find(kLineEnd);
    if (end == std::string_view::npos) return 0;
    const std::string_view line = input.substr(0, end);
    const std::size_t after = end + kLineEnd.size();
    if (line.starts_with("INSERTED ")) {
      if (++inserted_ == puts_.front()) {
        inserted_ = 0;
        const std::size_t count = puts_.front();
        puts_.erase(puts_.begin());
        load_.sent(*this, count);
      }
      return after;
    }
    if (line.starts_with("RESERVED ")) {
      const std::size_t id_end = line.find(' ', 9);
      const std::size_t size = number_at(line.substr(id_end + 1));
      if (input.size() < after + size + kLineEnd.size()) return 0;
      load_.received(input.substr(after, size));
      deletes_ += "delete " + std::string(line.substr(9, id_end - 9)) + "\r\n";
      ++reserved_;
      end_of_reserve();
      return after + size + kLineEnd.size();
    }
    if (line == "TIMED_OUT") {
      end_of_reserve();
      return after;
    }
    if (line.starts_with("USING ")) return after;
    if (line.starts_with("WATCHING ")) {
      is_watching_ = line == "WATCHING 1";  // the second of the two answers: the default tube is ignored
      return after;
    }
    if (line != "DELETED") die("beanstalkd answered", line);
    const bool is_last = ++deleted_ == reserved_;
    if (is_last) reserved_ = deleted_ = 0;
    load_.acknowledged(*this, 1, is_last);
    return after;
  }

  void end_of_reserve() {
    if (--expected_ > 0) return;
    output() += deletes_;
    deletes_.clear();
    if (reserved_ == 0) load_.acknowledged(*this, 0, true);
  }

  bool is_watching_ = false;
  std::vector<std::size_t> puts_;  // messages of each send, the oldest first
  std::size_t inserted_ = 0;       // of the oldest
  std::size_t expected_ = 0;       // answers to reserves
  std::size_t reserved_ = 0;
  std::size_t deleted_ = 0;
  std::string deletes_;
};

}  // namespace

Links open_beanstalkd(const Options& options, Load& load, std::size_t count) {
  if (options.mode != "send" && options.in_flight != 1) die("beanstalkd", "one cycle of a connection at a time");
  Links links;
  for (std::size_t i = 0; i < count; ++i) links.push_back(std::make_unique<Beanstalkd>(options, load));
  return links;
}

}  // namespace queue_load
