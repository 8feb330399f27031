#include "tests/protocol/resp/served.h"

#include <gtest/gtest.h>

#include "runtime/real.h"
#include "runtime/sim.h"

namespace leat::resp::testing {
namespace {

using runtime::Task;

Task<> make(Served* served, const Settings* settings) {
  Settings own = *settings;
  own.durability.assign(own.databases, Durability::none);
  served->server = std::make_unique<Server>(runtime::Shard::current(), std::move(own));
  co_return;
}

Task<> stop_there(Served* served) { co_await served->server->stop(); }

Task<> drop(Served* served) {
  served->server.reset();
  co_return;
}

Task<> serve(runtime::Shard* home, Body body, const Settings* settings) {
  Served served{.home = home};
  co_await runtime::call_on(*home, make, &served, settings);
  co_await body(served);
  co_await served.stop();
  co_await runtime::call_on(*home, drop, &served);
}

}  // namespace

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

ReplyValue text(std::string bytes) { return {std::move(bytes)}; }
ReplyValue integer(std::int64_t value) { return {value}; }

Task<Result<ReplyValue>> Served::run(std::string line, LocalOptions options) {
  co_return co_await local().run(split(line), std::move(options));
}

Task<ReplyValue> Served::reply(std::string line, LocalOptions options) {
  auto value = co_await run(line, std::move(options));
  if (!value) ADD_FAILURE() << line << ": " << value.error().message;
  co_return value ? std::move(*value) : ReplyValue{};
}

Task<> Served::stop() {
  if (std::exchange(stopped, true)) co_return;
  co_await runtime::call_on(*home, stop_there, this);
}

void in_each_world(Body body, const Settings& settings) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (std::size_t home = 0; home < 2; ++home) {
      SCOPED_TRACE(fmt::format("seed {}, the keyspace on shard {}", seed, home));
      runtime::sim::SimWorld world(seed, {.shards = 2});
      world.run([&] { return serve(world.shards()[home], body, &settings); });
      if (::testing::Test::HasFailure()) return;
    }
  }
  on_real_shards(body, settings);
}

void on_real_shards(Body body, const Settings& settings) {
  SCOPED_TRACE("real shards");
  const auto real = runtime::RealRuntime::create({.shards = 2, .io_threads = 1});
  real->run([&] { return serve(real->shards()[1], body, &settings); });
}

}  // namespace leat::resp::testing
