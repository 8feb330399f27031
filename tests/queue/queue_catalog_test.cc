#include "queue/queue_catalog.h"

#include <gtest/gtest.h>

#include "catalog/sqlite_catalog.h"
#include "catalog/topics.h"
#include "queue/queue_documents.h"
#include "runtime/sim.h"
#include "runtime/sync.h"

namespace leat::queue {
namespace {

using catalog::Catalog;
using runtime::Task;

#define EXPECT_FINE(expression)                                                              \
  do {                                                                                       \
    const auto& checked = (expression);                                                      \
    EXPECT_TRUE(checked.has_value()) << (checked ? std::string() : checked.error().message); \
  } while (false)

template <class T>
Errc error_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::internal : result.error().code;
}

Task<> with_catalog(Task<> (*test)(Catalog&)) {
  auto catalog = co_await catalog::open_sqlite_catalog("/data");
  EXPECT_FINE(catalog);
  co_await test(**catalog);
  EXPECT_FINE(co_await (*catalog)->close());
}

// Runs a coroutine over an empty catalog in a simulated world.
void run(Task<> (*test)(Catalog&)) {
  runtime::sim::SimWorld world(1);
  ASSERT_TRUE(world.files().create_directories("/data"));
  world.run([&] { return with_catalog(test); });
}

Task<TopicId> create_topic(Catalog& catalog, std::string name, std::int32_t partitions = 1) {
  catalog::NewTopic topic{.name = std::move(name), .replicas = catalog::replicas_on(NodeId(1), partitions)};
  const auto created = co_await catalog::create_topic(catalog, {}, std::move(topic));
  EXPECT_FINE(created);
  co_return created->entry.id;
}

Queue queue_on(std::string name, std::string topic, TopicId id) {
  Queue queue;
  queue.name = std::move(name);
  queue.topic = std::move(topic);
  queue.topic_id = id;
  return queue;
}

// "name name"
std::string names_of(const QueuesSnapshot::Queues& queues) {
  std::string text;
  for (const StoredQueue* stored : queues) text += (text.empty() ? "" : " ") + stored->queue->name;
  return text;
}
std::string names_of(const std::vector<QueuePtr>& queues) {
  std::string text;
  for (const QueuePtr& queue : queues) text += (text.empty() ? "" : " ") + queue->name;
  return text;
}
Task<std::string> keys_below(Catalog& catalog, std::string prefix) {
  const auto snapshot = co_await catalog.snapshot({std::move(prefix)});
  EXPECT_FINE(snapshot);
  std::string text;
  for (const catalog::Entry& entry : snapshot->entries) text += (text.empty() ? "" : " ") + entry.key;
  co_return text;
}

bool same(const Queue& a, const Queue& b) { return encode_queue(a, {}) == encode_queue(b, {}); }

// ---- Documents ----

const Uuid kId = *Uuid::parse("01234567-89ab-4def-8123-456789abcdef");
constexpr const char* kQueueText =
    R"({"attributes":{"Policy":"p"},"created":5,"id":"01234567-89ab-4def-8123-456789abcdef","modified":6,"name":"q",)"
    R"("owns_topic":true,"settings":{"lease_ms":"1"},"start":[0,7],"tags":{"a":"b"},"topic":"t",)"
    R"("topic_id":"01234567-89ab-4def-8123-456789abcdef","v":1})";
constexpr const char* kRedriveText =
    R"({"destination":"d","failure":"f","id":"r1","moved":3,"rate_max":0.5,"source":"s","started":9,)"
    R"("state":"cancelling","to_move":10,"v":1})";

TEST(QueueDocuments, AreWrittenAndReadLetterByLetter) {
  Queue queue = queue_on("q", "t", kId);
  queue.id = kId;
  queue.owns_topic = true;
  queue.settings.lease = Milliseconds(1);
  queue.attributes = {{"Policy", "p"}};
  queue.tags = {{"a", "b"}};
  queue.created = Timestamp(5);
  queue.modified = Timestamp(6);
  EXPECT_EQ(encode_queue(queue, {Offset(0), Offset(7)}), kQueueText);
  const auto read = decode_queue("queues/q", kQueueText);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode_queue(read->queue, read->start), kQueueText);
  EXPECT_EQ(read->start, (std::vector<Offset>{Offset(0), Offset(7)}));

