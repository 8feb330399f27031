#include "protocol/resp/monitor.h"

#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

constexpr std::string_view kRedacted = "(redacted)";

// In quotes, with escapes for what cannot be printed.
void append_quoted(std::string& line, std::string_view word) {
  line += '"';
  for (const char c : word) {
    switch (c) {
      case '\\':
      case '"':
        line += '\\';
        line += c;
        break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      case '\a': line += "\\a"; break;
      case '\b': line += "\\b"; break;
      default:
        if (c >= ' ' && c <= '~') {
          line += c;
        } else {
          line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
  }
  line += '"';
}

}  // namespace

std::vector<std::string_view> redacted(const Command& command, Arguments arguments) {
  std::vector<std::string_view> words(arguments.begin(), arguments.end());
  const auto hide = [&](std::size_t from, std::size_t count) {
    for (std::size_t i = from; i < words.size() && i < from + count; ++i) words[i] = kRedacted;
  };
  if (command.name == "auth") hide(1, words.size());
  if (command.name == "setuser") hide(2, words.size());
  if (command.name == "set" && is_word(words[0], "CONFIG")) {
    for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
      if (is_word(words[i], "REQUIREPASS")) hide(i + 1, 1);
    }
  }
  if (command.name != "hello" && command.name != "migrate") return words;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool is_auth = is_word(words[i], "AUTH");
    if (is_auth || is_word(words[i], "AUTH2")) {
      const std::size_t secrets = is_auth && command.name == "migrate" ? 1 : 2;
      hide(i + 1, secrets);
      i += secrets;
    }
  }
  return words;
}

void Monitors::add(Client& client) {
  client.with_extras().monitors = true;
  clients_.push_back(&client);
}

void Monitors::remove(Client& client) {
  if (client.extras == nullptr || !std::exchange(client.extras->monitors, false)) return;
  std::erase(clients_, &client);
}

void Monitors::tell(const Client& client, const Command& command, Arguments arguments, bool from_script) {
  if (command.is(kAdmin)) return;
  const std::int64_t now = executor_.shard().wall_now().value();
  std::string line = fmt::format("+{}.{:03}000 [{} {}]", now / 1000, now % 1000, client.database,
                                 from_script ? std::string_view("lua") : std::string_view(client.peer));
  for (const std::string_view word : redacted(command, arguments)) {
    line += ' ';
    append_quoted(line, word);
  }
  line += "\r\n";
  for (Client* monitor : clients_) executor_.outputs().push(*monitor, line);
}

}  // namespace leat::resp
