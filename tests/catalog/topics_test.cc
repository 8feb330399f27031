#include "catalog/topics.h"

#include <gtest/gtest.h>

#include "catalog/identity.h"
#include "catalog/sqlite_catalog.h"
#include "runtime/sync.h"
#include "tests/catalog/support.h"

namespace leat::catalog {
namespace {

using runtime::Task;

constexpr NodeId kNode{1};

// Runs a coroutine over an empty catalog.
Task<> with_catalog(std::string folder, Task<> (*test)(Catalog&)) {
  auto catalog = co_await open_sqlite_catalog(std::move(folder));
  CO_ASSERT_OK(catalog);
  co_await test(**catalog);
  auto closed = co_await (*catalog)->close();
  EXPECT_TRUE(closed) << message_of(closed);
}
void run(Task<> (*test)(Catalog&)) {
  const TemporaryFolder folder;
  run_on_shard([&] { return with_catalog(folder.path(), test); });
}

Task<Result<Topic>> create(Catalog& catalog, std::string name, std::int32_t partitions = 1, ConfigMap config = {}) {
  NewTopic topic{.name = std::move(name), .replicas = replicas_on(kNode, partitions), .config = std::move(config)};
  topic.internal = is_internal_topic(topic.name);
  co_return co_await create_topic(catalog, {}, std::move(topic));
}

// "name:epoch,epoch name:epoch"
std::string epochs(const TopicsSnapshot& topics) {
  std::string text;
  for (const auto& [name, topic] : topics.topics()) {
    text += (text.empty() ? "" : " ") + name + ":";
    for (const PartitionAssignment& partition : topic->assignments) text += fmt::format("{},", partition.leader_epoch);
    text.pop_back();
  }
  return text;
}
Task<std::string> stored_epochs(Catalog& catalog) {
  auto topics = co_await load_topics(catalog);
  co_return topics ? epochs(**topics) : "error: " + topics.error().message;
}

TEST(TopicNames, FollowKafkasRules) {
  for (const char* name : {"a", "A-z_0.9", "...", ".a", "-", "__consumer_offsets"})
    EXPECT_TRUE(check_topic_name(name)) << name;
  EXPECT_TRUE(check_topic_name(std::string(249, 'a')));
  EXPECT_EQ(error_of(check_topic_name(std::string(250, 'a'))), Errc::invalid_name);
  for (const char* name : {"", ".", "..", "a b", "a/b", "a:b", "a\n", "é", "a,b", "a*"}) {
    EXPECT_EQ(error_of(check_topic_name(name)), Errc::invalid_name) << name;
  }
  EXPECT_EQ(error_of(check_topic_name(std::string_view("a\0b", 3))), Errc::invalid_name);
}

TEST(TopicNames, InternalTopicsAreConsumerOffsetsAndLeatsOwn) {
  EXPECT_TRUE(is_internal_topic("__consumer_offsets"));
  EXPECT_TRUE(is_internal_topic("__leat_queue"));
  EXPECT_FALSE(is_internal_topic("__leat"));
  EXPECT_FALSE(is_internal_topic("consumer_offsets"));
  EXPECT_FALSE(is_internal_topic("__transaction_state_of_mine"));
}

TEST(TopicNames, CollideWhenTheyDifferOnlyInDotsAndUnderscores) {
  EXPECT_EQ(collision_form("a.b_c"), collision_form("a_b.c"));
  EXPECT_NE(collision_form("a.b"), collision_form("a-b"));
}

Task<> created_topic_is_found(Catalog& catalog) {
  auto created = co_await create(catalog, "orders", 3, {{"retention.ms", "1000"}});
  CO_ASSERT_OK(created);
  EXPECT_FALSE(created->entry.id.is_zero());
  auto other = co_await create(catalog, "other");
  CO_ASSERT_OK(other);
  EXPECT_NE(other->entry.id, created->entry.id);
  auto topics = co_await load_topics(catalog);
  CO_ASSERT_OK(topics);
  EXPECT_EQ((*topics)->topics().size(), 2U);
  EXPECT_EQ((*topics)->partition_count(), 4U);
  const Topic* topic = (*topics)->find("orders");
  CO_ASSERT_TRUE(topic != nullptr);
  EXPECT_EQ(topic, (*topics)->find(created->entry.id));
  EXPECT_EQ(topic->entry, created->entry);
  EXPECT_EQ(topic->modified, created->modified);
  EXPECT_EQ(topic->entry.partitions, 3);
  EXPECT_FALSE(topic->entry.internal);
  EXPECT_GT(topic->entry.created.value(), 0);
  EXPECT_EQ(topic->entry.config, (ConfigMap{{"retention.ms", "1000"}}));
  const PartitionAssignment expected{kNode, LeaderEpoch(0), {kNode}, {kNode}};
  EXPECT_EQ(topic->assignments, std::vector<PartitionAssignment>(3, expected));
  EXPECT_EQ((*topics)->find("order"), nullptr);
  EXPECT_EQ((*topics)->find(TopicId{}), nullptr);
}
TEST(Topics, ACreatedTopicIsFoundByNameAndById) { run(created_topic_is_found); }

Task<> create_refuses(Catalog& catalog) {
  CO_ASSERT_OK(co_await create(catalog, "a.b"));
  CO_ASSERT_OK(co_await create(catalog, "plain"));
  EXPECT_EQ(error_of(co_await create(catalog, "a.b")), Errc::exists);
  EXPECT_EQ(error_of(co_await create(catalog, "plain")), Errc::exists);
  auto collides = co_await create(catalog, "a_b");
  EXPECT_EQ(error_of(collides), Errc::invalid_name);
  EXPECT_NE(message_of(collides).find("collides with existing topic 'a.b'"), std::string::npos) << message_of(collides);
  EXPECT_EQ(error_of(co_await create(catalog, "a b")), Errc::invalid_name);
  EXPECT_EQ(error_of(co_await create(catalog, "none", 0)), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await create(catalog, "many", kPartitionsPerTopicMax + 1)), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await create(catalog, "odd", 1, {{"no.such.key", "1"}})), Errc::invalid_config);
  EXPECT_EQ(error_of(co_await create(catalog, "odd", 1, {{"retention.ms", "x"}})), Errc::invalid_config);
  NewTopic disguised{.name = "__leat_x", .replicas = replicas_on(kNode, 1)};
  EXPECT_EQ(error_of(co_await create_topic(catalog, {}, disguised)), Errc::invalid_name);
  NewTopic doubled{.name = "doubled", .replicas = {{kNode, kNode}}};
  EXPECT_EQ(error_of(co_await create_topic(catalog, {}, doubled)), Errc::invalid_argument);
  auto internal = co_await create(catalog, "__consumer_offsets", 50);
  CO_ASSERT_OK(internal);
  EXPECT_TRUE(internal->entry.internal);
  EXPECT_EQ(co_await stored_epochs(catalog),
            "__consumer_offsets:" + fmt::format("{}", fmt::join(std::vector<int>(50, 0), ",")) + " a.b:0 plain:0");
}
TEST(Topics, CreateRefusesWhatExistsCollidesOrIsInvalid) { run(create_refuses); }

