#include "tests/protocol/resp/node.h"

#include "catalog/sqlite_catalog.h"

namespace leat::resp::testing {
namespace {

using runtime::Task;

constexpr const char* kFolder = "/data";
constexpr NodeId kNode{1};
constexpr std::string_view kTopic = "__leat_keyspace";
constexpr std::string_view kLocksTopic = "__leat_locks";

Settings settings_of(Durability durability) {
  Settings settings;
  settings.databases = 3;
  settings.durability.assign(settings.databases, durability);
  return settings;
}

}  // namespace

void Recorder::execute(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto space = std::min(line.find(' '), line.size());
    if (space > 0) words.push_back(line.substr(0, space));
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  execute(Arguments(words));
}

void Recorder::execute(Arguments words) {
  executor_.begin_batch();
  executor_.execute(client_, words);
}

void Recorder::send(Client& /*client*/, std::string& bytes) {
  received_ += bytes;
  bytes.clear();
}

Node::Node(runtime::sim::SimWorld& world, Durability durability)
    : world_(world), durability_(durability), reserve_(world.files(), kFolder) {}
Node::~Node() = default;

Task<Status> Node::start() {
  LEAT_CO_CHECK(world_.files().create_directories(kFolder));
  LEAT_CO_TRY(catalog_, co_await catalog::open_sqlite_catalog(kFolder));
  LEAT_CO_CHECK(co_await catalog::raise_all_leader_epochs(*catalog_, kNode));
  stream::StreamOptions options;
  options.store.folder = kFolder;
  runtime::Shard& shard = runtime::Shard::current();
  shard_ = std::make_unique<stream::StreamShard>(shard, options, world_.files());
  shard_->start();
  streams_ = std::make_unique<stream::Streams>(std::vector<stream::StreamShard*>{shard_.get()});
  topics_ = std::make_unique<stream::TopicService>(*catalog_, catalog::ServerDefaults{}, kNode, *streams_,
                                                   world_.files(), reserve_, kFolder);
  LEAT_CO_CHECK(co_await topics_->start({}));
  LEAT_CO_TRY(auto journal, co_await open(kTopic, durability_ == Durability::commit ? "commit" : "interval"));
  LEAT_CO_TRY(auto locks, co_await open(kLocksTopic, "commit"));
  journal_ = std::make_unique<keyspace::Journal>(std::move(journal));
  executor_ = std::make_unique<Executor>(shard, settings_of(durability_));
  {
    Replayer replayer(*executor_);
    LEAT_CO_CHECK(co_await journal_->replay([&replayer](const auto& unit) { return replayer.apply(unit); }));
  }
  LEAT_CO_CHECK(co_await executor_->locks().start(std::move(locks)));
  executor_->start_journal(*journal_);
  co_return Status{};
}

Task<Result<std::shared_ptr<log::Partition>>> Node::open(std::string_view name, std::string flush) {
  if (shard_->topics()->find(name) == nullptr) {
    catalog::NewTopic topic;
    topic.name = name;
    topic.internal = true;
    topic.replicas = catalog::replicas_on(kNode, 1);
    topic.config = {{"retention.ms", "-1"}, {"leat.flush", std::move(flush)}};
    if (auto created = co_await topics_->create(std::move(topic)); !created) co_return fail(created.error());
  }
  const auto partition = shard_->find({shard_->topics()->find(name)->entry.id, PartitionIndex(0)});
  co_return partition->log().shared_from_this();
}

Task<Status> Node::stop() {
  if (executor_) co_await executor_->stop();
  if (topics_) topics_->begin_stop();
  Status closed;
  if (catalog_) closed = co_await catalog_->close();
  if (topics_) co_await topics_->stop();
  if (shard_) {
    const Status stopped = co_await shard_->stop();
    if (!stopped) closed = stopped;
  }
  co_return closed;
}

}  // namespace leat::resp::testing
