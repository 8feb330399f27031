#include <cstdio>
#include <cstdlib>

#include "base/logging.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/scripting/scripting.h"
#include "runtime/real.h"
#include "runtime/sync.h"

// Any script with any arguments gets one well-formed reply or none that is complete before it is killed, and afterwards the server
// executes commands as before. The first byte of an input says how it is run, the rest are words between zero bytes: the script,
// then keys and arguments. On the real runtime, whose clock goes on while a script runs.
namespace leat::resp {
namespace {

using runtime::Task;

constexpr std::size_t kWordsMax = 16;

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

class Sink final : public Connection {
 public:
  explicit Sink(Executor& executor)
      : executor_(executor), client_(executor, *this, executor.next_client_id(), "f", "f") {}

  void execute(Arguments words) {
    executor_.begin_batch();
    executor_.execute(client_, words);
  }
  void execute(std::initializer_list<std::string_view> words) { execute(Arguments(words.begin(), words.size())); }
  std::string take() { return std::exchange(received_, {}); }
  [[nodiscard]] Client& client() { return client_; }

  void send(Client& /*client*/, std::string& bytes) override {
    received_ += bytes;
    bytes.clear();
  }
  void resume(Client& /*client*/) override {}
  void close(Client& /*client*/) override {}
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  [[nodiscard]] std::size_t received() const override { return 0; }
  [[nodiscard]] std::size_t memory() const override { return 0; }

 private:
  Executor& executor_;
  std::string received_;
  Client client_;
};

// Where the value ends that begins at `at`; npos: it is none.
std::size_t skip_value(std::string_view text, std::size_t at) {
  const std::size_t line_end = text.find("\r\n", at);
  if (line_end == std::string_view::npos) return line_end;
  const std::size_t next = line_end + 2;
  const long long size = std::atoll(std::string(text.substr(at + 1, line_end - at - 1)).c_str());
  std::size_t elements = 0;
  switch (text[at]) {
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '(':
    case '_': return next;
    case '$':
    case '=':
      return size < 0 ? next
             : text.substr(next + static_cast<std::size_t>(size), 2) == "\r\n"
                 ? next + static_cast<std::size_t>(size) + 2
                 : std::string_view::npos;
    case '*':
    case '~':
    case '>': elements = size < 0 ? 0 : static_cast<std::size_t>(size); break;
    case '%': elements = 2 * static_cast<std::size_t>(size); break;
    default: return std::string_view::npos;
  }
  std::size_t end = next;
  for (; elements > 0 && end < text.size(); --elements) end = skip_value(text, end);
  return elements > 0 ? std::string_view::npos : end;
}

Task<> wait_for_script(Executor& executor, Sink& other) {
  for (int i = 0; executor.is_suspended(); ++i) {
    other.execute({"PING"});
    co_await runtime::sleep_for(Milliseconds(1));
    must(other.take().starts_with(executor.is_suspended() ? "-BUSY" : ""), "others are told to wait");
    other.execute({"SCRIPT", "KILL"});
    co_await runtime::sleep_for(Milliseconds(1));
    (void)other.take();
    // It wrote, so that it cannot be killed.
    if (i > 3) co_return;
  }
}

Settings settings() {
  Settings settings;
  settings.databases = 2;
  settings.durability.assign(settings.databases, Durability::none);
  settings.busy_reply_threshold = Milliseconds(20);
  return settings;
}

Task<> execute(std::vector<std::string_view> words, Protocol protocol) {
  Executor executor(runtime::Shard::current(), settings());
  {
    Sink client(executor);
    Sink other(executor);
    client.client().protocol = protocol;
    client.execute({"SET", "key", "10"});
    client.execute({"RPUSH", "list", "a", "b"});
    client.execute({"HSET", "hash", "field", "value"});
    co_await runtime::sleep_for(Duration::zero());
    must(client.take() == "+OK\r\n:2\r\n:1\r\n", "commands before");
    client.execute(words);
    co_await wait_for_script(executor, other);
    if (!executor.is_suspended()) {
      co_await runtime::sleep_for(Duration::zero());
      const std::string reply = client.take();
      must(!reply.empty() && skip_value(reply, 0) == reply.size(), "one well-formed reply");
      client.client().protocol = Protocol::resp2;
      client.execute({"SELECT", "0"});
      client.execute({"SET", "behind", "1"});
      client.execute({"GET", "behind"});
      co_await runtime::sleep_for(Duration::zero());
      must(client.take() == "+OK\r\n+OK\r\n$1\r\n1\r\n", "commands behind");
    }
    co_await executor.stop();
  }
}

void check(std::string_view input) {
  if (input.empty()) return;
  const auto how = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  std::vector<std::string_view> words{(how & 4) != 0 ? "EVAL_RO" : "EVAL"};
  while (words.size() < kWordsMax) {
    const std::size_t end = std::min(input.find('\0'), input.size());
    words.push_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
    if (input.empty()) break;
  }
  const std::string keys = std::to_string(std::min<std::size_t>(how & 3, words.size() - 2));
  words.insert(words.begin() + 2, keys);
  const auto runtime = runtime::RealRuntime::create({.shards = 1, .io_threads = 1});
  runtime->run([&] { return execute(words, (how & 8) != 0 ? Protocol::resp3 : Protocol::resp2); });
}

}  // namespace
}  // namespace leat::resp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::resp::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
