#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "runtime/sim_random.h"
#include "tests/environment.h"
#include "tests/protocol/resp/node.h"

// A keyspace whose power fails at any moment: after the restart it is as it was after some unit of changes, and no earlier
// than what was promised. That proves too that the effects in the journal make the changes that commands made, whatever a
// snapshot left of what came before them.
namespace leat::resp::testing {
namespace {

using runtime::Task;
using runtime::sim::Random;
using runtime::sim::SimDisk;

// A key as clients see it. What expires later than this is compared in full.
struct Seen {
  keyspace::Millis expires = 0;
  std::string value;
  friend bool operator==(const Seen&, const Seen&) = default;
};
using State = std::map<std::string, Seen>;

// The elements of a reply in an order of their own: that of hashes and sets is nobody's business.
std::string sorted(const std::string& reply, std::size_t step) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < reply.size();) {
    const auto end = reply.find("\r\n", at);
    lines.push_back(reply.substr(at, end - at));
    at = end + 2;
  }
  std::vector<std::string> elements;
  for (std::size_t i = 1; i + step <= lines.size(); i += step) {
    std::string element;
    for (std::size_t j = 0; j < step; ++j) element += lines[i + j] + " ";
    elements.push_back(std::move(element));
  }
  std::ranges::sort(elements);
  return fmt::format("{}", fmt::join(elements, ","));
}

// What one reader sees in all databases. Reads nothing through the executor that would change it, but for what has expired.
State read_state(Executor& executor) {
  State state;
  std::string out;
  Reply reply(out, Protocol::resp2);
  Recorder reader(executor);
  const auto ask = [&](std::initializer_list<std::string_view> words) {
    out.clear();
    const Command* command = find_command(*words.begin());
    if (!command->subcommands.empty()) command = find_subcommand(*command, *(words.begin() + 1));
    executor.begin_unit();
    executor.run(reader.client(), *command, Arguments(words.begin(), words.size()), reply);
    executor.end_unit();
    return out;
  };
  for (std::uint32_t i = 0; i < executor.keyspace().databases(); ++i) {
    reader.client().database = i;
    std::vector<std::string> keys;
    executor.keyspace().database(i).table().for_each([&](keyspace::Entry& entry) { keys.emplace_back(entry.key()); });
    for (const std::string& key : keys) {
      keyspace::Entry* entry = executor.keyspace().database(i).peek(key);
      if (entry == nullptr) continue;
      Seen seen{executor.keyspace().database(i).expiry(*entry).value_or(INT64_MAX), {}};
      switch (entry->type()) {
        case keyspace::Type::string: seen.value = ask({"GET", key}); break;
        case keyspace::Type::list: seen.value = ask({"LRANGE", key, "0", "-1"}); break;
        case keyspace::Type::set: seen.value = sorted(ask({"SMEMBERS", key}), 2); break;
        case keyspace::Type::hash: seen.value = sorted(ask({"HGETALL", key}), 4); break;
        case keyspace::Type::zset: seen.value = ask({"ZRANGE", key, "0", "-1", "WITHSCORES"}); break;
        case keyspace::Type::stream: seen.value = ask({"XRANGE", key, "-", "+"}) + ask({"XINFO", "GROUPS", key}); break;
      }
      state.emplace(fmt::format("{}:{}", i, key), std::move(seen));
    }
  }
  return state;
}

std::string describe(const State& state) {
  std::string text;
  for (const auto& [key, seen] : state) text += fmt::format("  {} ({}) = {}\n", key, seen.expires, seen.value);
  return text;
}

