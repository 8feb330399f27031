#include "keyspace/stream.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "hex.h"
#include "keyspace/encoding_limits.h"
#include "keyspace/stream_dump.h"

namespace leat::keyspace {
namespace {

using Words = std::vector<std::string>;
using Model = std::map<StreamId, Words>;

void append(Stream& stream, StreamId id, const Words& words) {
  stream.append(id, std::vector<std::string_view>(words.begin(), words.end()));
}

Words words_of(const Stream::Entry& entry) {
  Words words;
  entry.for_each([&words](Element name, Element value) {
    IntegerText buffer;
    words.emplace_back(text(name, buffer));
    words.emplace_back(text(value, buffer));
  });
  return words;
}

Model range(const Stream& stream, StreamId from, StreamId to) {
  Model found;
  stream.for_each(from, to, [&found](const Stream::Entry& entry) {
    found.emplace_hint(found.end(), entry.id(), words_of(entry));
    return true;
  });
  return found;
}

std::vector<StreamId> backwards(const Stream& stream, StreamId from, StreamId to) {
  std::vector<StreamId> ids;
  stream.for_each_backwards(from, to, [&ids](const Stream::Entry& entry) {
    ids.push_back(entry.id());
    return true;
  });
  return ids;
}

std::string dumped(const Stream& stream) {
  std::string out;
  dump_stream(stream, out);
  return out;
}

std::optional<Stream> loaded(std::string_view dump) {
  DumpReader from(dump.substr(1));
  return load_stream(static_cast<DumpType>(dump[0]), from);
}

void expect_equal(const Stream& stream, const Model& model) {
  ASSERT_EQ(stream.size(), model.size());
  EXPECT_EQ(range(stream, {}, StreamId::max()), model);
  EXPECT_EQ(stream.first_id(), model.empty() ? StreamId{} : model.begin()->first);
  EXPECT_EQ(stream.last_entry_id(), model.empty() ? StreamId{} : model.rbegin()->first);
}

class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void step() {
    const std::uint64_t kind = below(100);
    if (kind < 70) return add();
    if (kind < 85) return erase();
    if (kind < 90) return trim();
    look();
  }

  Stream stream;
  Model model;
  std::uint64_t added = 0;

 private:
  StreamId near_id() { return {below(last_.ms + 2), below(4)}; }

  void add() {
    last_ = below(3) == 0 ? StreamId{last_.ms, last_.sequence + 1} : StreamId{last_.ms + 1 + below(3), below(3)};
    Words words;
    const std::uint64_t shape = below(4);
    for (std::uint64_t i = 0; i <= shape; ++i) {
      words.push_back("field" + std::to_string(i + (shape == 3 ? below(2) : 0)));
      words.push_back(below(2) == 0 ? std::to_string(random_()) : std::string(below(60), 'v'));
    }
    append(stream, last_, words);
    model.emplace(last_, words);
    ++added;
  }

  void erase() {
    StreamId id = near_id();
    if (const auto at = model.lower_bound(id); at != model.end() && below(4) != 0) id = at->first;
    ASSERT_EQ(stream.erase(id), model.erase(id) == 1);
  }

  void trim() {
    Stream::Trim trim;
    if (below(2) == 0) {
      trim.length = model.size() - below(model.size() / 4 + 1);
    } else {
      trim.min = {below(last_.ms / 4 + 2), below(3)};
    }
    trim.approximate = below(2) == 0;
    trim.limit = trim.approximate ? below(150) : 0;
    const std::size_t trimmed = stream.trim(trim);
    std::size_t most = 0;
    for (auto at = model.begin(); at != model.end(); ++at, ++most) {
      if (trim.length ? model.size() - most <= *trim.length : at->first >= trim.min) break;
    }
    if (trim.approximate) {
      ASSERT_LE(trimmed, most);
      if (trim.limit != 0) ASSERT_LE(trimmed, trim.limit);
    } else {
      ASSERT_EQ(trimmed, most);
    }
    model.erase(model.begin(), std::next(model.begin(), static_cast<std::ptrdiff_t>(trimmed)));
  }

  void look() {
    const StreamId from = near_id();
    const StreamId to = near_id();
    const auto begin = model.lower_bound(from);
    const auto end = from <= to ? model.upper_bound(to) : begin;
    EXPECT_EQ(range(stream, from, to), Model(begin, end));
    std::vector<StreamId> ids;
    for (auto at = end; at != begin;) ids.push_back((--at)->first);
    EXPECT_EQ(backwards(stream, from, to), ids);
    EXPECT_EQ(stream.contains(from), model.contains(from));
  }