Task<> create_and_note(Catalog& catalog, std::string name, std::vector<std::string>& outcomes) {
  auto created = co_await create(catalog, std::move(name));
  outcomes.emplace_back(created ? "created" : to_string(created.error().code));
}

Task<> concurrent_creates(Catalog& catalog) {
  std::vector<std::string> outcomes;
  runtime::TaskScope scope;
  for (const char* name : {"x.y", "x_y", "x.y", "x_y"}) scope.spawn(create_and_note(catalog, name, outcomes));
  co_await scope.join();
  EXPECT_EQ(std::ranges::count(outcomes, "created"), 1);
  EXPECT_EQ(std::ranges::count(outcomes, "exists"), 1);
  EXPECT_EQ(std::ranges::count(outcomes, "invalid_name"), 2);
  auto topics = co_await load_topics(catalog);
  CO_ASSERT_OK(topics);
  EXPECT_EQ((*topics)->topics().size(), 1U);
}
TEST(Topics, OfConcurrentCreatesOneWins) { run(concurrent_creates); }

Task<> deletes(Catalog& catalog) {
  auto created = co_await create(catalog, "a.b", 2);
  CO_ASSERT_OK(created);
  CO_ASSERT_OK(co_await create(catalog, "stays"));
  auto gone = co_await delete_topic(catalog, "a.b");
  CO_ASSERT_OK(gone);
  EXPECT_EQ(gone->id, created->entry.id);
  EXPECT_EQ(co_await stored_epochs(catalog), "stays:0");
  EXPECT_EQ(error_of(co_await delete_topic(catalog, "a.b")), Errc::not_found);
  auto deleted = co_await load_deleted_topics(catalog);
  CO_ASSERT_OK(deleted);
  CO_ASSERT_TRUE(deleted->size() == 1);
  EXPECT_EQ(deleted->front().id, created->entry.id);
  EXPECT_EQ(deleted->front().name, "a.b");
  EXPECT_EQ(deleted->front().partitions, 2);
  // The name is free again, also for the other spelling; the new topic is another one.
  auto again = co_await create(catalog, "a_b");
  CO_ASSERT_OK(again);
  EXPECT_NE(again->entry.id, created->entry.id);
  CO_ASSERT_OK(co_await forget_deleted_topic(catalog, created->entry.id));
  deleted = co_await load_deleted_topics(catalog);
  CO_ASSERT_OK(deleted);
  EXPECT_TRUE(deleted->empty());
  EXPECT_EQ(co_await listing(catalog, "assignments/" + created->entry.id.to_string()), "");
}
TEST(Topics, DeleteFreesTheNameAndRemembersTheFolders) { run(deletes); }