  Redrive redrive{.id = "r1", .source = "s", .destination = "d", .rate_max = 0.5};
  redrive.state = Redrive::State::cancelling;
  redrive.moved = 3;
  redrive.to_move = 10;
  redrive.started = Timestamp(9);
  redrive.failure = "f";
  EXPECT_EQ(encode_redrive(redrive), kRedriveText);
  const auto read_redrive = decode_redrive("redrives/r1", kRedriveText);
  ASSERT_TRUE(read_redrive) << read_redrive.error().message;
  EXPECT_EQ(encode_redrive(*read_redrive), kRedriveText);
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(QueueDocuments, WhatCannotBeRightIsCorruptAndWhatIsNewerUnsupported) {
  const auto queue = [](std::string_view what, std::string_view with) {
    return error_of(decode_queue("queues/q", replaced(kQueueText, what, with)));
  };
  EXPECT_EQ(queue("\"v\":1", "\"v\":2"), Errc::unsupported);
  EXPECT_EQ(queue("\"v\":1", "\"v\":0"), Errc::corrupt);
  EXPECT_EQ(queue("{\"attributes\"", "{\"attribute\""), Errc::corrupt);
  EXPECT_EQ(queue("\"q\"", "\"p\""), Errc::corrupt) << "another key's";
  EXPECT_EQ(queue("true", "1"), Errc::corrupt);
  EXPECT_EQ(queue("{\"lease_ms\":\"1\"}", "{\"lease_ms\":\"x\"}"), Errc::corrupt);
  EXPECT_EQ(queue("{\"lease_ms\":\"1\"}", "{\"lease_ms\":1}"), Errc::corrupt);
  EXPECT_EQ(queue("[0,7]", "[0,-7]"), Errc::corrupt);
  EXPECT_EQ(queue("[0,7]", "{}"), Errc::corrupt);
  EXPECT_EQ(queue("01234567", "0123456x"), Errc::corrupt);
  EXPECT_EQ(error_of(decode_queue("queues/q", "[]")), Errc::corrupt);
  EXPECT_EQ(error_of(decode_queue("queues/q", "")), Errc::corrupt);
  const auto redrive = [](std::string_view what, std::string_view with) {
    return error_of(decode_redrive("redrives/r1", replaced(kRedriveText, what, with)));
  };
  EXPECT_EQ(redrive("\"v\":1", "\"v\":2"), Errc::unsupported);
  EXPECT_EQ(redrive("cancelling", "dreaming"), Errc::corrupt);
  EXPECT_EQ(redrive("0.5", "\"0.5\""), Errc::corrupt);
  EXPECT_EQ(redrive("\"moved\":3", "\"moved\":-3"), Errc::corrupt);
  EXPECT_EQ(redrive("r1", "r2"), Errc::corrupt);
  EXPECT_TRUE(decode_redrive("redrives/r1", replaced(kRedriveText, "{", "{\"later\":[],")));
}

// ---- Queues ----

Task<> creates(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t", 2);
  Queue wanted = queue_on("q", "t", topic);
  wanted.settings.dead_letter_queue = "dead";
  wanted.tags = {{"a", "b"}};
  const auto created = co_await create_queue(catalog, wanted, {Offset(5), Offset(6)});
  EXPECT_FINE(created);
  EXPECT_FALSE(created->queue->id.is_zero());
  EXPECT_GT(created->queue->created.value(), 0);
  EXPECT_EQ(created->queue->modified, created->queue->created);
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  const StoredQueue* stored = (*loaded)->find("q");
  if (stored == nullptr) {
    ADD_FAILURE() << "it is not there";
    co_return;
  }
  EXPECT_TRUE(same(*stored->queue, *created->queue));
  EXPECT_EQ(stored->revision, created->revision);
  EXPECT_EQ(stored->start_of(PartitionIndex(1)), Offset(6));
  EXPECT_EQ(stored->start_of(PartitionIndex(2)), Offset(0)) << "a partition that was added later";
  EXPECT_EQ((*loaded)->find(created->queue->id), stored);
  EXPECT_EQ(names_of((*loaded)->on_topic(topic)), "q");
  EXPECT_EQ(names_of((*loaded)->dead_letter_sources("dead")), "q");
  EXPECT_EQ((*loaded)->find("p"), nullptr);
  EXPECT_EQ((*loaded)->find(QueueId{}), nullptr);
  EXPECT_TRUE((*loaded)->on_topic(kId).empty());
  EXPECT_TRUE((*loaded)->dead_letter_sources("q").empty());
}
TEST(QueueCatalog, ACreatedQueueIsFoundByNameIdTopicAndDeadLetters) { run(creates); }

Task<> refuses(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t", 2);
  EXPECT_FINE(co_await create_queue(catalog, queue_on("q", "t", topic), {}));
  EXPECT_EQ(error_of(co_await create_queue(catalog, queue_on("q", "t", topic), {})), Errc::exists);
  EXPECT_EQ(error_of(co_await create_queue(catalog, queue_on("p", "s", topic), {})), Errc::not_found);
  EXPECT_EQ(error_of(co_await create_queue(catalog, queue_on("p", "t", kId), {})), Errc::not_found);
  for (const char* name : {"", "a b", "a/b", "__leat_x", "__consumer_offsets"})
    EXPECT_EQ(error_of(co_await create_queue(catalog, queue_on(name, "t", topic), {})), Errc::invalid_name) << name;
  EXPECT_FINE(co_await create_queue(catalog, queue_on(std::string(80, 'q'), "t", topic), {}));
  Queue wrong = queue_on("p", "t", topic);
  wrong.settings.deliveries_max = 1;
  EXPECT_EQ(error_of(co_await create_queue(catalog, wrong, {})), Errc::invalid_config);
  EXPECT_EQ(error_of(co_await create_queue(catalog, queue_on("p", "t", topic), std::vector<Offset>(3))),
            Errc::invalid_argument);
  catalog::NewTopic internal{.name = "__leat_x", .replicas = catalog::replicas_on(NodeId(1), 1), .internal = true};
  const auto made = co_await catalog::create_topic(catalog, {}, internal);
  EXPECT_FINE(made);
  EXPECT_EQ(error_of(co_await create_queue(catalog, queue_on("p", "__leat_x", made->entry.id), {})),
            Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await alter_queue(catalog, "p", {})), Errc::not_found);
  EXPECT_EQ(error_of(co_await remove_queue(catalog, "p")), Errc::not_found);
}
TEST(QueueCatalog, CreateRefusesWhatExistsOrCannotBe) { run(refuses); }

