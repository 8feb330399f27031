#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/network.h"
#include "runtime/task.h"

namespace leat::http::testing {

// Runs a coroutine to its end on the only shard of a world of its own.
void run(std::function<runtime::Task<>()> main);

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

// A client that says exactly what it is told.
class Client {
 public:
  // A client that is not connected fails its test and answers nothing.
  static runtime::Task<std::unique_ptr<Client>> connect(std::uint16_t port);

  // False when the server has closed the connection.
  runtime::Task<bool> send(std::string text);
  // Reads one response; its body has the Content-Length, or none when `head_only`. Nothing when the connection ends first.
  runtime::Task<std::optional<Answer>> receive(bool head_only = false);
  // Waits for the server to end the connection; true when it sent nothing more.
  runtime::Task<bool> is_closed_by_server();
  void close() { socket_->close(); }

 private:
  runtime::Task<bool> read_more();

  std::unique_ptr<runtime::Socket> socket_;
  std::string input_;
};

// One request on a connection of its own.
runtime::Task<Answer> fetch(std::uint16_t port, std::string method, std::string target);

}  // namespace leat::http::testing
