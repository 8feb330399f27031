#include "tests/catalog/contract.h"

#include <gtest/gtest.h>

#include "runtime/sync.h"
#include "tests/catalog/support.h"

namespace leat::catalog {
namespace {

using runtime::Task;
using CatalogTest = std::function<Task<>(Catalog&)>;

class CatalogContract : public testing::TestWithParam<HomeFactory> {
 protected:
  CatalogContract() : home_(GetParam()()) {}
  // Runs a coroutine over an open catalog and closes it.
  void run(const CatalogTest& test) {
    home_->run([&] { return open_and_run(*home_, test); });
  }
  CatalogHome& home() { return *home_; }

 private:
  static Task<> open_and_run(CatalogHome& home, CatalogTest test) {
    auto catalog = co_await home.open();
    CO_ASSERT_OK(catalog);
    co_await test(**catalog);
    auto closed = co_await (*catalog)->close();
    EXPECT_TRUE(closed) << message_of(closed);
  }

  std::unique_ptr<CatalogHome> home_;
};

Task<Result<Snapshot>> read(Catalog& catalog, std::string prefix) {
  std::vector<std::string> prefixes{std::move(prefix)};
  co_return co_await catalog.snapshot(std::move(prefixes));
}

Task<> starts_empty(Catalog& catalog) {
  auto snapshot = co_await read(catalog, "");
  CO_ASSERT_OK(snapshot);
  EXPECT_TRUE(snapshot->entries.empty());
}
TEST_P(CatalogContract, StartsEmpty) { run(starts_empty); }

Task<> returns_what_was_put(Catalog& catalog) {
  auto first = co_await put(catalog, "a", "1");
  auto second = co_await put(catalog, "b", std::string("\0\xff binary", 9));
  CO_ASSERT_OK(first);
  CO_ASSERT_OK(second);
  EXPECT_GT(*second, *first);
  EXPECT_GT(*first, kAbsent);
  auto snapshot = co_await read(catalog, "");
  CO_ASSERT_OK(snapshot);
  CO_ASSERT_TRUE(snapshot->entries.size() == 2);
  EXPECT_EQ(snapshot->revision, *second);
  EXPECT_EQ(snapshot->entries[0].value, "1");
  EXPECT_EQ(snapshot->entries[0].modified, *first);
  EXPECT_EQ(snapshot->entries[1].value, std::string("\0\xff binary", 9));
  EXPECT_EQ(snapshot->entries[1].modified, *second);
}
TEST_P(CatalogContract, ReturnsWhatWasPutWithItsRevision) { run(returns_what_was_put); }

Task<> empty_value_is_not_absent(Catalog& catalog) {
  auto stored = co_await put(catalog, "a", "");
  CO_ASSERT_OK(stored);
  EXPECT_EQ(co_await listing(catalog, ""), "a=");
  Commit request;
  request.conditions.push_back({"a", kAbsent});
  request.puts.push_back({"a", "1"});
  EXPECT_EQ(error_of(co_await catalog.commit(request)), Errc::version_conflict);
}
TEST_P(CatalogContract, AnEmptyValueIsNotAnAbsentEntry) { run(empty_value_is_not_absent); }

Task<> reads_prefixes(Catalog& catalog) {
  for (const char* key : {"b/1", "a/2", "a/1", "a", "b", "a0", "c"}) {
    auto stored = co_await put(catalog, key, "x");
    CO_ASSERT_OK(stored);
  }
  EXPECT_EQ(co_await listing(catalog, "a/"), "a/1=x a/2=x");
  EXPECT_EQ(co_await listing(catalog, "a/1"), "a/1=x");
  EXPECT_EQ(co_await listing(catalog, "zzz"), "");
  EXPECT_EQ(co_await listing(catalog, ""), "a=x a/1=x a/2=x a0=x b=x b/1=x c=x");
  std::vector<std::string> prefixes{"b", "a/", "b/1"};
  auto both = co_await catalog.snapshot(prefixes);
  CO_ASSERT_OK(both);
  std::vector<std::string> keys;
  for (const Entry& entry : both->entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"a/1", "a/2", "b", "b/1"}));
}
TEST_P(CatalogContract, ReadsPrefixesInKeyOrderAndEachEntryOnce) { run(reads_prefixes); }