Task<> alters(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t");
  const auto created = co_await create_queue(catalog, queue_on("q", "t", topic), {Offset(3)});
  EXPECT_FINE(created);
  co_await runtime::sleep_for(std::chrono::seconds(5));
  QueueChange change;
  change.settings["lease_ms"] = "7";
  const auto altered = co_await alter_queue(catalog, "q", change);
  EXPECT_FINE(altered);
  EXPECT_EQ(altered->queue->settings.lease, Milliseconds(7));
  EXPECT_GT(altered->queue->modified, created->queue->modified);
  EXPECT_EQ(altered->queue->created, created->queue->created);
  const auto tagged = co_await alter_queue(catalog, "q", {.tags = {{"k", "v"}}});
  EXPECT_FINE(tagged);
  const auto attributed = co_await alter_queue(catalog, "q", {.attributes = {{"a", "1"}}});
  EXPECT_FINE(attributed);
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  const StoredQueue& stored = *(*loaded)->find("q");
  EXPECT_EQ(stored.queue->settings.lease, Milliseconds(7));
  EXPECT_EQ(stored.queue->tags, (SettingsMap{{"k", "v"}}));
  EXPECT_EQ(stored.queue->attributes, (SettingsMap{{"a", "1"}}));
  EXPECT_EQ(stored.queue->id, created->queue->id);
  EXPECT_EQ(stored.start, std::vector<Offset>{Offset(3)});
  EXPECT_EQ(stored.revision, attributed->revision);
  change.settings["order"] = "fifo";
  EXPECT_EQ(error_of(co_await alter_queue(catalog, "q", change)), Errc::invalid_config);
  change.settings.erase("order");
  change.settings["deliveries_max"] = "4";
  EXPECT_EQ(error_of(co_await alter_queue(catalog, "q", change)), Errc::invalid_config);
}
TEST(QueueCatalog, AlterChangesWhatItNamesAndNothingElse) { run(alters); }