Task<Result<Topic>> create_companion(Catalog& catalog, TopicId topic, std::int32_t partitions) {
  NewTopic companion{.name = companion_name(topic), .replicas = replicas_on(kNode, partitions), .internal = true};
  companion.id = companion_id(topic);
  co_return co_await create_topic(catalog, {}, std::move(companion));
}

TEST(Companions, AreNamedAfterTheirTopicAndDifferInTheVersionOfTheId) {
  const TopicId topic = *Uuid::parse("01234567-89ab-4def-8123-456789abcdef");
  EXPECT_EQ(companion_id(topic).to_string(), "01234567-89ab-8def-8123-456789abcdef");
  EXPECT_EQ(topic_of_companion(companion_id(topic)), topic);
  EXPECT_EQ(companion_name(topic), "__leat_queues-01234567-89ab-4def-8123-456789abcdef");
  EXPECT_TRUE(check_topic_name(companion_name(topic)));
  EXPECT_TRUE(is_internal_topic(companion_name(topic)));
  EXPECT_TRUE(is_companion(companion_id(topic)));
  EXPECT_FALSE(is_companion(topic));
  for (std::uint64_t i = 0; i < 100; ++i) {
    const TopicId made = Uuid::from_random(i * 0x0123456789ABCDEFULL, ~i);
    EXPECT_FALSE(is_companion(made));
    EXPECT_EQ(topic_of_companion(made), made);
  }
}

Task<> companions_follow_the_rules(Catalog& catalog) {
  auto created = co_await create(catalog, "t", 2);
  CO_ASSERT_OK(created);
  const TopicId id = created->entry.id;
  EXPECT_EQ(error_of(co_await create_companion(catalog, id, 3)), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await create_companion(catalog, Uuid::from_random(1, 2), 2)), Errc::not_found);
  NewTopic wrong{.name = companion_name(id), .replicas = replicas_on(kNode, 2), .internal = true};
  for (const TopicId& other : {TopicId{}, id, companion_id(Uuid::from_random(1, 2))}) {
    wrong.id = other;
    EXPECT_EQ(error_of(co_await create_topic(catalog, {}, wrong)), Errc::invalid_argument);
  }
  NewTopic disguised{.name = "plain", .replicas = replicas_on(kNode, 2), .id = companion_id(id)};
  EXPECT_EQ(error_of(co_await create_topic(catalog, {}, disguised)), Errc::invalid_argument);
  auto companion = co_await create_companion(catalog, id, 2);
  CO_ASSERT_OK(companion);
  EXPECT_EQ(companion->entry.id, companion_id(id));
  EXPECT_EQ(error_of(co_await create_companion(catalog, id, 2)), Errc::exists);
  EXPECT_EQ(error_of(co_await delete_topic(catalog, companion_name(id))), Errc::invalid_argument);
}
TEST(Companions, AreCreatedForATopicThatExistsAndStayAsLongAsItDoes) { run(companions_follow_the_rules); }

