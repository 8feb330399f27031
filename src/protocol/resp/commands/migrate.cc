#include <limits>
#include <unordered_set>

#include "keyspace/numbers.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

using Request = Migrations::Request;

constexpr std::int64_t kDefaultPatience = 1'000;
// The clock's range is finite.
constexpr std::int64_t kPatienceMax = std::int64_t{1} << 42;

// Where the keys are among the words.
struct Keys {
  std::size_t first = 3;
  std::size_t end = 4;
};

// nullopt: it replied with an error.
std::optional<Keys> parse_options(Call& call, Request& request) {
  for (std::size_t i = 6; i < call.size(); ++i) {
    const std::size_t behind = call.size() - i - 1;
    if (call.is(i, "COPY")) {
      request.copies = true;
    } else if (call.is(i, "REPLACE")) {
      request.replaces = true;
    } else if (call.is(i, "AUTH") && behind >= 1) {
      request.password = call[++i];
    } else if (call.is(i, "AUTH2") && behind >= 2) {
      request.user = call[++i];
      request.password = call[++i];
    } else if (call.is(i, "KEYS")) {
      if (call[3].empty()) return Keys{i + 1, call.size()};
      call.reply.error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
      return std::nullopt;
    } else {
      call.reply.error(errors::kSyntax);
      return std::nullopt;
    }
  }
  return Keys{};
}

}  // namespace

void migrate(Call& call) {
  Request request;
  const auto keys = parse_options(call, request);
  if (!keys) return;
  const auto patience = call.integer(5);
  if (!patience) return;
  const auto database = call.integer(4);
  if (!database) return;
  std::unordered_set<std::string_view> known;
  for (std::size_t i = keys->first; i < keys->end; ++i) {
    if (known.insert(call[i]).second && call.database.look(call[i]) != nullptr) request.keys.emplace_back(call[i]);
  }
  if (request.keys.empty()) return call.reply.simple("NOKEY");
  if (call.from_script || call.client.transaction.active)
    return call.reply.error("ERR keys cannot be migrated inside a transaction or script");
  const auto port = keyspace::parse_integer(call[2]);
  if (port && *port > 0 && *port <= std::numeric_limits<std::uint16_t>::max())
    request.port = static_cast<std::uint16_t>(*port);
  request.host = call[1];
  request.from = call.database.index();
  request.to = *database;
  request.patience = Milliseconds(*patience <= 0 ? kDefaultPatience : std::min(*patience, kPatienceMax));
  call.executor.migrations().begin(call, std::move(request));
}

}  // namespace leat::resp