Task<> swaps_only_what_it_compared(Catalog& catalog) {
  auto first = co_await put(catalog, "a", "1");
  CO_ASSERT_OK(first);
  Commit stale;
  stale.conditions.push_back({"a", *first + 1});
  stale.puts.push_back({"a", "2"});
  EXPECT_EQ(error_of(co_await catalog.commit(stale)), Errc::version_conflict);
  Commit absent;
  absent.conditions.push_back({"a", kAbsent});
  absent.puts.push_back({"a", "2"});
  EXPECT_EQ(error_of(co_await catalog.commit(absent)), Errc::version_conflict);
  Commit missing;
  missing.conditions.push_back({"b", *first});
  missing.puts.push_back({"b", "2"});
  EXPECT_EQ(error_of(co_await catalog.commit(missing)), Errc::version_conflict);
  EXPECT_EQ(co_await listing(catalog, ""), "a=1");
  Commit right;
  right.conditions.push_back({"a", *first});
  right.conditions.push_back({"b", kAbsent});
  right.puts.push_back({"a", "2"});
  auto swapped = co_await catalog.commit(right);
  CO_ASSERT_OK(swapped);
  EXPECT_GT(*swapped, *first);
  EXPECT_EQ(co_await listing(catalog, ""), "a=2");
}
TEST_P(CatalogContract, SwapsOnlyWhenEveryConditionHolds) { run(swaps_only_what_it_compared); }

Task<> commits_all_or_nothing(Catalog& catalog) {
  auto first = co_await put(catalog, "a", "1");
  CO_ASSERT_OK(first);
  Commit refused;
  refused.puts.push_back({"b", "2"});
  refused.deletes.push_back("a");
  refused.conditions.push_back({"c", Revision(99)});
  EXPECT_EQ(error_of(co_await catalog.commit(refused)), Errc::version_conflict);
  EXPECT_EQ(co_await listing(catalog, ""), "a=1");
  Commit together;
  together.puts.push_back({"b", "2"});
  together.puts.push_back({"c", "3"});
  together.deletes.push_back("a");
  auto revision = co_await catalog.commit(together);
  CO_ASSERT_OK(revision);
  auto snapshot = co_await read(catalog, "");
  CO_ASSERT_OK(snapshot);
  CO_ASSERT_TRUE(snapshot->entries.size() == 2);
  EXPECT_EQ(snapshot->entries[0].modified, *revision);
  EXPECT_EQ(snapshot->entries[1].modified, *revision);
  EXPECT_EQ(co_await listing(catalog, ""), "b=2 c=3");
}
TEST_P(CatalogContract, CommitsAllOrNothing) { run(commits_all_or_nothing); }

Task<> deleting_nothing_changes_nothing(Catalog& catalog) {
  auto first = co_await put(catalog, "a", "1");
  CO_ASSERT_OK(first);
  auto removed = co_await remove(catalog, "b");
  CO_ASSERT_OK(removed);
  EXPECT_EQ(*removed, *first);
  auto gone = co_await remove(catalog, "a");
  CO_ASSERT_OK(gone);
  EXPECT_GT(*gone, *first);
  // Absent again, as if it had never been there; but revisions go on.
  Commit again;
  again.conditions.push_back({"a", kAbsent});
  again.puts.push_back({"a", "2"});
  auto put_again = co_await catalog.commit(again);
  CO_ASSERT_OK(put_again);
  EXPECT_GT(*put_again, *gone);
}
TEST_P(CatalogContract, DeletingWhatIsAbsentChangesNothing) { run(deleting_nothing_changes_nothing); }