Task<> companions_go_with_their_topic(Catalog& catalog) {
  auto created = co_await create(catalog, "t", 2);
  CO_ASSERT_OK(created);
  const TopicId id = created->entry.id;
  CO_ASSERT_OK(co_await create_companion(catalog, id, 2));
  auto before = co_await catalog.snapshot({""});
  CO_ASSERT_OK(before);
  auto gone = co_await delete_topic(catalog, "t");
  CO_ASSERT_OK(gone);
  EXPECT_EQ(gone->id, id);
  auto after = co_await catalog.snapshot({""});
  CO_ASSERT_OK(after);
  EXPECT_EQ(after->revision, before->revision + 1);  // in one step
  auto deleted = co_await load_deleted_topics(catalog);
  CO_ASSERT_OK(deleted);
  EXPECT_EQ(deleted->size(), 2U);
  EXPECT_EQ(after->entries.size(), 2U);  // nothing but these two is left
}
TEST(Companions, GoWithTheirTopicInOneCommit) { run(companions_go_with_their_topic); }

Task<> try_companion(Catalog& catalog, TopicId topic) {
  auto created = co_await create_companion(catalog, topic, 1);
  if (!created) EXPECT_EQ(created.error().code, Errc::not_found) << created.error().message;
}
Task<> try_delete(Catalog& catalog, std::string name) { CO_ASSERT_OK(co_await delete_topic(catalog, std::move(name))); }

Task<> companions_never_outlive_a_race(Catalog& catalog) {
  for (int round = 0; round < 20; ++round) {
    auto created = co_await create(catalog, "t");
    CO_ASSERT_OK(created);
    runtime::TaskScope scope;
    scope.spawn(try_companion(catalog, created->entry.id));
    if (round % 2 == 1) {
      auto nothing = co_await catalog.snapshot({"nothing"});
      CO_ASSERT_OK(nothing);
    }
    scope.spawn(try_delete(catalog, "t"));
    co_await scope.join();
    EXPECT_EQ(co_await listing(catalog, "topics/"), "");
  }
}
TEST(Companions, NeverOutliveATopicThatIsDeletedMeanwhile) { run(companions_never_outlive_a_race); }

Task<> alters_config(Catalog& catalog) {
  CO_ASSERT_OK(co_await create(catalog, "t", 1, {{"retention.ms", "1"}}));
  std::vector<ConfigChange> changes{{"retention.ms", ConfigOperation::remove, ""},
                                    {"cleanup.policy", ConfigOperation::append, "compact"}};
  auto altered = co_await alter_topic_config(catalog, {}, "t", changes);
  CO_ASSERT_OK(altered);
  EXPECT_EQ(altered->entry.config, (ConfigMap{{"cleanup.policy", "delete,compact"}}));
  std::vector<ConfigChange> wrong{{"segment.ms", ConfigOperation::set, "0"}};
  EXPECT_EQ(error_of(co_await alter_topic_config(catalog, {}, "t", wrong)), Errc::invalid_config);
  EXPECT_EQ(error_of(co_await alter_topic_config(catalog, {}, "missing", changes)), Errc::not_found);
  auto topics = co_await load_topics(catalog);
  CO_ASSERT_OK(topics);
  EXPECT_EQ((*topics)->find("t")->entry, altered->entry);
  auto replaced = co_await replace_topic_config(catalog, {}, "t", {{"segment.ms", "5"}});
  CO_ASSERT_OK(replaced);
  topics = co_await load_topics(catalog);
  CO_ASSERT_OK(topics);
  EXPECT_EQ((*topics)->find("t")->entry.config, (ConfigMap{{"segment.ms", "5"}}));
  EXPECT_EQ(error_of(co_await replace_topic_config(catalog, {}, "t", {{"segment.ms", "x"}})), Errc::invalid_config);
}
TEST(Topics, ConfigIsAlteredKeyByKeyOrReplaced) { run(alters_config); }

Task<> set_one(Catalog& catalog, std::string key, std::string value) {
  std::vector<ConfigChange> changes{{std::move(key), ConfigOperation::set, std::move(value)}};
  auto altered = co_await alter_topic_config(catalog, {}, "t", std::move(changes));
  EXPECT_TRUE(altered) << message_of(altered);
}