// Commands of every kind of change, with few keys, so that they meet each other.
std::string random_command(Random& random) {
  const auto pick = [&](std::initializer_list<std::string_view> words) {
    return std::string(*(words.begin() + random.below(words.size())));
  };
  const auto key = [&](std::string_view type) { return fmt::format("{}{}", type, random.below(3)); };
  const auto number = [&](std::uint64_t below) { return fmt::format("{}", random.below(below)); };
  const auto ttl = [&] { return number(2) == "0" ? number(200) : number(100'000'000); };
  switch (random.below(58)) {
    case 0: return fmt::format("SET {} {}", key("s"), number(1000));
    case 1: return fmt::format("SET {} v{} PX {}", key("s"), number(1000), 1 + random.below(500));
    case 2: return fmt::format("APPEND {} {}", key("s"), number(100));
    case 3: return fmt::format("INCRBY {} {}", key("n"), number(100));
    case 4: return fmt::format("INCRBYFLOAT {} 0.{}", key("n"), number(100));
    case 5: return fmt::format("GETDEL {}", key("s"));
    case 6: return fmt::format("GETEX {} PX {}", key("s"), 1 + random.below(500));
    case 7: return fmt::format("SETRANGE {} {} xyz", key("s"), number(20));
    case 8: return fmt::format("MSET {} a{} {} b", key("s"), number(10), key("s"));
    case 9: return fmt::format("SETBIT {} {} 1", key("b"), number(100));
    case 10: return fmt::format("BITOP {} {} {} {}", pick({"AND", "OR", "XOR"}), key("b"), key("b"), key("b"));
    case 11: return fmt::format("BITFIELD {} INCRBY u8 {} 7", key("b"), number(64));
    case 12: return fmt::format("PFADD {} {} {}", key("p"), number(1000), number(1000));
    case 13: return fmt::format("PFMERGE {} {} {}", key("p"), key("p"), key("p"));
    case 14: return fmt::format("{} {} {} {}", pick({"LPUSH", "RPUSH"}), key("l"), number(100), number(100));
    case 15: return fmt::format("{} {} {}", pick({"LPOP", "RPOP"}), key("l"), 1 + random.below(3));
    case 16:
      return fmt::format("LMOVE {} {} {} {}", key("l"), key("l"), pick({"LEFT", "RIGHT"}), pick({"LEFT", "RIGHT"}));
    case 17: return fmt::format("LTRIM {} {} {}", key("l"), number(3), number(20));
    case 18: return fmt::format("LREM {} 1 {}", key("l"), number(100));
    case 19: return fmt::format("LINSERT {} BEFORE {} new", key("l"), number(100));
    case 20: return fmt::format("LMPOP 2 {} {} LEFT COUNT 2", key("l"), key("l"));
    case 21: return fmt::format("SADD {} {} m{}", key("t"), number(100), number(100));
    case 22: return fmt::format("SPOP {} {}", key("t"), 1 + random.below(3));
    case 23: return fmt::format("SMOVE {} {} {}", key("t"), key("t"), number(100));
    case 24:
      return fmt::format("{} {} {} {}", pick({"SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"}), key("t"), key("t"),
                         key("t"));
    case 25: return fmt::format("HSET {} f{} {} f{} x", key("h"), number(20), number(100), number(20));
    case 26: return fmt::format("HINCRBY {} c{} 3", key("h"), number(5));
    case 27: return fmt::format("HINCRBYFLOAT {} d{} 1.5", key("h"), number(5));
    case 28: return fmt::format("HDEL {} f{} f{}", key("h"), number(20), number(20));
    case 29: return fmt::format("ZADD {} {} m{} {} m{}", key("z"), number(100), number(30), number(100), number(30));
    case 30: return fmt::format("ZINCRBY {} 1.5 m{}", key("z"), number(30));
    case 31: return fmt::format("{} {} {}", pick({"ZPOPMIN", "ZPOPMAX"}), key("z"), 1 + random.below(3));
    case 32: return fmt::format("ZRANGESTORE {} {} 0 5", key("z"), key("z"));
    case 33:
      return fmt::format("{} {} 2 {} {}", pick({"ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"}), key("z"), key("z"),
                         key("z"));
    case 34: return fmt::format("ZREMRANGEBYRANK {} 0 {}", key("z"), number(3));
    case 35: return fmt::format("GEOADD {} 13.{} 38.{} place{}", key("g"), number(100), number(100), number(10));
    case 36: return fmt::format("GEOSEARCHSTORE {} {} FROMLONLAT 13.5 38.5 BYRADIUS 40 km", key("z"), key("g"));
    case 37: return fmt::format("XADD {} * f {}", key("x"), number(100));
    case 38: return fmt::format("XADD {} MAXLEN ~ 5 * f {}", key("x"), number(100));
    case 39: return fmt::format("XGROUP CREATE {} g 0 MKSTREAM", key("x"));
    case 40: return fmt::format("XREADGROUP GROUP g c{} COUNT 2 STREAMS {} >", number(2), key("x"));
    case 41: return fmt::format("XAUTOCLAIM {} g c{} 0 0", key("x"), number(2));
    case 42: return fmt::format("XTRIM {} MAXLEN {}", key("x"), number(5));
    case 43: return fmt::format("{} {} {}", pick({"RENAME", "RENAMENX"}), key("s"), key(pick({"s", "q"})));
    case 44: return fmt::format("RENAME {} {}", key("h"), key("h"));
    case 45: return fmt::format("COPY {} {} REPLACE", key("z"), key("z"));
    case 46: return fmt::format("COPY {} {} DB {}", key("t"), key("t"), number(3));
    case 47: return fmt::format("MOVE {} {}", key(pick({"s", "l", "h"})), number(3));
    case 48: return fmt::format("{} {} {}", pick({"PEXPIRE"}), key(pick({"s", "l", "h", "z", "t", "x"})), ttl());
    case 49: return fmt::format("PERSIST {}", key(pick({"s", "l", "h"})));
    case 50: return fmt::format("SORT {} STORE {}", key("l"), key("l"));
    case 51: return fmt::format("DEL {} {}", key(pick({"s", "h", "x"})), key(pick({"l", "z", "t"})));
    case 52: return random.chance(0.2) ? fmt::format("SWAPDB {} {}", number(3), number(3)) : std::string("PING");
    case 53: return random.chance(0.1) ? std::string("FLUSHDB") : std::string("PING");
    case 54: return fmt::format("SELECT {}", random.chance(0.5) ? "0" : number(3));
    case 55:
      return fmt::format("EVAL return{{redis.call('incr',KEYS[1]),redis.call('spop',KEYS[2])}} 2 {} {}", key("n"),
                         key("t"));
    case 56: return fmt::format("SRANDMEMBER {} 2", key("t"));
    default: return fmt::format("HSETNX {} f{} y", key("h"), number(20));
  }
}

