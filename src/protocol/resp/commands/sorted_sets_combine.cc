#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "keyspace/set.h"
#include "protocol/resp/commands/sorted_sets.h"

// ZUNION, ZINTER and ZDIFF: of sorted sets and of sets, whose members all have the score 1.
namespace leat::resp::sorted_sets {
namespace {

using keyspace::Element;
using keyspace::Set;
using keyspace::ZSet;

enum class Operation : std::uint8_t { union_of, intersection, difference };
enum class Aggregate : std::uint8_t { sum, min, max };

// What one key holds: a sorted set, a set, or nothing.
struct Source {
  ZSet* sorted = nullptr;
  Set* plain = nullptr;
  double weight = 1;
  std::size_t position = 0;  // among the keys

  [[nodiscard]] std::size_t size() const {
    if (sorted != nullptr) return sorted->size();
    return plain != nullptr ? plain->size() : 0;
  }
  [[nodiscard]] std::optional<double> score(Element member) const {
    if (sorted != nullptr) return sorted->score(member);
    return plain != nullptr && plain->contains(member) ? std::optional(1.0) : std::nullopt;
  }
  [[nodiscard]] bool is_same(const Source& other) const { return sorted == other.sorted && plain == other.plain; }
  // `visit(member, score)`; when it returns false, members are passed over.
  template <class F>
  void for_each(F visit) const {
    if (sorted != nullptr) sorted->for_each(visit);
    bool goes_on = true;
    if (plain == nullptr) return;
    plain->for_each([&](Element member) { goes_on = goes_on && visit(member, 1.0); });
  }
};

struct Options {
  Aggregate aggregate = Aggregate::sum;
  MemberWriter::Scores scores = MemberWriter::Scores::none;
  std::size_t limit = 0;  // 0: none
};

double weighted(double score, double weight) {
  const double value = score * weight;
  return std::isnan(value) ? 0 : value;
}

double aggregated(double so_far, double score, Aggregate how) {
  if (how == Aggregate::min) return score < so_far ? score : so_far;
  if (how == Aggregate::max) return score > so_far ? score : so_far;
  const double sum = so_far + score;
  return std::isnan(sum) ? 0 : sum;
}

// The words that a command of the family understands behind its keys.
struct Words {
  Operation operation;
  bool counts = false;  // ZINTERCARD
  bool stores = false;
};

bool refuse(Call& call, std::string_view why) {
  call.reply.error(why);
  return false;
}

bool parse_words(Call& call, std::size_t index, Words words, std::vector<Source>& sources, Options& options) {
  const bool aggregates = words.operation != Operation::difference && !words.counts;
  for (; index < call.size(); ++index) {
    const std::size_t behind = call.size() - index - 1;
    if (aggregates && behind >= sources.size() && call.is(index, "WEIGHTS")) {
      for (Source& source : sources) {
        const auto weight = call.real(++index, "ERR weight value is not a float");
        if (!weight) return false;
        source.weight = *weight;
      }
    } else if (aggregates && behind >= 1 && call.is(index, "AGGREGATE")) {
      ++index;
      if (call.is(index, "SUM")) {
        options.aggregate = Aggregate::sum;
      } else if (call.is(index, "MIN")) {
        options.aggregate = Aggregate::min;
      } else if (call.is(index, "MAX")) {
        options.aggregate = Aggregate::max;
      } else {
        return refuse(call, errors::kSyntax);
      }
    } else if (!words.stores && !words.counts && call.is(index, "WITHSCORES")) {
      options.scores = MemberWriter::Scores::flat;
    } else if (words.counts && behind >= 1 && call.is(index, "LIMIT")) {
      constexpr std::string_view kNegativeLimit = "ERR LIMIT can't be negative";
      const auto limit = call.integer(++index, kNegativeLimit);
      if (!limit) return false;
      if (*limit < 0) return refuse(call, kNegativeLimit);
      options.limit = static_cast<std::size_t>(*limit);
    } else {
      return refuse(call, errors::kSyntax);
    }
  }
  return true;
}

// The number of keys at args[index], the keys, and the words behind them. False: it replied with an error.
bool parse(Call& call, std::size_t index, Words words, std::vector<Source>& sources, Options& options) {
  const auto count = call.integer(index);
  if (!count) return false;
  if (*count < 1) {
    return refuse(call, fmt::format("ERR at least 1 input key is needed for '{}' command", call.command.name));
  }
  if (static_cast<std::uint64_t>(*count) > call.size() - index - 1) return refuse(call, errors::kSyntax);
  for (std::int64_t i = 0; i < *count; ++i) {
    Source& source = sources.emplace_back();
    source.position = static_cast<std::size_t>(i);
    const keyspace::Entry* entry = call.database.read(call[++index]);
    if (entry == nullptr) continue;
    if (entry->type() == keyspace::Type::zset) {
      source.sorted = &entry->value<ZSet>();
    } else if (entry->type() == keyspace::Type::set) {
      source.plain = &entry->value<Set>();
    } else {
      return refuse(call, errors::kWrongType);
    }
  }
  if (!parse_words(call, index + 1, words, sources, options)) return false;
  // Sums of floats depend on their order: the smallest set first.
  if (words.operation != Operation::difference) {
    std::ranges::sort(sources, {}, [](const Source& source) { return std::pair(source.size(), source.position); });
  }
  return true;
}

// Calls `found(member, score)` for members of all sources, until it returns false.
template <class F>
void intersect(std::span<const Source> sources, Aggregate how, F found) {
  const Source& smallest = sources.front();
  smallest.for_each([&](Element member, double score) {
    double result = weighted(score, smallest.weight);
    for (const Source& other : sources.subspan(1)) {
      const auto there = other.is_same(smallest) ? score : other.score(member);
      if (!there) return true;
      result = aggregated(result, *there * other.weight, how);
    }
    return found(member, result);
  });
}

ZSet united(std::span<const Source> sources, Aggregate how) {
  ZSet result = ZSet::make_large();
  std::unordered_map<std::string, double> scores;
  for (const Source& source : sources) {
    source.for_each([&](Element member, double score) {
      keyspace::IntegerText buffer;
      const double value = weighted(score, source.weight);
      const auto [at, is_new] = scores.try_emplace(std::string(text(member, buffer)), value);
      if (!is_new) at->second = aggregated(at->second, value, how);
      return true;
    });
  }
  for (const auto& [member, score] : scores) result.set(member, score);
  return result;
}

ZSet combine(Operation operation, std::span<const Source> sources, Aggregate how) {
  if (operation == Operation::union_of) return united(sources, how);
  ZSet result = ZSet::make_large();
  if (operation == Operation::intersection) {
    intersect(sources, how, [&](Element member, double score) {
      result.set(member, score);
      return true;
    });
    return result;
  }
  const std::span<const Source> others = sources.subspan(1);
  sources.front().for_each([&](Element member, double score) {
    const auto has = [&](const Source& other) {
      return other.is_same(sources.front()) || other.score(member).has_value();
    };
    if (std::ranges::none_of(others, has)) result.set(member, score);
    return true;
  });
  return result;
}

void reply_combined(Call& call, Operation operation) {
  std::vector<Source> sources;
  Options options;
  if (!parse(call, 1, {.operation = operation}, sources, options)) return;
  const ZSet result = combine(operation, sources, options.aggregate);
  MemberWriter(call, options.scores).write(result, {.first = 0, .end = result.size()}, false);
}

void store_combined(Call& call, Operation operation, std::string_view event) {
  std::vector<Source> sources;
  Options options;
  if (!parse(call, 2, {.operation = operation, .stores = true}, sources, options)) return;
  ZSet result = combine(operation, sources, options.aggregate);
  result.compact();
  store(call, call[1], std::move(result), event);
}

}  // namespace

void zunion(Call& call) { reply_combined(call, Operation::union_of); }
void zinter(Call& call) { reply_combined(call, Operation::intersection); }
void zdiff(Call& call) { reply_combined(call, Operation::difference); }
void zunionstore(Call& call) { store_combined(call, Operation::union_of, "zunionstore"); }
void zinterstore(Call& call) { store_combined(call, Operation::intersection, "zinterstore"); }
void zdiffstore(Call& call) { store_combined(call, Operation::difference, "zdiffstore"); }

void zintercard(Call& call) {
  std::vector<Source> sources;
  Options options;
  if (!parse(call, 1, {.operation = Operation::intersection, .counts = true}, sources, options)) return;
  std::size_t count = 0;
  intersect(sources, Aggregate::sum, [&](Element /*member*/, double /*score*/) { return ++count != options.limit; });
  call.reply.integer(static_cast<std::int64_t>(count));
}

}  // namespace leat::resp::sorted_sets