Task<> concurrent_alters(Catalog& catalog) {
  CO_ASSERT_OK(co_await create(catalog, "t"));
  runtime::TaskScope scope;
  scope.spawn(set_one(catalog, "retention.ms", "1"));
  scope.spawn(set_one(catalog, "retention.bytes", "2"));
  scope.spawn(set_one(catalog, "segment.ms", "3"));
  co_await scope.join();
  auto topics = co_await load_topics(catalog);
  CO_ASSERT_OK(topics);
  EXPECT_EQ((*topics)->find("t")->entry.config,
            (ConfigMap{{"retention.bytes", "2"}, {"retention.ms", "1"}, {"segment.ms", "3"}}));
}
TEST(Topics, ConcurrentAltersLoseNoChange) { run(concurrent_alters); }

Task<> adds_partitions(Catalog& catalog) {
  auto created = co_await create(catalog, "t", 2);
  CO_ASSERT_OK(created);
  auto epoch = co_await bump_leader_epoch(catalog, {created->entry.id, PartitionIndex(1)});
  CO_ASSERT_OK(epoch);
  auto grown = co_await add_partitions(catalog, "t", 2, replicas_on(kNode, 2));
  CO_ASSERT_OK(grown);
  EXPECT_EQ(grown->entry.partitions, 4);
  EXPECT_EQ(grown->entry.id, created->entry.id);
  EXPECT_EQ(co_await stored_epochs(catalog), "t:0,1,0,0");
  EXPECT_EQ(error_of(co_await add_partitions(catalog, "t", 2, replicas_on(kNode, 1))), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await add_partitions(catalog, "t", 4, {})), Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await add_partitions(catalog, "t", 4, replicas_on(kNode, kPartitionsPerTopicMax))),
            Errc::invalid_argument);
  EXPECT_EQ(error_of(co_await add_partitions(catalog, "missing", 4, replicas_on(kNode, 1))), Errc::not_found);
  EXPECT_EQ(co_await stored_epochs(catalog), "t:0,1,0,0");
}
TEST(Topics, PartitionsOnlyGrowAndKeepTheirEpochs) { run(adds_partitions); }

Task<> bumps_epochs(Catalog& catalog) {
  auto created = co_await create(catalog, "t", 3);
  CO_ASSERT_OK(created);
  const TopicPartition second{created->entry.id, PartitionIndex(1)};
  for (int i = 1; i <= 3; ++i) {
    auto epoch = co_await bump_leader_epoch(catalog, second);
    CO_ASSERT_OK(epoch);
    EXPECT_EQ(*epoch, LeaderEpoch(i));
  }
  EXPECT_EQ(co_await stored_epochs(catalog), "t:0,3,0");
  EXPECT_EQ(error_of(co_await bump_leader_epoch(catalog, {created->entry.id, PartitionIndex(3)})), Errc::not_found);
  EXPECT_EQ(error_of(co_await bump_leader_epoch(catalog, {created->entry.id, PartitionIndex(-1)})), Errc::not_found);
  EXPECT_EQ(error_of(co_await bump_leader_epoch(catalog, {Uuid::from_random(1, 2), PartitionIndex(0)})),
            Errc::not_found);
}
TEST(Topics, OneLeaderEpochIsBumpedAlone) { run(bumps_epochs); }

Task<> raises_all_epochs(Catalog& catalog) {
  // More topics than one commit may touch.
  constexpr int kTopics = static_cast<int>(kCommitOperationsMax) + 5;
  for (int i = 0; i < kTopics; ++i) CO_ASSERT_OK(co_await create(catalog, fmt::format("t{:03}", i), 2));
  NewTopic elsewhere{.name = "elsewhere", .replicas = {{kNode}, {NodeId(2), kNode}}};
  CO_ASSERT_OK(co_await create_topic(catalog, {}, elsewhere));
  CO_ASSERT_OK(co_await raise_all_leader_epochs(catalog, kNode));
  CO_ASSERT_OK(co_await raise_all_leader_epochs(catalog, kNode));
  auto topics = co_await load_topics(catalog);
  CO_ASSERT_OK(topics);
  for (const auto& [name, topic] : (*topics)->topics()) {
    for (const PartitionAssignment& partition : topic->assignments) {
      EXPECT_EQ(partition.leader_epoch.value(), partition.leader == kNode ? 2 : 0) << name;
    }
  }
  EXPECT_EQ((*topics)->partition_count(), 2U * kTopics + 2);
}
TEST(Topics, EveryEpochIsRaisedWhereTheNodeLeads) { run(raises_all_epochs); }

