#include "protocol/resp/local_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "protocol/resp/local_rules.h"
#include "protocol/resp/registry.h"
#include "tests/protocol/resp/served.h"

// Commands of callers inside the server, on another shard than the keyspace's, and on its own.
namespace leat::resp::testing {
namespace {

using runtime::Task;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

using Outcome = std::optional<Result<ReplyValue>>;

// A call that goes on beside the test.
Task<> call(Served& served, std::string line, Outcome& outcome, LocalOptions options = {}) {
  outcome = co_await served.run(std::move(line), std::move(options));
}

Task<> until(const std::function<bool()>* holds) {
  for (int i = 0; i < 2000 && !(*holds)(); ++i) co_await runtime::sleep_for(1ms);
}

Task<> done(const Outcome& outcome) {
  const std::function<bool()> holds = [&outcome] { return outcome.has_value(); };
  co_await until(&holds);
  if (!outcome) ADD_FAILURE() << "the call does not return";
}

// Until so many calls wait.
Task<> blocked(Served& served, std::int64_t count) {
  const std::function<bool()> holds = [&served, count] {
    return served.server->stats().blocked_clients.value() == count;
  };
  co_await until(&holds);
  EXPECT_EQ(served.server->stats().blocked_clients.value(), count);
}

void expect_error(const Outcome& outcome, Errc code) {
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->has_value());
  EXPECT_EQ(outcome->error().code, code) << outcome->error().message;
}

void expect_reply(const Outcome& outcome, const ReplyValue& expected) {
  ASSERT_TRUE(outcome.has_value());
  ASSERT_TRUE(outcome->has_value()) << outcome->error().message;
  EXPECT_EQ(**outcome, expected);
}

const ReplyValue kNull;

Task<> replies(Served& served) {
  EXPECT_EQ(co_await served.reply("SET k v"), text("OK"));
  EXPECT_EQ(co_await served.reply("GET k"), text("v"));
  EXPECT_EQ(co_await served.reply("GET none"), kNull);
  EXPECT_EQ(co_await served.reply("HSET h f 1"), integer(1));
  EXPECT_EQ(co_await served.reply("HGETALL h"), (ReplyValue{ReplyValue::Map{{{text("f"), text("1")}}}})) << "RESP3";
  EXPECT_EQ(co_await served.reply("ZADD z 1.5 m"), integer(1));
  EXPECT_EQ(co_await served.reply("ZSCORE z m"), ReplyValue{1.5});
  const ReplyValue wrong = co_await served.reply("INCR h");
  EXPECT_NE(wrong.failure(), nullptr) << "an error is a reply";
  EXPECT_EQ(co_await served.reply("DBSIZE", {.database = 3}), integer(0));
  EXPECT_EQ(co_await served.reply("SET k other", {.database = 3}), text("OK"));
  EXPECT_EQ(co_await served.reply("GET k"), text("v"));
  EXPECT_EQ(co_await served.local().run({"SET", "bytes", std::string("\0\r\n", 3)}), text("OK"));
  EXPECT_EQ(co_await served.reply("GET bytes"), text(std::string("\0\r\n", 3)));
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(co_await served.local().run({"SET", "large", large}), text("OK"));
  EXPECT_EQ(co_await served.reply("GET large"), text(large));
}

Task<> side_by_side(Served& served) {
  constexpr std::size_t kCalls = 60;
  std::vector<Outcome> outcomes(kCalls);
  runtime::TaskScope tasks;
  for (Outcome& outcome : outcomes) tasks.spawn(call(served, "INCR n", outcome));
  co_await tasks.join();
  for (std::size_t i = 0; i < kCalls; ++i) expect_reply(outcomes[i], integer(static_cast<std::int64_t>(i + 1)));
  const ReplyValue clients = co_await served.reply("CLIENT LIST", {.administers = true});
  EXPECT_EQ(std::ranges::count(*clients.text(), '\n'), 1) << "nothing of them is left: " << *clients.text();
}

Task<> blocking(Served& served) {
  std::vector<Outcome> outcomes(3);
  runtime::TaskScope tasks;
  std::int64_t waiting = 0;
  for (Outcome& outcome : outcomes) {
    tasks.spawn(call(served, "BLPOP list 0", outcome));
    co_await blocked(served, ++waiting);
  }
  EXPECT_EQ(co_await served.reply("RPUSH list a"), integer(1));
  co_await done(outcomes[0]);
  expect_reply(outcomes[0], {ReplyValue::Array{text("list"), text("a")}});
  EXPECT_FALSE(outcomes[1]);
  EXPECT_EQ(co_await served.reply("RPUSH list b c d"), integer(3));
  co_await tasks.join();
  expect_reply(outcomes[1], {ReplyValue::Array{text("list"), text("b")}});
  expect_reply(outcomes[2], {ReplyValue::Array{text("list"), text("c")}});
  EXPECT_EQ(co_await served.reply("LRANGE list 0 -1"), (ReplyValue{ReplyValue::Array{text("d")}}));
  EXPECT_EQ(co_await served.reply("BLPOP none 0.005"), kNull) << "its time";
}

Task<> cancelled(Served& served) {
  const auto cancellation = std::make_shared<Cancellation>();
  Outcome left;
  Outcome stays;
  runtime::TaskScope tasks;
  tasks.spawn(call(served, "BLPOP list 0", left, {.cancellation = cancellation}));
  co_await blocked(served, 1);
  tasks.spawn(call(served, "BLPOP list 0", stays));
  co_await blocked(served, 2);
  co_await served.local().cancel(cancellation);
  EXPECT_EQ(served.server->stats().blocked_clients.value(), 1) << "at once";
  EXPECT_EQ(co_await served.reply("RPUSH list a"), integer(1));
  co_await tasks.join();
  expect_error(left, Errc::cancelled);
  expect_reply(stays, {ReplyValue::Array{text("list"), text("a")}});
  const Outcome late = co_await served.run("INCR n", {.cancellation = cancellation});
  expect_error(late, Errc::cancelled);
  EXPECT_EQ(co_await served.reply("EXISTS n"), integer(0)) << "it was not executed";
  EXPECT_EQ(served.local().running(), 0u);
}

// What was popped is told, whoever has left.
Task<> cancelled_late(Served& served) {
  const auto cancellation = std::make_shared<Cancellation>();
  Outcome outcome;
  runtime::TaskScope tasks;
  tasks.spawn(call(served, "BLPOP list 0", outcome, {.cancellation = cancellation}));
  co_await blocked(served, 1);
  Outcome pushed;
  tasks.spawn(call(served, "RPUSH list a", pushed));
  co_await served.local().cancel(cancellation);
  co_await tasks.join();
  expect_reply(pushed, integer(1));
  const ReplyValue length = co_await served.reply("LLEN list");
  if (outcome->has_value()) {
    expect_reply(outcome, {ReplyValue::Array{text("list"), text("a")}});
    EXPECT_EQ(length, integer(0));
  } else {
    expect_error(outcome, Errc::cancelled);
    EXPECT_EQ(length, integer(1));
  }
}

Task<> limits(Served& served) {
  std::vector<Outcome> outcomes(2);
  runtime::TaskScope tasks;
  for (Outcome& outcome : outcomes) tasks.spawn(call(served, "BLPOP list 0", outcome));
  co_await blocked(served, 2);
  Outcome third = co_await served.run("PING");
  expect_error(third, Errc::would_block);
  const Status unit = co_await served.local().run_unit([](LocalUnit&) { ADD_FAILURE(); });
  EXPECT_FALSE(unit);
  if (!unit) EXPECT_EQ(unit.error().code, Errc::would_block);
  Executor* executor = &served.server->executor();
  const auto kill = [](Executor* all) -> Task<> {
    all->end(*all->clients().begin()->second);
    co_return;
  };
  co_await runtime::call_on(*served.home, kill, executor);
  co_await done(outcomes[0]);
  expect_error(outcomes[0], Errc::cancelled);
  EXPECT_EQ(co_await served.reply("RPUSH list a b"), integer(2)) << "one has ended";
  co_await tasks.join();
  const Outcome database = co_await served.run("PING", {.database = 16});
  expect_error(database, Errc::invalid_argument);
}

Task<> rights(Served& served) {
  const LocalOptions admin{.administers = true};
  EXPECT_EQ(co_await served.reply("SET k v"), text("OK")) << "without the password";
  EXPECT_EQ(co_await served.reply("ACL SETUSER default off resetkeys -@all", admin), text("OK"));
  EXPECT_EQ(co_await served.reply("GET k"), text("v"));
  EXPECT_EQ(co_await served.reply("EVAL return{redis.call('get',KEYS[1])} 1 k"),
            (ReplyValue{ReplyValue::Array{text("v")}}));
  for (const char* line : {"CONFIG GET *", "ACL LIST", "CLIENT LIST", "SAVE", "SLOWLOG GET"}) {
    const Outcome denied = co_await served.run(line);
    expect_error(denied, Errc::permission_denied);
  }
  for (const char* line : {"NOSUCH", "POST /", "CONFIG NOSUCH", "CONFIG", "GET", "GET a b"}) {
    const Outcome unknown = co_await served.run(line, admin);
    expect_error(unknown, Errc::invalid_argument);
  }
  const Outcome empty = co_await served.local().run({});
  expect_error(empty, Errc::invalid_argument);
}

Task<> shown(Served& served) {
  Outcome waits;
  runtime::TaskScope tasks;
  tasks.spawn(call(served, "BLPOP list 0", waits, {.database = 2, .peer = "http", .name = "someone"}));
  co_await blocked(served, 1);
  const LocalOptions admin{.administers = true};
  const ReplyValue list = co_await served.reply("CLIENT LIST", admin);
  EXPECT_THAT(*list.text(), HasSubstr("addr=http laddr=local fd=-1 name=someone "));
  EXPECT_THAT(*list.text(), HasSubstr(" db=2 "));
  EXPECT_EQ(co_await served.reply("CLIENT KILL ADDR http", admin), integer(1));
  co_await tasks.join();
  expect_error(waits, Errc::cancelled);
  EXPECT_EQ(co_await served.reply("RPUSH list a", {.database = 2}), integer(1));
  EXPECT_EQ(co_await served.reply("LLEN list", {.database = 2}), integer(1)) << "not popped for nobody";
}

// Reads, then writes what it makes of that, many times at once.
Task<> add_one(Served& served, Status& status) {
  status = co_await served.local().run_unit([](LocalUnit& unit) {
    const ReplyValue read = unit.run({"GET", "n"});
    const std::int64_t next = read.text() == nullptr ? 1 : std::stoll(*read.text()) + 1;
    EXPECT_EQ(unit.run({"SET", "n", std::to_string(next)}), text("OK"));
  });
}

Task<> units(Served& served) {
  constexpr std::size_t kUnits = 40;
  std::vector<Status> outcomes(kUnits);
  runtime::TaskScope tasks;
  for (Status& outcome : outcomes) tasks.spawn(add_one(served, outcome));
  co_await tasks.join();
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome);
  EXPECT_EQ(co_await served.reply("GET n"), text("40"));