// Counts up in entry "n" by compare-and-swap, `times` times; notes every conflict.
Task<> count_up(Catalog& catalog, int times, int& conflicts) {
  while (times > 0) {
    auto snapshot = co_await read(catalog, "n");
    CO_ASSERT_OK(snapshot);
    const bool found = !snapshot->entries.empty();
    const int value = found ? std::stoi(snapshot->entries[0].value) : 0;
    Commit request;
    request.conditions.push_back({"n", found ? snapshot->entries[0].modified : kAbsent});
    request.puts.push_back({"n", std::to_string(value + 1)});
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) {
      --times;
    } else {
      EXPECT_EQ(committed.error().code, Errc::version_conflict);
      ++conflicts;
    }
  }
}

Task<> concurrent_swaps_lose_nothing(Catalog& catalog) {
  int conflicts = 0;
  runtime::TaskScope scope;
  for (int i = 0; i < 4; ++i) scope.spawn(count_up(catalog, 10, conflicts));
  co_await scope.join();
  EXPECT_EQ(co_await listing(catalog, ""), "n=40");
  EXPECT_GT(conflicts, 0);  // they did meet
}
TEST_P(CatalogContract, ConcurrentSwapsLoseNoUpdate) { run(concurrent_swaps_lose_nothing); }

Task<> refuses_what_is_above_its_limits(Catalog& catalog) {
  auto largest = co_await put(catalog, std::string(kKeyBytesMax, 'k'), std::string(kValueBytesMax, 'v'));
  EXPECT_TRUE(largest) << message_of(largest);
  EXPECT_EQ(error_of(co_await put(catalog, std::string(kKeyBytesMax + 1, 'k'), "v")), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await put(catalog, "", "v")), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await put(catalog, "a b", "v")), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await put(catalog, "k", std::string(kValueBytesMax + 1, 'v'))), Errc::too_large);
  Commit many;
  for (std::size_t i = 0; i <= kCommitOperationsMax; ++i) many.puts.push_back({fmt::format("m/{}", i), "v"});
  EXPECT_EQ(error_of(co_await catalog.commit(many)), Errc::too_large);
  many.puts.pop_back();
  auto fits = co_await catalog.commit(many);
  EXPECT_TRUE(fits) << message_of(fits);
  Commit heavy;
  for (int i = 0; i < 2; ++i) heavy.puts.push_back({fmt::format("h/{}", i), std::string(kValueBytesMax, 'v')});
  EXPECT_EQ(error_of(co_await catalog.commit(heavy)), Errc::too_large);
  Commit conditions;
  for (std::size_t i = 0; i <= kCommitConditionsMax; ++i)
    conditions.conditions.push_back({fmt::format("m/{}", i), kAbsent});
  EXPECT_EQ(error_of(co_await catalog.commit(conditions)), Errc::too_large);
  Commit twice;
  twice.puts.push_back({"t", "1"});
  twice.deletes.push_back("t");
  EXPECT_EQ(error_of(co_await catalog.commit(twice)), Errc::invalid_argument);
  std::vector<std::string> none;
  EXPECT_EQ(error_of(co_await catalog.snapshot(none)), Errc::invalid_argument);
  std::vector<std::string> prefixes(kPrefixesMax + 1, "p");
  EXPECT_EQ(error_of(co_await catalog.snapshot(prefixes)), Errc::invalid_argument);
  EXPECT_EQ(co_await listing(catalog, "h/"), "");
}
TEST_P(CatalogContract, RefusesWhatIsAboveItsLimits) { run(refuses_what_is_above_its_limits); }