Task<> add_tag(Catalog& catalog, int& done) {
  const auto altered = co_await alter_queue(catalog, "q", {.attributes = {{"a", "1"}}});
  done += altered ? 1 : 0;
}
Task<> set_lease(Catalog& catalog, int& done) {
  QueueChange change;
  change.settings["lease_ms"] = "7";
  const auto altered = co_await alter_queue(catalog, "q", std::move(change));
  done += altered ? 1 : 0;
}
Task<> create_one(Catalog& catalog, TopicId topic, int& done) {
  const auto created = co_await create_queue(catalog, queue_on("q", "t", topic), {});
  if (!created) EXPECT_EQ(created.error().code, Errc::exists);
  done += created ? 1 : 0;
}

Task<> races(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t");
  int created = 0;
  int altered = 0;
  {
    runtime::TaskScope scope;
    for (int i = 0; i < 4; ++i) scope.spawn(create_one(catalog, topic, created));
    co_await scope.join();
  }
  EXPECT_EQ(created, 1);
  runtime::TaskScope scope;
  for (int i = 0; i < 4; ++i) {
    scope.spawn(add_tag(catalog, altered));
    scope.spawn(set_lease(catalog, altered));
  }
  co_await scope.join();
  EXPECT_EQ(altered, 8);
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  EXPECT_EQ((*loaded)->find("q")->queue->attributes.size(), 1U);
  EXPECT_EQ((*loaded)->find("q")->queue->settings.lease, Milliseconds(7));
}
TEST(QueueCatalog, OfConcurrentCreatesOneWinsAndNoChangeIsLost) { run(races); }

Task<> lists(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t");
  for (const char* name : {"b2", "a1", "b1", "c", "b3"})
    EXPECT_FINE(co_await create_queue(catalog, queue_on(name, "t", topic), {}));
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  const QueuesSnapshot& queues = **loaded;
  EXPECT_EQ(names_of(queues.list("", "", 100)), "a1 b1 b2 b3 c");
  EXPECT_EQ(names_of(queues.list("", "", 2)), "a1 b1");
  EXPECT_EQ(names_of(queues.list("b", "", 100)), "b1 b2 b3");
  EXPECT_EQ(names_of(queues.list("b", "b1", 100)), "b2 b3");
  EXPECT_EQ(names_of(queues.list("b", "b1x", 1)), "b2");
  EXPECT_EQ(names_of(queues.list("b", "c", 100)), "");
  EXPECT_EQ(names_of(queues.list("x", "", 100)), "");
  EXPECT_EQ(names_of(queues.on_topic(topic)), "a1 b1 b2 b3 c");
}
TEST(QueueCatalog, ListsInNameOrderByPrefixAndFromAName) { run(lists); }