Task<> bump_many(Catalog& catalog, TopicPartition partition, int times) {
  for (int i = 0; i < times; ++i) {
    auto epoch = co_await bump_leader_epoch(catalog, partition);
    EXPECT_TRUE(epoch) << message_of(epoch);
  }
}
Task<> raise_many(Catalog& catalog, int times) {
  for (int i = 0; i < times; ++i) {
    auto raised = co_await raise_all_leader_epochs(catalog, kNode);
    EXPECT_TRUE(raised) << message_of(raised);
  }
}

Task<> concurrent_raises(Catalog& catalog) {
  auto created = co_await create(catalog, "t", 2);
  CO_ASSERT_OK(created);
  CO_ASSERT_OK(co_await create(catalog, "u", 1));
  runtime::TaskScope scope;
  scope.spawn(raise_many(catalog, 5));
  scope.spawn(raise_many(catalog, 5));
  scope.spawn(bump_many(catalog, {created->entry.id, PartitionIndex(0)}, 5));
  co_await scope.join();
  EXPECT_EQ(co_await stored_epochs(catalog), "t:15,10 u:10");
}
TEST(Topics, ConcurrentRaisesAndBumpsAllCount) { run(concurrent_raises); }

Task<> applies_changes_as_a_reload_would(Catalog& catalog) {
  auto first = co_await create(catalog, "first", 2);
  CO_ASSERT_OK(first);
  CO_ASSERT_OK(co_await create(catalog, "a.b"));
  CO_ASSERT_OK(co_await create(catalog, "untouched"));
  auto base = co_await load_topics(catalog);
  CO_ASSERT_OK(base);
  auto watch = catalog.watch(topic_prefixes(), (*base)->revision());
  CO_ASSERT_OK(watch);
  CO_ASSERT_OK(co_await add_partitions(catalog, "first", 2, replicas_on(kNode, 1)));
  CO_ASSERT_OK(co_await bump_leader_epoch(catalog, {first->entry.id, PartitionIndex(2)}));
  CO_ASSERT_OK(co_await delete_topic(catalog, "a.b"));
  CO_ASSERT_OK(co_await create(catalog, "a.b", 4));
  CO_ASSERT_OK(co_await create(catalog, "brief"));
  CO_ASSERT_OK(co_await delete_topic(catalog, "brief"));
  CO_ASSERT_OK(co_await replace_topic_config(catalog, {}, "first", {{"segment.ms", "9"}}));
  auto changes = co_await (*watch)->next();
  CO_ASSERT_OK(changes);
  auto applied = apply_changes(**base, *changes);
  CO_ASSERT_OK(applied);
  auto reloaded = co_await load_topics(catalog);
  CO_ASSERT_OK(reloaded);
  EXPECT_EQ((*applied)->revision(), (*reloaded)->revision());
  EXPECT_EQ((*applied)->partition_count(), (*reloaded)->partition_count());
  CO_ASSERT_TRUE((*applied)->topics().size() == (*reloaded)->topics().size());
  for (const auto& [name, topic] : (*reloaded)->topics()) {
    const Topic* same = (*applied)->find(name);
    CO_ASSERT_TRUE(same != nullptr);
    EXPECT_EQ(same, (*applied)->find(topic->entry.id));
    EXPECT_EQ(same->entry, topic->entry);
    EXPECT_EQ(same->assignments, topic->assignments);
    EXPECT_EQ(same->modified, topic->modified) << name;
    EXPECT_EQ(same->assignments_modified, topic->assignments_modified) << name;
  }
  EXPECT_EQ(epochs(**applied), "a.b:0,0,0,0 first:0,0,1 untouched:0");
  EXPECT_EQ((*applied)->find("untouched"), (*base)->find("untouched"));  // shared, not copied
  EXPECT_EQ((*base)->find("first")->entry.partitions, 2);                // the old snapshot is as it was
}
TEST(Topics, ChangesLeadToTheSnapshotThatAReloadGives) { run(applies_changes_as_a_reload_would); }

