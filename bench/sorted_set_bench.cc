// What the big encoding of sorted sets, and the table of keys, cost per call at 1k and 1M members in random order.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "keyspace/sorted_set.h"

namespace {

using leat::keyspace::SortedSet;

struct Input {
  std::vector<std::string> members;
  std::vector<double> scores;
};

Input shuffled(std::size_t count) {
  std::mt19937_64 random(count);
  Input input;
  for (std::size_t i = 0; i < count; ++i) {
    input.members.push_back("member:" + std::to_string(i));
    input.scores.push_back(static_cast<double>(random() % (10 * count)));
  }
  std::shuffle(input.members.begin(), input.members.end(), random);
  return input;
}

void fill(SortedSet& set, const Input& input) {
  for (std::size_t i = 0; i < input.members.size(); ++i) set.add_or_update(input.members[i], input.scores[i]);
}

void add(benchmark::State& state) {
  const Input input = shuffled(static_cast<std::size_t>(state.range(0)));
  double bytes = 0;
  for (auto _ : state) {
    auto set = std::make_unique<SortedSet>();
    fill(*set, input);
    state.PauseTiming();
    bytes = static_cast<double>(set->memory()) / static_cast<double>(set->size());
    set.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_each"] = bytes;
}

void remove(benchmark::State& state) {
  Input input = shuffled(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    SortedSet set;
    fill(set, input);
    std::shuffle(input.members.begin(), input.members.end(), std::mt19937_64(1));
    state.ResumeTiming();
    for (const std::string& member : input.members) set.remove(member);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <class Call>
void on_full_set(benchmark::State& state, Call call) {
  Input input = shuffled(static_cast<std::size_t>(state.range(0)));
  SortedSet set;
  fill(set, input);
  std::shuffle(input.members.begin(), input.members.end(), std::mt19937_64(1));
  std::size_t at = 0;
  for (auto _ : state) {
    call(set, input, at);
    if (++at == input.members.size()) at = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
void update(benchmark::State& state) {
  std::mt19937_64 random(2);
  const auto limit = static_cast<std::uint64_t>(10 * state.range(0));
  on_full_set(state, [&](SortedSet& set, const Input& input, std::size_t at) {
    set.add_or_update(input.members[at], static_cast<double>(random() % limit));
  });
}
void increment(benchmark::State& state) {
  on_full_set(state, [&](SortedSet& set, const Input& input, std::size_t at) {
    const std::uint64_t hash = leat::keyspace::hash_of(input.members[at]);
    set.add_or_update(input.members[at], *set.score(input.members[at], hash) + 1, hash);
  });
}
void score(benchmark::State& state) {
  on_full_set(state, [](SortedSet& set, const Input& input, std::size_t at) {
    benchmark::DoNotOptimize(set.score(input.members[at]));
  });
}
void rank(benchmark::State& state) {
  on_full_set(state, [](SortedSet& set, const Input& input, std::size_t at) {
    benchmark::DoNotOptimize(set.rank(input.members[at]));
  });
}
void range_of_ten(benchmark::State& state) {
  on_full_set(state, [](SortedSet& set, const Input& input, std::size_t at) {
    SortedSet::Cursor cursor = set.at(set.lower_bound(input.scores[at]));
    std::size_t bytes = 0;
    for (int i = 0; i < 10 && cursor.valid(); ++i, cursor.next()) bytes += cursor.entry().member.size();
    benchmark::DoNotOptimize(bytes);
  });
}

BENCHMARK(add)->Arg(1000)->Arg(1'000'000);
BENCHMARK(remove)->Arg(1000)->Arg(1'000'000);
BENCHMARK(update)->Arg(1000)->Arg(1'000'000);
BENCHMARK(increment)->Arg(1000)->Arg(1'000'000);
BENCHMARK(score)->Arg(1000)->Arg(1'000'000);
BENCHMARK(rank)->Arg(1000)->Arg(1'000'000);
BENCHMARK(range_of_ten)->Arg(1000)->Arg(1'000'000);

}  // namespace