  Outcome waits;
  tasks.spawn(call(served, "BLPOP list 0", waits));
  co_await blocked(served, 1);
  const auto decide = [](LocalUnit& unit) {
    EXPECT_EQ(unit.run({"RPUSH", "list", "a"}), integer(1));
    EXPECT_EQ(unit.run({"BLPOP", "list", "0"}), (ReplyValue{ReplyValue::Array{text("list"), text("a")}}));
    EXPECT_EQ(unit.run({"BLPOP", "list", "0"}), kNull) << "nothing waits inside";
    EXPECT_EQ(unit.run({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"}), kNull);
    EXPECT_EQ(unit.run({"RPUSH", "later", "b"}), integer(1));
  };
  const Status done_unit = co_await served.local().run_unit(decide);
  EXPECT_TRUE(done_unit);
  EXPECT_EQ(served.server->stats().blocked_clients.value(), 1) << "the list was there only inside the unit";
  EXPECT_EQ(co_await served.reply("RPUSH list c"), integer(1));
  co_await tasks.join();
  expect_reply(waits, {ReplyValue::Array{text("list"), text("c")}});
}

Task<> unit_refusals(Served& served) {
  const auto decide = [](LocalUnit& unit) {
    const auto refused = [&](std::initializer_list<std::string_view> words) {
      const ReplyValue reply = unit.run(words);
      EXPECT_NE(reply.failure(), nullptr) << *words.begin();
    };
    refused({"EVAL", "return 1", "0"});
    refused({"FCALL", "f", "0"});
    refused({"MULTI"});
    refused({"SUBSCRIBE", "c"});
    refused({"CONFIG", "GET", "*"});
    refused({"SAVE"});
    refused({"NOSUCH"});
    refused({"GET"});
    refused({});
    EXPECT_EQ(unit.run({"PING"}), text("PONG")) << "it goes on";
  };
  const Status status = co_await served.local().run_unit(decide);
  EXPECT_TRUE(status);
  const auto administer = [](LocalUnit& unit) {
    EXPECT_EQ(unit.run({"CONFIG", "RESETSTAT"}), text("OK"));
    EXPECT_NE(unit.run({"SAVE"}).failure(), nullptr) << "MULTI refuses it too";
  };
  const Status administered = co_await served.local().run_unit(administer, {.administers = true});
  EXPECT_TRUE(administered);
}

Task<> unit(Served& served, Status& status, bool& ran, LocalOptions options) {
  const auto decide = [&ran](LocalUnit& commands) {
    ran = true;
    (void)commands.run({"INCR", "n"});
  };
  status = co_await served.local().run_unit(decide, std::move(options));
}

Task<> paused(Served& served) {
  const auto cancellation = std::make_shared<Cancellation>();
  EXPECT_EQ(co_await served.reply("CLIENT PAUSE 100000 WRITE", {.administers = true}), text("OK"));
  Outcome outcome;
  Outcome left;
  Status unit_left;
  Status unit_stays;
  bool left_ran = false;
  bool stayed_ran = false;
  runtime::TaskScope tasks;
  tasks.spawn(call(served, "INCR n", outcome));
  tasks.spawn(call(served, "INCR n", left, {.cancellation = cancellation}));
  co_await blocked(served, 2);
  tasks.spawn(unit(served, unit_left, left_ran, {.cancellation = cancellation}));
  tasks.spawn(unit(served, unit_stays, stayed_ran, {}));
  EXPECT_EQ(co_await served.reply("GET n"), kNull) << "reading goes on";
  co_await served.local().cancel(cancellation);
  co_await done(left);
  expect_error(left, Errc::cancelled);
  EXPECT_FALSE(outcome);
  EXPECT_FALSE(stayed_ran);
  EXPECT_EQ(co_await served.reply("CLIENT UNPAUSE", {.administers = true}), text("OK"));
  co_await tasks.join();
  EXPECT_FALSE(left_ran);
  EXPECT_FALSE(unit_left);
  EXPECT_TRUE(unit_stays);
  EXPECT_EQ(co_await served.reply("GET n"), text("2"));
}

Task<> stopped(Served& served) {
  std::vector<Outcome> outcomes(3);
  runtime::TaskScope tasks;
  tasks.spawn(call(served, "BLPOP list 0", outcomes[0]));
  tasks.spawn(call(served, "XREAD BLOCK 0 STREAMS s $", outcomes[1]));
  co_await blocked(served, 2);
  EXPECT_EQ(co_await served.reply("CLIENT PAUSE 100000 ALL", {.administers = true}), text("OK"));
  tasks.spawn(call(served, "GET k", outcomes[2]));
  Status in_pause;
  bool ran = false;
  tasks.spawn(unit(served, in_pause, ran, {}));
  co_await blocked(served, 3);
  co_await served.stop();
  co_await tasks.join();
  for (const Outcome& outcome : outcomes) expect_error(outcome, Errc::cancelled);
  EXPECT_FALSE(ran);
  EXPECT_FALSE(in_pause);
  const Outcome late = co_await served.run("PING");
  expect_error(late, Errc::cancelled);
  const Status late_unit = co_await served.local().run_unit([](LocalUnit&) { ADD_FAILURE(); });
  EXPECT_FALSE(late_unit);
}

constexpr const char* kForever = "EVAL while(true)do(function()end)()end 0";

Task<> busy(Served& served) {
  Outcome script;
  runtime::TaskScope tasks;
  tasks.spawn(call(served, kForever, script));
  ReplyValue told;
  for (int i = 0; i < 2000 && told.failure() == nullptr; ++i) {
    co_await runtime::sleep_for(1ms);
    told = co_await served.reply("GET k");
  }
  EXPECT_THAT(told.failure()->text, HasSubstr("BUSY"));
  const Status unit = co_await served.local().run_unit([](LocalUnit&) { ADD_FAILURE(); });
  EXPECT_FALSE(unit);
  if (!unit) EXPECT_EQ(unit.error().code, Errc::would_block);
  EXPECT_EQ(co_await served.reply("SCRIPT KILL"), text("OK"));
  co_await tasks.join();
  EXPECT_NE((*script)->failure(), nullptr);
}

Task<> stopped_in_a_script(Served& served) {
  Outcome script;
  runtime::TaskScope tasks;
  tasks.spawn(call(served, kForever, script));
  co_await runtime::sleep_for(30ms);
  co_await served.stop();
  co_await tasks.join();
  EXPECT_TRUE(script);
}

Settings with(void (*change)(Settings&)) {
  Settings settings;
  change(settings);
  return settings;
}

TEST(LocalCommands, AnswerWithValuesOfEveryType) { in_each_world(replies); }
TEST(LocalCommands, SideBySideKeepTheirOrderAndLeaveNothing) { in_each_world(side_by_side); }
TEST(LocalCommands, ThatBlockAreServedInTheOrderOfTheirComing) { in_each_world(blocking); }
TEST(LocalCommands, ACancelledWaitTakesNothing) { in_each_world(cancelled); }
TEST(LocalCommands, ACancellationThatComesLateLosesNoElement) { in_each_world(cancelled_late); }
TEST(LocalCommands, AreLimitedInNumberButNotByConnections) {
  in_each_world(limits, with([](Settings& settings) {
                  settings.local_calls_max = 2;
                  settings.connections_max = 0;
                }));
}
TEST(LocalCommands, NeedNoPasswordAndFollowTheirOwnRules) {
  in_each_world(rights, with([](Settings& settings) { settings.password = "secret"; }));
}
TEST(LocalCommands, AreShownAndKilledLikeClients) { in_each_world(shown); }
TEST(LocalCommands, AUnitIsExecutedWithNothingInBetween) { in_each_world(units); }
TEST(LocalCommands, AUnitRefusesScriptsAndWhatMultiRefuses) { in_each_world(unit_refusals); }
TEST(LocalCommands, WaitForTheEndOfAPause) { in_each_world(paused); }
TEST(LocalCommands, EndWithTheServer) { in_each_world(stopped); }
TEST(LocalCommands, AreToldThatAScriptIsBusy) {
  on_real_shards(busy, with([](Settings& settings) { settings.busy_reply_threshold = Milliseconds(5); }));
}
TEST(LocalCommands, AScriptInItsMidstEndsWithTheServer) {
  on_real_shards(stopped_in_a_script,
                 with([](Settings& settings) { settings.busy_reply_threshold = Milliseconds(5); }));
}

// Every command of the table, so that a new one is thought about.
TEST(LocalRules, RefuseExactlyWhatNeedsAConnection) {
  std::set<std::string> refused;
  const auto look = [&](const std::string& full, const Command& command, std::vector<std::string_view> words) {
    const std::size_t size = static_cast<std::size_t>(std::abs(command.arity));
    while (words.size() < size) words.push_back("x");
    const auto found = look_up_local(words, {.administers = true});
    if (found) {
      EXPECT_EQ(*found, &command) << full;
    } else {
      EXPECT_EQ(found.error().code, Errc::permission_denied) << full << ": " << found.error().message;
      refused.insert(full);
    }
  };
  for (const Command* command : all_commands()) {
    if (command->handler != nullptr) look(std::string(command->name), *command, {command->name});
    for (const Command& subcommand : command->subcommands)
      look(fmt::format("{}|{}", command->name, subcommand.name), subcommand, {command->name, subcommand.name});
  }
  const std::set<std::string> expected{"auth",
                                       "client|caching",
                                       "client|getname",
                                       "client|getredir",
                                       "client|id",
                                       "client|info",
                                       "client|no-evict",
                                       "client|no-touch",
                                       "client|reply",
                                       "client|setinfo",
                                       "client|setname",
                                       "client|tracking",
                                       "client|trackinginfo",
                                       "debug",
                                       "discard",
                                       "exec",
                                       "failover",
                                       "hello",
                                       "monitor",
                                       "multi",
                                       "psubscribe",
                                       "psync",
                                       "punsubscribe",
                                       "quit",
                                       "replconf",
                                       "replicaof",
                                       "reset",
                                       "select",
                                       "shutdown",
                                       "slaveof",
                                       "ssubscribe",
                                       "subscribe",
                                       "sunsubscribe",
                                       "sync",
                                       "unsubscribe",
                                       "unwatch",
                                       "wait",
                                       "waitaof",
                                       "watch"};
  EXPECT_EQ(refused, expected);
}

}  // namespace
}  // namespace leat::resp::testing