  std::mt19937_64 random_;
  StreamId last_{1, 0};
};

TEST(Stream, RandomOperationsMatchAModel) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream pair(seed);
    for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) {
      pair.step();
      if (i % 200 == 0) expect_equal(pair.stream, pair.model);
    }
    expect_equal(pair.stream, pair.model);
    EXPECT_EQ(pair.stream.entries_added(), pair.added);
    const Stream copy = pair.stream.clone();
    expect_equal(copy, pair.model);
    const std::string dump = dumped(pair.stream);
    const auto again = loaded(dump);
    ASSERT_TRUE(again);
    expect_equal(*again, pair.model);
    EXPECT_EQ(dumped(*again), dump);
    EXPECT_EQ(dumped(copy), dump);
  }
}

TEST(Stream, ABlockEndsAtItsLimitOfEntriesDeletedOnesIncluded) {
  Stream stream;
  for (std::uint64_t i = 1; i <= EncodingLimits::stream_node_max_entries; ++i) append(stream, {i, 0}, {"f", "v"});
  EXPECT_EQ(stream.blocks().size(), 1U);
  ASSERT_TRUE(stream.erase({50, 0}));
  append(stream, {1000, 0}, {"f", "v"});
  EXPECT_EQ(stream.blocks().size(), 2U);
}

TEST(Stream, ABlockThatLostAllItsEntriesGoes) {
  Stream stream;
  for (std::uint64_t i = 1; i <= 250; ++i) append(stream, {i, 0}, {"f", "v"});
  ASSERT_EQ(stream.blocks().size(), 3U);
  for (std::uint64_t i = 101; i <= 200; ++i) ASSERT_TRUE(stream.erase({i, 0}));
  EXPECT_EQ(stream.blocks().size(), 2U);
  EXPECT_EQ(stream.max_deleted_id(), (StreamId{200, 0}));
  EXPECT_EQ(backwards(stream, {100, 0}, {201, 0}), (std::vector<StreamId>{{201, 0}, {100, 0}}));
}

TEST(Stream, EntriesWithTheFirstOnesFieldsDoNotRepeatTheirNames) {
  Stream same;
  Stream other;
  const std::string name(40, 'n');
  for (std::uint64_t i = 1; i <= 50; ++i) {
    append(same, {i, 0}, {name, "v"});
    append(other, {i, 0}, {i == 1 ? "first" : name, "v"});
  }
  EXPECT_LT(same.memory() + 40 * 40, other.memory());
}

// From a redis-server 7.0.15.
constexpr std::string_view kDump =
    "13011000000000000000010000000000000001406f6f0000002300030101010201846e616d65058473697a65050001020100"
    "010001836f6e6504050105010301000101018374776f04c25802050100010401dfff020301856f7468657206f4351cdcdf02"
    "00000009817802817902817a028177020a010201040100010301dff9020501ff030501010101020402016701010100000168"
    "050181ffffffffffffffff00000a003dbf6f5f7f768380";

std::string_view without_footer(std::string_view dump) { return dump.substr(0, dump.size() - 10); }

TEST(StreamDump, IsRedissByteForByte) {
  Stream stream;
  append(stream, {1, 1}, {"name", "one", "size", "5"});
  append(stream, {1, 2}, {"name", "two", "size", "600"});
  append(stream, {5, 0}, {"other", "12345678901", "x", "y", "z", "w"});
  append(stream, {5, 1}, {"name", "3", "size", "-7"});
  ASSERT_TRUE(stream.erase({1, 2}));
  stream.create_group("g", {1, 1}, 1);
  stream.create_group("h", {5, 1}, StreamGroup::kUnknown);
  EXPECT_EQ(to_hex(dumped(stream)), to_hex(without_footer(from_hex(kDump))));
}