Task<> forgets_orphans(Catalog& catalog) {
  const TopicId gone = co_await create_topic(catalog, "gone");
  const TopicId stays = co_await create_topic(catalog, "stays");
  EXPECT_FINE(co_await create_queue(catalog, queue_on("on-gone", "gone", gone), {}));
  EXPECT_FINE(co_await create_queue(catalog, queue_on("too", "gone", gone), {}));
  EXPECT_FINE(co_await create_queue(catalog, queue_on("on-stays", "stays", stays), {}));
  EXPECT_FINE(co_await create_redrive(catalog, {.id = "r", .source = "on-gone"}));
  EXPECT_FINE(co_await catalog::delete_topic(catalog, "gone"));
  // One of the same name is another topic.
  const TopicId again = co_await create_topic(catalog, "gone");
  EXPECT_NE(again, gone);
  EXPECT_EQ(co_await keys_below(catalog, "queues/"), "queues/on-gone queues/on-stays queues/too");
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  EXPECT_EQ(names_of((*loaded)->list("", "", 100)), "on-stays");
  EXPECT_EQ(co_await keys_below(catalog, "queues/"), "queues/on-stays");
  EXPECT_EQ(co_await keys_below(catalog, "redri"), "");
  EXPECT_FINE(co_await catalog::delete_topic(catalog, "stays"));
  EXPECT_FINE(co_await remove_orphaned_queues(catalog));
  EXPECT_EQ(co_await keys_below(catalog, "queues/"), "");
}
TEST(QueueCatalog, QueuesWhoseTopicIsGoneAreLeftOutAndRemoved) { run(forgets_orphans); }

Task<> applies_changes(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t");
  EXPECT_FINE(co_await create_queue(catalog, queue_on("stays", "t", topic), {}));
  const auto before = co_await load_queues(catalog);
  EXPECT_FINE(before);
  auto watch = catalog.watch(queue_prefixes(), (*before)->revision());
  EXPECT_FINE(watch);
  EXPECT_FINE(co_await create_queue(catalog, queue_on("brief", "t", topic), {}));
  EXPECT_FINE(co_await create_queue(catalog, queue_on("new", "t", topic), {}));
  EXPECT_FINE(co_await remove_queue(catalog, "brief"));
  EXPECT_FINE(co_await alter_queue(catalog, "new", {.tags = {{"k", "v"}}}));
  QueuesPtr followed = *before;
  while (followed->find("new") == nullptr || followed->find("new")->queue->tags.empty()) {
    const auto changes = co_await (*watch)->next();
    EXPECT_FINE(changes);
    const auto next = apply_changes(*followed, *changes);
    EXPECT_FINE(next);
    followed = *next;
  }
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  EXPECT_EQ(names_of(followed->list("", "", 100)), "new stays");
  EXPECT_EQ(followed->revision(), (*loaded)->revision());
  for (const auto& [name, stored] : followed->queues()) {
    EXPECT_TRUE(same(*stored->queue, *(*loaded)->find(name)->queue));
    EXPECT_EQ(stored->revision, (*loaded)->find(name)->revision);
  }
  EXPECT_EQ(followed->find("stays"), (*before)->find("stays")) << "what did not change is shared";
  catalog::Changes damaged;
  damaged.changes = {{"queues/x", "{}", followed->revision() + 1}};
  EXPECT_EQ(error_of(apply_changes(*followed, damaged)), Errc::corrupt);
}
TEST(QueueCatalog, ChangesLeadToTheSnapshotThatAReloadGives) { run(applies_changes); }

Task<> follow_until_closed() {
  auto opened = co_await catalog::open_sqlite_catalog("/data");
  EXPECT_FINE(opened);
  Catalog& catalog = **opened;
  const TopicId topic = co_await create_topic(catalog, "t");
  const auto loaded = co_await load_queues(catalog);
  EXPECT_FINE(loaded);
  std::vector<std::string> seen;
  runtime::TaskScope scope;
  scope.spawn(
      follow_queues(catalog, *loaded, [&](QueuesPtr queues) { seen.push_back(names_of(queues->list("", "", 100))); }));
  EXPECT_FINE(co_await create_queue(catalog, queue_on("q", "t", topic), {}));
  co_await runtime::sleep_for(std::chrono::seconds(1));
  EXPECT_FINE(co_await remove_queue(catalog, "q"));
  co_await runtime::sleep_for(std::chrono::seconds(1));
  EXPECT_FINE(co_await catalog.close());
  co_await scope.join();
  EXPECT_EQ(seen, (std::vector<std::string>{"q", ""}));
}
TEST(QueueCatalog, FollowersSeeQueuesComeAndGoUntilTheCatalogCloses) {
  runtime::sim::SimWorld world(1);
  ASSERT_TRUE(world.files().create_directories("/data"));
  world.run(follow_until_closed);
}