Task<> watch_sees_changes_in_order(Catalog& catalog) {
  auto before = co_await put(catalog, "w/0", "0");
  CO_ASSERT_OK(before);
  auto watch = catalog.watch({"w/", "x"}, *before);
  CO_ASSERT_OK(watch);
  Revision last = *before;
  for (int i = 1; i <= 3; ++i) {
    Commit request;
    request.puts.push_back({fmt::format("w/{}", i), std::to_string(i)});
    request.puts.push_back({"other", std::to_string(i)});
    if (i == 3) request.deletes.push_back("w/0");
    auto committed = co_await catalog.commit(std::move(request));
    CO_ASSERT_OK(committed);
    last = *committed;
  }
  std::string seen;
  Revision known = *before;
  while (known < last) {
    auto changes = co_await (*watch)->next();
    CO_ASSERT_OK(changes);
    for (const Change& change : changes->changes) {
      EXPECT_GT(change.revision, *before);
      EXPECT_LE(change.revision, changes->revision);
    }
    EXPECT_TRUE(std::ranges::is_sorted(changes->changes, {}, &Change::revision));
    EXPECT_GT(changes->revision, known);
    known = changes->revision;
    seen += to_text(*changes) + " ";
  }
  EXPECT_EQ(known, last);
  EXPECT_NE(seen.find("w/1=1"), std::string::npos);
  EXPECT_LT(seen.find("w/1=1"), seen.find("w/2=2"));
  EXPECT_LT(seen.find("w/2=2"), seen.find("w/3=3"));
  EXPECT_NE(seen.find("-w/0"), std::string::npos);
  EXPECT_EQ(seen.find("other"), std::string::npos);
}
TEST_P(CatalogContract, WatchSeesEveryChangeBelowItsPrefixesInOrder) { run(watch_sees_changes_in_order); }

Task<> follow_once(Watch& watch, std::string& seen) {
  auto changes = co_await watch.next();
  seen = changes ? to_text(*changes) : std::string(to_string(changes.error().code));
}

Task<> watch_waits_for_news(Catalog& catalog) {
  auto snapshot = co_await read(catalog, "");
  CO_ASSERT_OK(snapshot);
  auto watch = catalog.watch({"a"}, snapshot->revision);
  CO_ASSERT_OK(watch);
  std::string seen;
  runtime::TaskScope scope;
  scope.spawn(follow_once(**watch, seen));
  auto other = co_await put(catalog, "b", "1");  // not below its prefix: it goes on waiting
  CO_ASSERT_OK(other);
  EXPECT_EQ(scope.running(), 1U);
  auto stored = co_await put(catalog, "a", "1");
  EXPECT_TRUE(stored);
  co_await scope.join();
  EXPECT_EQ(seen, "a=1");
}
TEST_P(CatalogContract, WatchWaitsUntilSomethingItWatchesChanges) { run(watch_waits_for_news); }

Task<> closing_a_watch_ends_its_wait(Catalog& catalog) {
  auto snapshot = co_await read(catalog, "");
  CO_ASSERT_OK(snapshot);
  auto watch = catalog.watch({""}, snapshot->revision);
  CO_ASSERT_OK(watch);
  std::string seen;
  runtime::TaskScope scope;
  scope.spawn(follow_once(**watch, seen));
  (*watch)->close();
  co_await scope.join();
  EXPECT_EQ(seen, "cancelled");
}
TEST_P(CatalogContract, ClosingAWatchEndsItsWait) { run(closing_a_watch_ends_its_wait); }

Task<> watch_from_the_forgotten_past_is_refused(Catalog& catalog) {
  auto stored = co_await put(catalog, "big", "0");
  CO_ASSERT_OK(stored);
  auto watch = catalog.watch({"small"}, *stored);
  CO_ASSERT_OK(watch);
  // Far more than any watch may fall behind.
  const std::size_t rounds = 2 * kWatchBacklogBytesMax / kValueBytesMax;
  for (std::size_t i = 0; i < rounds; ++i) {
    auto again = co_await put(catalog, "big", std::string(kValueBytesMax, static_cast<char>('a' + i % 26)));
    CO_ASSERT_OK(again);
  }
  auto small = co_await put(catalog, "small", "1");
  CO_ASSERT_OK(small);
  auto changes = co_await (*watch)->next();
  // A home may remember more than it must; but it never skips a change silently.
  if (changes) {
    EXPECT_EQ(to_text(*changes), "small=1");
  } else {
    EXPECT_EQ(changes.error().code, Errc::offset_out_of_range);
  }
  auto fresh = catalog.watch({"small"}, *small);
  CO_ASSERT_OK(fresh);
  auto next = co_await put(catalog, "small", "2");
  CO_ASSERT_OK(next);
  auto seen = co_await (*fresh)->next();
  CO_ASSERT_OK(seen);
  EXPECT_EQ(to_text(*seen), "small=2");
}
TEST_P(CatalogContract, AWatchThatFellTooFarBehindIsToldSo) { run(watch_from_the_forgotten_past_is_refused); }

