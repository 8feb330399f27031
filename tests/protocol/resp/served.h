#pragma once

#include <functional>
#include <memory>
#include <string>

#include "protocol/resp/server.h"
#include "runtime/call.h"
#include "runtime/task.h"

namespace leat::resp::testing {

// A keyspace without a journal on one shard, and a test's body on shard 0 that uses it.
struct Served {
  runtime::Shard* home = nullptr;  // the keyspace's
  std::unique_ptr<Server> server;
  bool stopped = false;

  [[nodiscard]] LocalCommands& local() { return server->local_commands(); }
  // The text of a command's reply: `line` is words with one space between them.
  runtime::Task<Result<ReplyValue>> run(std::string line, LocalOptions options = {});
  // The same, where a reply is expected.
  runtime::Task<ReplyValue> reply(std::string line, LocalOptions options = {});
  // Stops the server, once.
  runtime::Task<> stop();
};

[[nodiscard]] std::vector<std::string> split(std::string_view line);
[[nodiscard]] ReplyValue text(std::string bytes);
[[nodiscard]] ReplyValue integer(std::int64_t value);

using Body = runtime::Task<> (*)(Served&);

// Runs it in simulated worlds, with the keyspace on the body's shard and on another, and on real shards. The server is stopped
// behind it, unless it was.
void in_each_world(Body body, const Settings& settings = {});
void on_real_shards(Body body, const Settings& settings = {});

}  // namespace leat::resp::testing