Task<> follows(Catalog& catalog) {
  auto base = co_await load_topics(catalog);
  CO_ASSERT_OK(base);
  TopicsPtr latest = *base;
  runtime::Notifier published;
  runtime::TaskScope scope;
  scope.spawn(follow_topics(catalog, *base, [&](TopicsPtr topics) {
    EXPECT_GT(topics->revision(), latest->revision());
    latest = std::move(topics);
    published.notify_all();
  }));
  auto created = co_await create(catalog, "t", 2);
  CO_ASSERT_OK(created);
  while (latest->revision() < created->modified) co_await published.wait();
  EXPECT_NE(latest->find("t"), nullptr);
  CO_ASSERT_OK(co_await delete_topic(catalog, "t"));
  while (latest->find("t") != nullptr) co_await published.wait();
  auto closed = co_await catalog.close();
  EXPECT_TRUE(closed);
  co_await scope.join();  // closing the catalog ends it
}
Task<> follow_and_close(std::string folder) {
  auto catalog = co_await open_sqlite_catalog(std::move(folder));
  CO_ASSERT_OK(catalog);
  co_await follows(**catalog);
}
TEST(Topics, FollowersSeeTopicsComeAndGoUntilTheCatalogCloses) {
  const TemporaryFolder folder;
  run_on_shard([&] { return follow_and_close(folder.path()); });
}

Task<> damaged_entries(Catalog& catalog) {
  auto created = co_await create(catalog, "t", 2);
  CO_ASSERT_OK(created);
  CO_ASSERT_OK(co_await put(catalog, "assignments/" + created->entry.id.to_string(),
                            R"({"epochs":[0],"isr":[[1]],"leaders":[1],"replicas":[[1]],"v":1})"));
  auto fewer = co_await load_topics(catalog);
  EXPECT_EQ(error_of(fewer), Errc::corrupt);
  EXPECT_NE(message_of(fewer).find("'t'"), std::string::npos) << message_of(fewer);
  CO_ASSERT_OK(co_await put(catalog, "topics/t", "{"));
  EXPECT_EQ(error_of(co_await load_topics(catalog)), Errc::corrupt);
  CO_ASSERT_OK(co_await put(catalog, "topics/t", R"({"v":9})"));
  EXPECT_EQ(error_of(co_await load_topics(catalog)), Errc::unsupported);
}
TEST(Topics, EntriesThatContradictEachOtherAreReported) { run(damaged_entries); }

Task<> identity_is_made_once(Catalog& catalog) {
  auto first = co_await ensure_identity(catalog, std::nullopt);
  CO_ASSERT_OK(first);
  EXPECT_FALSE(first->cluster.is_zero());
  EXPECT_EQ(first->node, kFirstNodeId);
  auto second = co_await ensure_identity(catalog, kFirstNodeId);
  CO_ASSERT_OK(second);
  EXPECT_EQ(second->cluster, first->cluster);
  EXPECT_EQ(error_of(co_await ensure_identity(catalog, NodeId(9))), Errc::invalid_config);
}
TEST(Identity, IsMadeUpOnceAndKept) { run(identity_is_made_once); }

Task<> identity_as_configured(Catalog& catalog) {
  EXPECT_EQ(error_of(co_await ensure_identity(catalog, NodeId(-1))), Errc::invalid_config);
  auto first = co_await ensure_identity(catalog, NodeId(7));
  CO_ASSERT_OK(first);
  EXPECT_EQ(first->node, NodeId(7));
  auto second = co_await ensure_identity(catalog, std::nullopt);
  CO_ASSERT_OK(second);
  EXPECT_EQ(second->node, NodeId(7));
}
TEST(Identity, TakesTheConfiguredNodeId) { run(identity_as_configured); }

Task<> take_blocks(Catalog& catalog, int count, std::set<std::int64_t>& taken) {
  for (int i = 0; i < count; ++i) {
    auto block = co_await allocate_producer_ids(catalog);
    CO_ASSERT_OK(block);
    EXPECT_TRUE(taken.insert(block->first.value()).second) << "twice: " << block->first.value();
  }
}
Task<> producer_ids(Catalog& catalog) {
  std::set<std::int64_t> taken;
  runtime::TaskScope scope;
  for (int i = 0; i < 3; ++i) scope.spawn(take_blocks(catalog, 4, taken));
  co_await scope.join();
  std::int64_t expected = 0;
  for (const std::int64_t first : taken) {
    EXPECT_EQ(first, expected);
    expected += kProducerIdsPerBlock;
  }
  EXPECT_EQ(taken.size(), 12U);
}
TEST(Identity, ProducerIdBlocksNeverOverlap) { run(producer_ids); }

}  // namespace
}  // namespace leat::catalog