Task<> released_lease_takes_its_entries(Catalog& catalog) {
  auto lease = co_await catalog.grant_lease(Milliseconds(60'000));
  CO_ASSERT_OK(lease);
  Commit request;
  request.puts.push_back({"on/1", "x", *lease});
  request.puts.push_back({"on/2", "x", *lease});
  request.puts.push_back({"off", "x"});
  auto committed = co_await catalog.commit(request);
  CO_ASSERT_OK(committed);
  auto taken_off = co_await put(catalog, "on/2", "y");
  CO_ASSERT_OK(taken_off);
  auto watch = catalog.watch({""}, *taken_off);
  CO_ASSERT_OK(watch);
  auto released = co_await catalog.release_lease(*lease);
  CO_ASSERT_OK(released);
  EXPECT_EQ(co_await listing(catalog, ""), "off=x on/2=y");
  auto changes = co_await (*watch)->next();
  CO_ASSERT_OK(changes);
  EXPECT_EQ(to_text(*changes), "-on/1");
  EXPECT_EQ(error_of(co_await catalog.release_lease(*lease)), Errc::not_found);
  EXPECT_EQ(error_of(co_await catalog.keep_alive(*lease)), Errc::not_found);
  EXPECT_EQ(error_of(co_await catalog.commit(request)), Errc::not_found);
}
TEST_P(CatalogContract, ReleasingALeaseTakesItsEntriesAway) { run(released_lease_takes_its_entries); }

Task<> expired_lease_takes_its_entries(Catalog& catalog) {
  EXPECT_EQ(error_of(co_await catalog.grant_lease(Milliseconds(0))), Errc::invalid_argument);
  auto lease = co_await catalog.grant_lease(Milliseconds(1000));
  auto other = co_await catalog.grant_lease(Milliseconds(600'000));
  CO_ASSERT_OK(lease);
  CO_ASSERT_OK(other);
  Commit request;
  request.puts.push_back({"short", "x", *lease});
  request.puts.push_back({"long", "x", *other});
  auto committed = co_await catalog.commit(std::move(request));
  CO_ASSERT_OK(committed);
  auto watch = catalog.watch({""}, *committed);
  CO_ASSERT_OK(watch);
  auto changes = co_await (*watch)->next();  // however long it takes
  CO_ASSERT_OK(changes);
  EXPECT_EQ(to_text(*changes), "-short");
  EXPECT_EQ(error_of(co_await catalog.keep_alive(*lease)), Errc::not_found);
  auto alive = co_await catalog.keep_alive(*other);
  EXPECT_TRUE(alive) << message_of(alive);
  EXPECT_EQ(co_await listing(catalog, ""), "long=x");
}
TEST_P(CatalogContract, AnExpiredLeaseTakesItsEntriesAway) { run(expired_lease_takes_its_entries); }

Task<> keeps_everything(CatalogHome& home) {
  Revision last;
  {
    auto catalog = co_await home.open();
    CO_ASSERT_OK(catalog);
    for (int i = 0; i < 20; ++i) {
      auto stored = co_await put(**catalog, fmt::format("k/{:02}", i), std::string(10'000, static_cast<char>('a' + i)));
      CO_ASSERT_OK(stored);
      last = *stored;
    }
    auto lease = co_await (*catalog)->grant_lease(Milliseconds(600'000));
    CO_ASSERT_OK(lease);
    Commit leased;
    leased.puts.push_back({"leased", "x", *lease});
    auto committed = co_await (*catalog)->commit(std::move(leased));
    CO_ASSERT_OK(committed);
    last = *committed;
    auto closed = co_await (*catalog)->close();
    CO_ASSERT_OK(closed);
  }
  auto catalog = co_await home.open();
  CO_ASSERT_OK(catalog);
  auto snapshot = co_await read(**catalog, "");
  CO_ASSERT_OK(snapshot);
  EXPECT_GE(snapshot->revision, last);
  CO_ASSERT_TRUE(snapshot->entries.size() == 20);  // without the one that was on a lease
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(snapshot->entries[static_cast<std::size_t>(i)].key, fmt::format("k/{:02}", i));
    EXPECT_EQ(snapshot->entries[static_cast<std::size_t>(i)].value, std::string(10'000, static_cast<char>('a' + i)));
  }
  auto next = co_await put(**catalog, "k/00", "again");
  CO_ASSERT_OK(next);
  EXPECT_GT(*next, last);
  auto closed = co_await (*catalog)->close();
  EXPECT_TRUE(closed);
}
TEST_P(CatalogContract, ReopeningKeepsEverythingButWhatWasOnALease) {
  home().run([&] { return keeps_everything(home()); });
}

Task<> closed_is_cancelled(CatalogHome& home) {
  auto catalog = co_await home.open();
  CO_ASSERT_OK(catalog);
  auto watch = (*catalog)->watch({""}, kAbsent);
  CO_ASSERT_OK(watch);
  std::string seen;
  runtime::TaskScope scope;
  scope.spawn(follow_once(**watch, seen));
  auto closed = co_await (*catalog)->close();
  EXPECT_TRUE(closed) << message_of(closed);
  co_await scope.join();
  EXPECT_EQ(seen, "cancelled");
  EXPECT_EQ(error_of(co_await put(**catalog, "a", "1")), Errc::cancelled);
  EXPECT_EQ(error_of(co_await read(**catalog, "")), Errc::cancelled);
  EXPECT_EQ(error_of(co_await (*catalog)->grant_lease(Milliseconds(1000))), Errc::cancelled);
  EXPECT_EQ(error_of((*catalog)->watch({""}, kAbsent)), Errc::cancelled);
  EXPECT_EQ(error_of(co_await (*catalog)->close()), Errc::cancelled);
}
TEST_P(CatalogContract, AfterCloseEveryCallIsCancelled) {
  home().run([&] { return closed_is_cancelled(home()); });
}

Task<> put_and_note(Catalog& catalog, std::string key, std::vector<Errc>& outcomes) {
  auto stored = co_await put(catalog, std::move(key), "x");
  outcomes.push_back(stored ? Errc::exists : stored.error().code);
}

Task<> close_waits(CatalogHome& home) {
  {
    auto catalog = co_await home.open();
    CO_ASSERT_OK(catalog);
    std::vector<Errc> outcomes;
    runtime::TaskScope scope;
    for (int i = 0; i < 5; ++i) scope.spawn(put_and_note(**catalog, fmt::format("k/{}", i), outcomes));
    auto closed = co_await (*catalog)->close();
    EXPECT_TRUE(closed) << message_of(closed);
    co_await scope.join();
    EXPECT_EQ(outcomes, std::vector<Errc>(5, Errc::exists));
  }
  auto catalog = co_await home.open();
  CO_ASSERT_OK(catalog);
  EXPECT_EQ(co_await listing(**catalog, ""), "k/0=x k/1=x k/2=x k/3=x k/4=x");
  auto closed = co_await (*catalog)->close();
  EXPECT_TRUE(closed);
}
TEST_P(CatalogContract, CloseWaitsForTheCallsUnderWay) {
  home().run([&] { return close_waits(home()); });
}

INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContract, testing::Values(&make_sqlite_home));
INSTANTIATE_TEST_SUITE_P(SimulatedSqlite, CatalogContract, testing::Values(&make_simulated_sqlite_home));

}  // namespace
}  // namespace leat::catalog