class PowerFailure {
 public:
  PowerFailure(std::uint64_t seed, Durability durability) : random_(seed), seed_(seed), durability_(durability) {}

  void run() {
    SimDisk disk;
    for (int boot = 0; boot < 4 && !::testing::Test::HasFatalFailure(); ++boot) {
      runtime::sim::SimOptions options;
      options.disk = disk;
      options.wall_start = wall_;
      runtime::sim::SimWorld world(seed_ * 100 + static_cast<std::uint64_t>(boot), options);
      if (random_.chance(0.8)) world.files().power_off_after(100 + random_.below(1500));
      world.run([&] { return live(world); });
      wall_ = world.wall_now();
      disk = world.files().crash(seed_ * 31 + static_cast<std::uint64_t>(boot));
    }
  }
  [[nodiscard]] std::size_t commands() const { return commands_; }
  [[nodiscard]] std::size_t restarts_with_data() const { return restarts_with_data_; }

 private:
  Task<> live(runtime::sim::SimWorld& world) {
    Node node(world, durability_);
    const Status started = co_await node.start();
    if (!started && !world.files().is_off()) ADD_FAILURE() << "start: " << started.error().message;
    if (started) {
      check(node);
      co_await change(node, world);
    }
    const Status stopped = co_await node.stop();
    if (!stopped && !world.files().is_off()) ADD_FAILURE() << "stop: " << stopped.error().message;
    if (started && stopped && !world.files().is_off()) promised_ = states_.size() - 1;  // all was written
  }

  // The state is one of those that were, and none from before what was promised.
  void check(Node& node) {
    node.executor().begin_batch();
    const State now = read_state(node.executor());
    if (!now.empty()) ++restarts_with_data_;
    const keyspace::Millis time = node.executor().keyspace().now();
    for (std::size_t i = promised_; i < states_.size(); ++i) {
      State was = states_[i];
      std::erase_if(was, [&](const auto& each) { return each.second.expires <= time; });
      if (was != now) continue;
      states_.assign(1, now);
      promised_ = 0;
      return;
    }
    ADD_FAILURE() << "seed " << seed_ << ": none of " << states_.size() - promised_ << " states that may be; there is\n"
                  << describe(now) << "promised was\n"
                  << describe(states_[promised_]) << "the last was\n"
                  << describe(states_.back());
    states_.assign(1, now);
    promised_ = 0;
  }

  Task<> change(Node& node, runtime::sim::SimWorld& world) {
    Executor& executor = node.executor();
    Recorder client(executor);
    std::deque<std::size_t> unanswered;  // which state each reply that is to come tells of
    const std::size_t count = 50 + random_.below(200);
    for (std::size_t i = 0; i < count && !world.files().is_off() && !client.closed(); ++i) {
      if (random_.chance(0.02)) executor.request_snapshot();
      const bool in_transaction = random_.chance(0.1);
      if (in_transaction) client.execute("MULTI");
      for (std::uint64_t n = in_transaction ? random_.below(4) : 0; n > 0; --n) client.execute(random_command(random_));
      client.execute(in_transaction ? std::string("EXEC") : random_command(random_));
      ++commands_;
      states_.push_back(read_state(executor));
      unanswered.push_back(states_.size() - 1);
      if (random_.chance(0.5)) co_await runtime::sleep_for(std::chrono::microseconds(random_.below(3000)));
      // With nothing held back or pending, all that was executed is answered.
      if (!client.take().empty() && client.client().held_replies == 0 && !client.client().has_output &&
          durability_ == Durability::commit && !client.closed()) {
        promised_ = unanswered.back();
      }
    }
  }

  Random random_;
  std::uint64_t seed_;
  Durability durability_;
  Timestamp wall_{1'700'000'000'000};
  std::vector<State> states_{State{}};  // after each command
  std::size_t promised_ = 0;
  std::size_t commands_ = 0;
  std::size_t restarts_with_data_ = 0;
};

void run_seeds(Durability durability) {
  const std::uint64_t first = leat::testing::number_from_environment("LEAT_SEED", 1);
  const std::uint64_t count = leat::testing::number_from_environment("LEAT_SEEDS", 8);
  std::size_t commands = 0;
  std::size_t restarts = 0;
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed) {
    PowerFailure failure(seed, durability);
    failure.run();
    commands += failure.commands();
    restarts += failure.restarts_with_data();
  }
  EXPECT_GT(commands, 20 * count);
  EXPECT_GT(restarts, count / 4);
}

TEST(KeyspacePowerFailure, CommittedChangesSurviveAndUnitsAreWhole) { run_seeds(Durability::commit); }
TEST(KeyspacePowerFailure, JournalledChangesAreACompletePrefix) { run_seeds(Durability::interval); }

}  // namespace
}  // namespace leat::resp::testing
