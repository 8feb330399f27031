#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Load on work queues: what the systems that bench/compare queues measures have in common.
namespace queue_load {

struct Options {
  std::string system, mode;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string queue = "compare";  // a name; the queue's URL for sqs
  std::size_t size = 1024;        // of a message
  std::size_t batch = 1;          // messages a request, where the protocol has batches; else requests in one go
  std::size_t connections = 64;
  std::size_t in_flight = 1;   // requests outstanding on a connection
  std::uint64_t messages = 0;  // 0: until the time is over
  double seconds = 0;          // 0: until all messages are through
  double rate = 1000;          // latency: messages a second
  std::size_t pollers = 4;     // latency: connections that wait for messages
  std::uint64_t rounds = 100;  // rounds: how often `messages` are sent and then received
  bool wait = false;           // receives wait for messages
  bool quorum = false;         // rabbitmq: a quorum queue instead of a classic one
  // Of sqs:
  std::string group;       // of all messages; with groups: what their names begin with
  std::size_t groups = 0;  // spread over so many
  bool fifo = false;       // send deduplication ids
  int priority = -1;
  int delay_seconds = -1;
};

// Ends the program: a load that went wrong measures nothing.
[[noreturn]] void die(std::string_view what, std::string_view why);

class Link;

// What links tell whoever makes the load.
class Load {
 public:
  Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  virtual ~Load() = default;

  // A request of Link::send was answered.
  virtual void sent(Link& link, std::size_t messages) = 0;
  // A message is in this consumer's hands.
  virtual void received(std::string_view body) = 0;
  // Messages are acknowledged. With `again`, a cycle of Link::receive is over; 0 messages: the queue had none.
  virtual void acknowledged(Link& link, std::size_t messages, bool again) = 0;
};

// One connection, never blocking once it is open.
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  virtual ~Link() = default;

  [[nodiscard]] virtual int descriptor() const = 0;
  // Begins to send one batch; bodies are borrowed for the call.
  virtual void send(std::span<const std::string> bodies) = 0;
  // Begins one cycle: receives up to a batch and acknowledges it.
  virtual void receive() = 0;
  // Handles everything that arrived.
  virtual void on_readable() = 0;
  virtual void on_writable() {}
  // Whether something waits for the socket to take it.
  [[nodiscard]] virtual bool wants_write() const { return false; }
  // Returns once the server has handled every acknowledgement, of protocols that do not answer them. May block.
  virtual void settle() {}

  std::size_t outstanding = 0;  // requests, counted by the load
};

using Links = std::vector<std::unique_ptr<Link>>;

// Opens `count` connections and makes what the queue needs to exist, except for sqs.
Links open_sqs(const Options& options, Load& load, std::size_t count);
Links open_beanstalkd(const Options& options, Load& load, std::size_t count);
Links open_redis(const Options& options, Load& load, std::size_t count);
Links open_nats(const Options& options, Load& load, std::size_t count);
Links open_rabbitmq(const Options& options, Load& load, std::size_t count);

// A TCP connection that reads and writes through buffers. Subclasses take from `input` what is complete.
class Stream : public Link {
 public:
  Stream(const Options& options, Load& load);
  ~Stream() override;

  [[nodiscard]] int descriptor() const override { return descriptor_; }
  void on_readable() override;
  void on_writable() override { flush(); }
  [[nodiscard]] bool wants_write() const override { return written_ < output_.size(); }

 protected:
  // Takes one complete answer from the front of `input` and handles it; returns its bytes, 0 when it is not complete.
  virtual std::size_t take(std::string_view input) = 0;

  std::string& output() { return output_; }
  // Writes what `output` holds as far as the socket takes it.
  void flush();
  // Waits for and takes answers until `done` is true.
  template <typename Done>
  void run_until(Done done) {
    while (!done()) {
      if (wants_write()) flush();
      await_input();
      on_readable();
    }
  }

  const Options& options_;
  Load& load_;

 private:
  void await_input() const;

  int descriptor_ = -1;
  std::string input_;
  std::size_t taken_ = 0;
  std::string output_;
  std::size_t written_ = 0;
};

// A decimal number at the front of `text`; dies when there is none.
std::uint64_t number_at(std::string_view text);

}  // namespace queue_load