TEST(StreamDump, KeepsGroupsAndWhatIsPending) {
  Stream stream;
  for (std::uint64_t i = 1; i <= 10; ++i) append(stream, {i, 0}, {"f", "v"});
  stream.create_group("g", {7, 0}, 7);
  StreamGroup& group = *stream.group("g");
  auto& alice = group.create("alice", 100);
  auto& bob = group.create("bob", 200);
  for (std::uint64_t i = 1; i <= 7; ++i) {
    PendingEntry& entry = group.assign({i, 0}, i % 2 == 0 ? alice : bob).second;
    entry.delivered_at = static_cast<std::int64_t>(1000 + i);
    entry.deliveries = i;
  }
  auto again = loaded(dumped(stream));
  ASSERT_TRUE(again);
  const StreamGroup* kept = again->group("g");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->entries_read, 7);
  EXPECT_EQ(kept->last_delivered, (StreamId{7, 0}));
  ASSERT_NE(kept->find("alice"), nullptr);
  EXPECT_EQ(kept->find("alice")->second.seen_at, 100);
  EXPECT_EQ(kept->find("alice")->second.pending.size(), 3U);
  EXPECT_EQ(kept->pending().at({5, 0}).consumer->first, "bob");
  EXPECT_EQ(kept->pending().at({5, 0}).delivered_at, 1005);
  EXPECT_EQ(kept->pending().at({5, 0}).deliveries, 5U);
  EXPECT_EQ(dumped(*again), dumped(stream));
}

TEST(StreamDump, BrokenBytesAreRefusedOrGiveASoundStream) {
  std::mt19937_64 random(7);
  RandomStream pair(3);
  for (int i = 0; i < 300; ++i) pair.step();
  pair.stream.create_group("g", {3, 0}, 2);
  auto& consumer = pair.stream.group("g")->create("c", 5);
  for (std::uint64_t i = 0; i < 5; ++i) pair.stream.group("g")->assign({i, 0}, consumer);
  const std::string dump = dumped(pair.stream);
  std::size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string broken = dump;
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      broken[1 + random() % (broken.size() - 1)] = static_cast<char>(random());
    }
    if (random() % 8 == 0) broken.resize(1 + random() % broken.size());
    const auto stream = loaded(broken);
    if (!stream) {
      ++refused;
      continue;
    }
    const Model entries = range(*stream, {}, StreamId::max());
    ASSERT_EQ(entries.size(), stream->size());
    ASSERT_EQ(backwards(*stream, {}, StreamId::max()).size(), stream->size());
    ASSERT_TRUE(loaded(dumped(*stream)));
  }
  EXPECT_GT(refused, 5000U);
}

TEST(StreamGroup, RandomAssignmentsMatchAModel) {
  std::mt19937_64 random(11);
  Stream stream;
  stream.create_group("g", {}, 0);
  StreamGroup& group = *stream.group("g");
  std::map<StreamId, std::string> model;
  for (int i = 0; i < 20'000; ++i) {
    const StreamId id{random() % 200, 0};
    const std::string name = "consumer" + std::to_string(random() % 5);
    StreamGroup::Consumer* consumer = group.find(name);
    const auto choice = random() % 40;
    if (choice == 0) {
      if (consumer != nullptr) group.erase(*consumer);
      std::erase_if(model, [&name](const auto& entry) { return entry.second == name; });
    } else if (choice <= 15) {
      ASSERT_EQ(group.acknowledge(id), model.erase(id) == 1);
    } else {
      if (consumer == nullptr) consumer = &group.create(name, 0);
      group.assign(id, *consumer);
      model[id] = name;
    }
  }
  ASSERT_EQ(group.pending().size(), model.size());
  std::size_t owned = 0;
  for (const auto& [name, consumer] : group.consumers()) {
    StreamId before;
    for (const auto* entry : consumer.pending) {
      EXPECT_EQ(model.at(entry->first), std::string_view(name));
      EXPECT_GE(entry->first, before);
      before = entry->first;
      ++owned;
    }
  }
  EXPECT_EQ(owned, model.size());
}

TEST(StreamGroup, LagIsUnknownOnlyWhereEntriesBehindWereDeleted) {
  Stream stream;
  for (std::uint64_t i = 1; i <= 10; ++i) append(stream, {i, 0}, {"f", "v"});
  stream.create_group("g", {}, 0);
  StreamGroup& group = *stream.group("g");
  EXPECT_EQ(stream.lag(group), 10);
  stream.advance(group, {1, 0});
  EXPECT_EQ(group.entries_read, 1);
  EXPECT_EQ(stream.lag(group), 9);
  ASSERT_TRUE(stream.erase({5, 0}));
  EXPECT_EQ(stream.lag(group), std::nullopt);
  for (const std::uint64_t i : {2, 3, 4, 6, 7, 8, 9, 10}) stream.advance(group, {i, 0});
  EXPECT_EQ(stream.lag(group), 0);
}

}  // namespace
}  // namespace leat::keyspace