// ---- Redrives ----

Task<> redrives(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t");
  EXPECT_FINE(co_await create_queue(catalog, queue_on("dead", "t", topic), {}));
  EXPECT_FINE(co_await create_queue(catalog, queue_on("other", "t", topic), {}));
  EXPECT_EQ(error_of(co_await create_redrive(catalog, {.id = "r", .source = "none"})), Errc::not_found);
  EXPECT_EQ(error_of(co_await create_redrive(catalog, {.id = "a b", .source = "dead"})), Errc::invalid_name);
  auto running = co_await create_redrive(catalog, {.id = "r0", .source = "dead", .rate_max = 5});
  EXPECT_FINE(running);
  EXPECT_EQ(error_of(co_await create_redrive(catalog, {.id = "r1", .source = "dead"})), Errc::exists);
  EXPECT_EQ(error_of(co_await create_redrive(catalog, {.id = "r0", .source = "other"})), Errc::exists);
  const auto elsewhere = co_await create_redrive(catalog, {.id = "other", .source = "other"});
  EXPECT_FINE(elsewhere);
  const StoredRedrive old = *running;
  running->redrive.moved = 10;
  running->redrive.state = Redrive::State::cancelling;
  running = co_await update_redrive(catalog, *running);
  EXPECT_FINE(running);
  EXPECT_EQ(error_of(co_await update_redrive(catalog, old)), Errc::version_conflict);
  EXPECT_EQ(error_of(co_await create_redrive(catalog, {.id = "r1", .source = "dead"})), Errc::exists);
  running->redrive.state = Redrive::State::cancelled;
  EXPECT_FINE(co_await update_redrive(catalog, *running));
  for (int i = 1; i <= 15; ++i) {
    auto next = co_await create_redrive(
        catalog, {.id = fmt::format("r{}", i), .source = "dead", .started = Timestamp(1000 + i)});
    EXPECT_FINE(next);
    next->redrive.state = Redrive::State::completed;
    EXPECT_FINE(co_await update_redrive(catalog, *next));
  }
  const auto all = co_await load_redrives(catalog, "dead");
  EXPECT_FINE(all);
  EXPECT_EQ(all->size(), kFinishedRedrivesMax);
  EXPECT_EQ(all->front().redrive.id, "r15");
  EXPECT_EQ(all->back().redrive.id, "r6");
  EXPECT_EQ((co_await load_redrives(catalog, ""))->size(), kFinishedRedrivesMax + 1);
  EXPECT_FINE(co_await remove_queue(catalog, "other"));
  EXPECT_EQ(error_of(co_await update_redrive(catalog, *elsewhere)), Errc::not_found);
  EXPECT_EQ(co_await keys_below(catalog, "redriving/"), "");
  EXPECT_FINE(co_await remove_queue(catalog, "dead"));
  EXPECT_EQ(co_await keys_below(catalog, "redri"), "");
}
TEST(QueueCatalog, OneRedriveRunsForASourceAndTheLastFinishedOnesAreKept) { run(redrives); }

Task<> try_redrive(Catalog& catalog, std::string id, int& made) {
  const auto created = co_await create_redrive(catalog, {.id = std::move(id), .source = "dead"});
  if (!created) EXPECT_EQ(created.error().code, Errc::exists) << created.error().message;
  made += created ? 1 : 0;
}
Task<> races_of_redrives(Catalog& catalog) {
  const TopicId topic = co_await create_topic(catalog, "t");
  EXPECT_FINE(co_await create_queue(catalog, queue_on("dead", "t", topic), {}));
  int made = 0;
  runtime::TaskScope scope;
  for (const char* id : {"a", "b", "c", "d"}) scope.spawn(try_redrive(catalog, id, made));
  co_await scope.join();
  EXPECT_EQ(made, 1);
}
TEST(QueueCatalog, OfConcurrentRedrivesFromOneSourceOneWins) { run(races_of_redrives); }

}  // namespace
}  // namespace leat::queue
