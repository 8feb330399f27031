#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Load on keyspaces, by one thread: what the kinds of load have in common.
namespace resp_load {

struct Options {
  std::string system, mode;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  int server_pid = 0;            // whose CPU is measured; 0: none
  std::size_t connections = 50;  // fanout: subscribers
  std::size_t pipeline = 1;      // requests in one go; fanout: messages in flight at most, without a rate
  std::uint64_t keys = 100'000;
  std::size_t size = 100;  // of a value or a message
  double seconds = 3;
  double rate = 0;  // fanout: messages a second; 0: as many as go through
};

struct Result {
  std::uint64_t operations = 0;
  double seconds = 0, client_cpu = 0, server_cpu = 0;
  std::vector<double> latencies_us;
};

// Ends the program: a load that went wrong measures nothing.
[[noreturn]] void die(std::string_view what, std::string_view why);

// A connected TCP socket without Nagle's delay, which does not block.
int open_socket(const Options& options);
// Waits until the socket has taken all of `bytes`.
void send_all(int socket, std::string_view bytes);
// Waits for exactly these bytes.
void expect(int socket, std::string_view bytes);
// What a socket has, added to `to`; nothing when it has nothing.
void receive_more(int socket, std::string& to, std::size_t at_most);

// Adds a socket to an epoll for input, under a number of the caller's.
void watch(int epoll, int socket, std::uint64_t number);

// Writes `number` with leading zeros over `width` bytes.
void put_digits(char* to, std::size_t width, std::uint64_t number);

std::int64_t now_ns();

// Takes the time, and the CPU of this process and of the server, from its construction to finish().
class Meter {
 public:
  explicit Meter(const Options& options);
  void finish(Result& result) const;

 private:
  int server_pid_;
  std::int64_t begun_ns_;
  double client_cpu_, server_cpu_;
};

// Reads or writes random keys on every connection, `pipeline` at a time; or writes every key once, in order.
Result run_requests(const Options& options);

// Publishes to one channel with `connections` subscribers, and receives and checks every delivery.
Result run_fanout(const Options& options);

}  // namespace resp_load
