// NATS JetStream in its text protocol: publishes that are answered when they are stored, and a pull consumer with
// explicit acknowledgements on a stream that drops what was acknowledged.
#include <unistd.h>

#include "bench/queue_load.h"

namespace queue_load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr const char* kConsumer = "workers";
constexpr std::string_view kPullReply = ".pull", kSendReply = ".send", kApiReply = ".api";

// The word of that number, counted from the end: 0 is the last.
std::string_view word_from_end(std::string_view line, std::size_t number) {
  for (;;) {
    const std::size_t space = line.rfind(' ');
    const std::string_view word = space == std::string_view::npos ? line : line.substr(space + 1);
    if (number-- == 0) return word;
    if (space == std::string_view::npos) die("nats answered", line);
    line = line.substr(0, space);
  }
}

class Nats : public Stream {
 public:
  Nats(const Options& options, Load& load, std::size_t index)
      : Stream(options, load), inbox_("_INBOX.load" + std::to_string(getpid()) + "x" + std::to_string(index)) {
    const std::size_t batch = options_.wait ? 1 : options_.batch;
    pull_ = "{\"batch\":" + std::to_string(batch) + ",\"expires\":20000000000}";
    pulled_max_ = batch;
    output() += "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nSUB " +
                inbox_ + ".* 1\r\nPING\r\n";
    flush();
    run_until([this] { return pongs_ == 1; });
  }

  void make_stream() {
    const std::string& queue = options_.queue;
    ask("$JS.API.STREAM.CREATE." + queue, "{\"name\":\"" + queue + "\",\"subjects\":[\"" + queue +
                                              "\"],\"storage\":\"file\",\"retention\":\"workqueue\"}");
    ask("$JS.API.CONSUMER.DURABLE.CREATE." + queue + "." + kConsumer,
        "{\"stream_name\":\"" + queue + "\",\"config\":{\"durable_name\":\"" + kConsumer +
            "\",\"ack_policy\":\"explicit\",\"deliver_policy\":\"all\",\"max_ack_pending\":100000,\"ack_wait\":"
            "600000000000}}");
  }

  void send(std::span<const std::string> bodies) override {
    for (const std::string& body : bodies) publish(options_.queue, kSendReply, body);
    sends_.push_back(bodies.size());
    flush();
  }

  void receive() override {
    publish("$JS.API.CONSUMER.MSG.NEXT." + options_.queue + "." + kConsumer, kPullReply, pull_);
    pulled_ = 0;
    flush();
  }

  void settle() override {
    const std::size_t wanted = pongs_ + 1;
    output() += "PING\r\n";
    run_until([&] { return pongs_ >= wanted; });
  }

 private:
  void publish(const std::string& subject, std::string_view reply, std::string_view body) {
    std::string& out = output();
    out += "PUB ";
    out += subject;
    out += ' ';
    out += inbox_;
    out += reply;
    out += ' ';
    out += std::to_string(body.size());
    out += kLineEnd;
    out += body;
    out += kLineEnd;
  }

  void ask(const std::string& subject, const std::string& content) {
    asked_ = true;
    publish(subject, kApiReply, content);
    flush();
    run_until([this] { return !asked_; });
  }

  std::size_t take(std::string_view input) override {
    const std::size_t end = input.find(kLineEnd);
    if (end == std::string_view::npos) return 0;
    const std::string_view line = input.substr(0, end);
    const std::size_t after = end + kLineEnd.size();
    const bool has_headers = line.starts_with("HMSG ");
    if (line.starts_with("MSG ") || has_headers) {
      const std::size_t size = number_at(word_from_end(line, 0));
      if (input.size() < after + size + kLineEnd.size()) return 0;
      const std::size_t header_size = has_headers ? number_at(word_from_end(line, 1)) : 0;
      handle(line, input.substr(after, header_size), input.substr(after + header_size, size - header_size));
      return after + size + kLineEnd.size();
    }
    if (line == "PING") {
      output() += "PONG\r\n";
    } else if (line == "PONG") {
      ++pongs_;
    } else if (line.starts_with("-ERR")) {
      die("nats answered", line);
    }
    return after;
  }

  // MSG subject sid [reply] size, HMSG subject sid [reply] header-size size.
  void handle(std::string_view line, std::string_view headers, std::string_view body) {
    const std::size_t subject_at = line.find(' ') + 1;
    const std::string_view subject = line.substr(subject_at, line.find(' ', subject_at) - subject_at);
    if (subject.ends_with(kSendReply)) {
      if (body.find("\"error\"") != std::string_view::npos || !headers.empty()) die("nats refused a message", body);
      if (++stored_ == sends_.front()) {
        stored_ = 0;
        const std::size_t count = sends_.front();
        sends_.erase(sends_.begin());
        load_.sent(*this, count);
      }
    } else if (subject.ends_with(kApiReply)) {
      if (body.find("\"error\"") != std::string_view::npos && body.find("already") == std::string_view::npos)
        die("nats refused", body);
      asked_ = false;
    } else if (headers.starts_with("NATS/1.0 ")) {  // a pull that ran out of time or of messages
      load_.acknowledged(*this, 0, true);
    } else {
      load_.received(body);
      acknowledge(std::string(word_from_end(line, headers.empty() ? 1 : 2)));
    }
  }

  void acknowledge(const std::string& reply) {
    output() += "PUB " + reply + " 4\r\n+ACK\r\n";
    load_.acknowledged(*this, 1, ++pulled_ == pulled_max_);
  }

  const std::string inbox_;
  std::string pull_;
  std::size_t pulled_max_ = 1;
  std::size_t pulled_ = 0;
  std::size_t pongs_ = 0;
  bool asked_ = false;
  std::vector<std::size_t> sends_;  // messages of each send, the oldest first
  std::size_t stored_ = 0;          // of the oldest
};

}  // namespace

Links open_nats(const Options& options, Load& load, std::size_t count) {
  if (options.mode != "send" && options.in_flight != 1) die("nats", "one pull of a connection at a time");
  Links links;
  for (std::size_t i = 0; i < count; ++i) {
    auto link = std::make_unique<Nats>(options, load, i);
    if (i == 0) link->make_stream();
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace queue_load
