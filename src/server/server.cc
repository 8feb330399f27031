#include "server/server.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/logging.h"
#include "catalog/identity.h"
#include "catalog/sqlite_catalog.h"
#include "observe/process.h"
#include "observe/registry.h"
#include "protocol/kafka/server.h"
#include "protocol/sns/server.h"
#include "protocol/sqs/server.h"
#include "queue/queue_service.h"
#include "queue/queue_shard.h"
#include "runtime/call.h"
#include "runtime/real.h"
#include "security/policy_service.h"
#include "security/random.h"
#include "server/banner.h"
#include "server/config/resolve.h"
#include "server/data_folder.h"
#include "server/http_front.h"
#include "server/metrics.h"
#include "server/resp_front.h"
#include "server/tls_listeners.h"
#include "server/security_front.h"
#include "server/wiring.h"
#include "stream/group_shard.h"
#include "stream/topic_service.h"

namespace leat::server {
namespace {

using runtime::Task;

constexpr int kExitSecondSignal = 130;
constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kQueueIndexFolder = "queue-index";

// What lives on one shard. Built and stopped there.
struct ShardState {
  std::unique_ptr<stream::StreamShard> streams;
  std::unique_ptr<stream::GroupShard> groups;
  std::unique_ptr<queue::QueueShard> queues;
  std::unique_ptr<kafka::ShardServer> kafka;
  std::unique_ptr<sns::SnsShard> sns;
  std::unique_ptr<sqs::SqsShard> sqs;
};

struct ShardStop {
  Status status;
  std::vector<std::pair<TopicPartition, log::RecoveryPoint>> points;
};

Task<> start_streams(ShardState* state) {
  state->streams->start();
  co_return;
}
Task<> start_groups(ShardState* state) {
  state->groups->start_all();
  co_return;
}
Task<> start_deliveries(ShardState* state) {
  state->sns->deliverer().start();
  co_return;
}
Task<> begin_stop_deliveries(ShardState* state) {
  state->sns->deliverer().begin_stop();
  co_return;
}
Task<> stop_deliveries(ShardState* state) { co_await state->sns->deliverer().stop(); }
Task<Status> forget_topic(ShardState* state, std::string name) {
  for (const auto& [partition, coordinator] : state->groups->coordinators()) {
    const auto reply = co_await coordinator->topic_deleted({name});
    if (reply.error != stream::GroupError::none)
      co_return fail(Errc::cancelled, fmt::format("groups keep its offsets: {}", to_string(reply.error)));
  }
  co_return Status{};
}
Task<> start_queue_shard(ShardState* state) {
  state->queues->start();
  co_return;
}
Task<> end_queue_waits(ShardState* state) {
  state->queues->end_waits();
  co_return;
}
Task<> stop_queues(ShardState* state) { co_await state->queues->stop(); }
Task<> stop_groups(ShardState* state) { co_await state->groups->stop(); }
Task<> start_server(ShardState* state) {
  state->kafka->start();
  co_return;
}
Task<> stop_connections(ShardState* state, Milliseconds grace) {
  const MonoTime deadline = runtime::Shard::current().now() + grace;
  co_await state->kafka->stop(deadline);
  if (state->sqs) co_await state->sqs->stop(deadline);
}
Task<ShardStop> stop_streams(ShardState* state) {
  ShardStop stop;
  stop.status = co_await state->streams->stop();
  stop.points = state->streams->store().recovery_points();
  co_return stop;
}
Task<std::vector<std::pair<TopicPartition, log::RecoveryPoint>>> checkpoint_streams(ShardState* state) {
  co_return co_await state->streams->checkpoint();
}
// What a shard owns is destroyed on it.
Task<> drop_state(ShardState* state) {
  state->kafka.reset();
  state->sqs.reset();
  state->sns.reset();
  state->queues.reset();
  state->groups.reset();
  state->streams.reset();
  co_return;
}

// The whole server, in the order in which it starts; it stops in the reverse order.
class Server {
 public:
  Server(const ServerConfig& config, runtime::RealRuntime& runtime)
      : config_(config),
        shards_(runtime.shards()),
        states_(shards_.size()),
        files_(runtime::real_files()),
        reserve_(files_, config.data_dir),
        tls_(config, files_, shards_.size()),
        policies_(std::make_shared<security::Policies>(shards_.size(), security::random_bytes(kSecretBytes))),
        security_(shards_, files_, policies_),
        http_(shards_, policies_),
        queue_index_(runtime::join_path(config.data_dir, kQueueIndexFolder)) {}

  void request_stop() {
    stop_requested_ = true;
    stop_wake_.notify_all();
  }

  void reload_certificate() { tls_.reload(); }

  Task<> main(Status& outcome) {
    outcome = co_await start();
    if (outcome) {
      log_info("server", "serving");
      const bool is_open = policies_->current()->is_open();
      if (is_open) log_info("server", "{}", first_user_hint(endpoints_));
      print_banner(config_, endpoints_, is_open);
      tasks_.spawn(write_checkpoints());
      while (!stop_requested_) co_await stop_wake_.wait();
      log_info("server", "stopping: a second signal ends the process at once");
    }
    const Status stopped = co_await stop();
    if (outcome) outcome = stopped;
  }

 private:
  Task<Status> start() {
    const std::string& folder = config_.data_dir;
    LEAT_CO_CHECK(co_await tls_.start());
    LEAT_CO_TRY(lock_, co_await runtime::run_blocking([&] { return open_data_folder(files_, folder); }));
    if (is_open_to_others(folder))
      log_warning("server",
                  "others on this machine may look into {}, which has what proves who users are: chmod 700 {}", folder,
                  folder);
    // A start or a stop on a full disk takes what was set aside for it.
    co_await runtime::run_blocking([this] { reserve_.release(); });
    LEAT_CO_CHECK(co_await security_.open_audit(config_));
    LEAT_CO_CHECK(co_await start_http());
    LEAT_CO_TRY(catalog_, co_await catalog::open_sqlite_catalog(folder, &reserve_));
    LEAT_CO_TRY(identity_, co_await catalog::ensure_identity(*catalog_, NodeId(config_.node.id)));
    LEAT_CO_CHECK(co_await catalog::raise_all_leader_epochs(*catalog_, identity_.node));
    LEAT_CO_CHECK(co_await start_users());
    outgoing_ = std::make_unique<http::OutgoingClient>();
    LEAT_CO_CHECK(co_await security_.trust_issuer(config_, *outgoing_));
    LEAT_CO_CHECK(co_await start_shards());
    LEAT_CO_CHECK(co_await start_topics());
    LEAT_CO_CHECK(co_await start_queues());
    LEAT_CO_CHECK(co_await start_sqs());
    LEAT_CO_CHECK(co_await resp_.start(config_, policies_, *users_, *topics_, *streams_, tls_, endpoints_));
    resp_.register_metrics(registry_);
    co_await start_api();
    co_return co_await start_kafka();
  }

  // Health and metrics answer from the first moment on; readiness says what is still missing.
  Task<Status> start_http() {
    registry_.add(observe::collect_process);
    registry_.add([this](observe::MetricsPage& page) { tls_.collect(page); });
    registry_.add([this](observe::MetricsPage& page) { security_.collect(page); });
    co_return co_await http_.start(config_, tls_, [this] { return not_ready_; }, registry_, endpoints_);
  }

  Task<> start_api() {
    std::vector<stream::GroupShard*> groups;
    std::vector<queue::QueueShard*> queues;
    for (const ShardState& state : states_) {
      groups.push_back(state.groups.get());
      queues.push_back(state.queues.get());
    }
    api_node_.reset(new api::ApiNode{.cluster_id = kafka::cluster_id_text(identity_.cluster),
                                     .node = identity_.node,
                                     .options = api_options(config_),
                                     .started = shards_[0]->now(),
                                     .streams = *streams_,
                                     .groups = std::move(groups),
                                     .topics = *topics_,
                                     .home = *shards_[0],
                                     .policies = *policies_,
                                     .users = *users_,
                                     .check_fences = resp_.check_fences(),
                                     .keyspace = resp_.server(),
                                     .shards = {}});
    co_await http_.serve_api(*api_node_, queues, registry_);
  }

  Task<Status> start_users() {
    for (const std::string& name : config_.security.super_users) {
      const bool is_principal = name.starts_with("User:");
      if (!is_principal && security::check_user_name(name)) continue;
      co_return fail(Errc::invalid_config, fmt::format("security.super_users: '{}' is no name of a user{}", name,
                                                       is_principal ? "; leave out 'User:'" : ""));
    }
    users_ = std::make_unique<security::PolicyService>(
        *catalog_, shards_, *policies_,
        std::set<std::string>(config_.security.super_users.begin(), config_.security.super_users.end()));
    LEAT_CO_CHECK(co_await users_->start());
    co_return policies_->current()->is_open() ? check_listeners_without_users(config_) : Status{};
  }

  Task<Status> start_shards() {
    std::vector<stream::StreamShard*> parts;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      states_[i].streams =
          std::make_unique<stream::StreamShard>(*shards_[i], stream_options(config_, reserve_, compacting_), files_);
      states_[i].groups = std::make_unique<stream::GroupShard>(*states_[i].streams, group_config(config_));
      states_[i].queues = std::make_unique<queue::QueueShard>(*states_[i].streams, queue_index_, i);
      parts.push_back(states_[i].streams.get());
    }
    streams_ = std::make_unique<stream::Streams>(parts);
    for (std::size_t i = 0; i < shards_.size(); ++i) co_await runtime::call_on(*shards_[i], start_streams, &states_[i]);
    co_return Status{};
  }

  Task<Status> start_topics() {
    const std::string& folder = config_.data_dir;
    topics_ = std::make_unique<stream::TopicService>(*catalog_, server_defaults(config_), identity_.node, *streams_,
                                                     files_, reserve_, folder);
    // From the first append on the last stop is no longer clean.
    log::Checkpoint before = co_await runtime::run_blocking([&] { return log::load_checkpoint(files_, folder); });
    log::Checkpoint unclean = before;
    unclean.clean = false;
    LEAT_CO_CHECK(co_await runtime::run_blocking([&] { return log::save_checkpoint(files_, folder, unclean); }));
    topics_->on_removed([this](std::string name) { return forget_topic_name(std::move(name)); });
    topics_->set_growth_check([this](const TopicId& topic) { return states_[0].queues->check_growth(topic); });
    const MonoTime started = shards_[0]->now();
    LEAT_CO_CHECK(co_await topics_->start(before));
    const auto took = std::chrono::duration_cast<Milliseconds>(shards_[0]->now() - started);
    if (const std::size_t count = streams_->shard(0).topics()->partition_count(); count > 0)
      log_info("server", "{} partitions opened after {} stop in {} ms", count, before.clean ? "a clean" : "an unclean",
               took.count());
    LEAT_CO_CHECK(co_await save_checkpoint());
    // Before the first record may come: while the reserve is in use they are refused.
    co_await runtime::run_blocking([this] { reserve_.refill(); });
    for (std::size_t i = 0; i < shards_.size(); ++i) co_await runtime::call_on(*shards_[i], start_groups, &states_[i]);
    groups_started_ = true;
    co_return Status{};
  }

  Task<Status> start_queues() {
    co_await runtime::run_blocking([this] { queue_index_.open(); });
    queue_node_.reset(new queue::QueueNode{*streams_, {}, nullptr});
    for (const ShardState& state : states_) queue_node_->shards.push_back(state.queues.get());
    queues_ = std::make_unique<queue::QueueService>(*catalog_, *topics_, *queue_node_);
    queue_node_->service = queues_.get();
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      states_[i].queues->connect(*queue_node_);
      co_await runtime::call_on(*shards_[i], start_queue_shard, &states_[i]);
    }
    co_return co_await queues_->start();
  }

  Task<Status> start_sqs() {
    signing_keys_ = std::make_unique<sns::SigningKeys>(*shards_[0], *catalog_);
    std::vector<http::ShardServer*> servers;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      const sqs::SqsOptions options = sqs_options(config_, policies_);
      states_[i].sns = std::make_unique<sns::SnsShard>(options, *states_[i].queues, *outgoing_, *signing_keys_,
                                                       sns::DelivererOptions{.number = i, .shards = shards_.size()});
      states_[i].sqs = std::make_unique<sqs::SqsShard>(*shards_[i], options, *states_[i].queues, purge_times_,
                                                       std::vector<aws::Api*>{&states_[i].sns->api()});
      co_await runtime::call_on(*shards_[i], start_deliveries, &states_[i]);
      servers.push_back(&states_[i].sqs->http_server());
    }
    for (const ListenerConfig& wanted : config_.listeners) {
      if (wanted.protocol != ListenerProtocol::sqs) continue;
      auto listener = runtime::Shard::current().network().listen(wanted.host, wanted.port);
      if (!listener) co_return explain_listen(wanted, listener.error());
      auto wrapped = tls_.wrap(std::move(*listener), wanted);
      sqs_acceptors_.push_back(std::make_unique<http::Acceptor>(servers, std::move(wrapped)));
      endpoints_.push_back({ListenerProtocol::sqs, wanted.host, sqs_acceptors_.back()->port(), wanted.is_tls});
      log_info("server", "{} on {}:{}", protocol_name(wanted.protocol, wanted.is_tls), wanted.host,
               sqs_acceptors_.back()->port());
    }
    co_return Status{};
  }

  Task<Status> start_kafka() {
    std::vector<stream::GroupShard*> groups;
    for (const ShardState& state : states_) groups.push_back(state.groups.get());
    node_.reset(new kafka::KafkaNode{.cluster_id = kafka::cluster_id_text(identity_.cluster),
                                     .node = identity_.node,
                                     .options = kafka_options(config_),
                                     .streams = *streams_,
                                     .groups = std::move(groups),
                                     .topics = *topics_,
                                     .topics_shard = *shards_[0],
                                     .authorizer = policies_,
                                     .policies = *policies_,
                                     .users = *users_,
                                     .data_folder = config_.data_dir,
                                     .check_fences = resp_.check_fences(),
                                     .listeners = kafka_listener_names()});
    std::vector<kafka::ShardServer*> servers;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      states_[i].kafka = std::make_unique<kafka::ShardServer>(*node_, *states_[i].streams);
      servers.push_back(states_[i].kafka.get());
      const ShardParts parts{states_[i].streams.get(), states_[i].groups.get(), states_[i].queues.get(),
                             states_[i].kafka.get(),   states_[i].sqs.get(),    states_[i].sns.get()};
      registry_.add(*shards_[i], [parts](observe::MetricsPage& page) { collect_shard(page, parts); });
    }
    registry_.add_task(
        [this](observe::MetricsPage& page) { return collect_group_lag(*streams_, node_->groups, page); });
    for (const ListenerConfig& wanted : config_.listeners) {
      if (wanted.protocol != ListenerProtocol::kafka) continue;
      auto listener = runtime::Shard::current().network().listen(wanted.host, wanted.port);
      if (!listener) co_return explain_listen(wanted, listener.error());
      const std::uint16_t port = (*listener)->port();
      const kafka::Endpoint endpoint{wanted.advertised_host,
                                     wanted.advertised_port != 0 ? wanted.advertised_port : port, acceptors_.size()};
      auto wrapped = tls_.wrap(std::move(*listener), wanted);
      acceptors_.push_back(std::make_unique<kafka::Acceptor>(servers, std::move(wrapped), endpoint));
      endpoints_.push_back({ListenerProtocol::kafka, wanted.host, port, wanted.is_tls});
      log_info("server", "{} on {}:{}, advertised as {}:{}", protocol_name(wanted.protocol, wanted.is_tls), wanted.host,
               port, endpoint.host, endpoint.port);
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) co_await runtime::call_on(*shards_[i], start_server, &states_[i]);
    for (const auto& acceptor : acceptors_) acceptor->start();
    for (const auto& acceptor : sqs_acceptors_) acceptor->start();
    resp_.accept();
    not_ready_.clear();
    co_return Status{};
  }

  [[nodiscard]] std::vector<std::string> kafka_listener_names() const {
    std::vector<std::string> names;
    for (const ListenerConfig& listener : config_.listeners) {
      if (listener.protocol == ListenerProtocol::kafka)
        names.push_back(
            fmt::format("{}={}:{}", protocol_name(listener.protocol, listener.is_tls), listener.host, listener.port));
    }
    return names;
  }

  Task<Status> save_checkpoint() {
    log::Checkpoint checkpoint;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      for (auto& [id, point] : co_await runtime::call_on(*shards_[i], checkpoint_streams, &states_[i]))
        checkpoint.points.emplace(id, point);
    }
    co_return co_await runtime::run_blocking(
        [&] { return log::save_checkpoint(files_, config_.data_dir, checkpoint); });
  }

  // Committed offsets and queues of a topic that is gone go too.
  Task<Status> forget_topic_name(std::string name) {
    LEAT_CO_CHECK(co_await queue::remove_orphaned_queues(*catalog_));
    if (!groups_started_) co_return fail(Errc::cancelled, "groups are not loaded yet");
    for (std::size_t i = 0; i < shards_.size(); ++i)
      LEAT_CO_CHECK(co_await runtime::call_on(*shards_[i], forget_topic, &states_[i], name));
    co_return Status{};
  }

  Task<> stop_connections_of(std::size_t shard) {
    if (states_[shard].kafka)
      co_await runtime::call_on(*shards_[shard], stop_connections, &states_[shard], config_.stop.grace);
  }

  Task<> write_checkpoints() {
    while (!stop_requested_) {
      co_await stop_wake_.wait_until(shards_[0]->now() + config_.log.checkpoint_interval);
      if (stop_requested_) break;
      if (auto saved = co_await save_checkpoint(); !saved)
        log_warning("server", "could not write the checkpoint: {}", saved.error().message);
    }
  }

  Task<Status> stop() {
    not_ready_ = {"the server stops"};
    co_await tasks_.join();
    co_await tls_.stop();
    for (const auto& acceptor : acceptors_) co_await acceptor->stop();
    for (const auto& acceptor : sqs_acceptors_) co_await acceptor->stop();
    co_await resp_.stop();
    // Groups first: members that wait for each other would keep their connections until the grace is over.
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (states_[i].groups) co_await runtime::call_on(*shards_[i], stop_groups, &states_[i]);
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (states_[i].sns) co_await runtime::call_on(*shards_[i], begin_stop_deliveries, &states_[i]);
      if (queues_) co_await runtime::call_on(*shards_[i], end_queue_waits, &states_[i]);
    }
    if (outgoing_) outgoing_->stop();
    co_await http_.stop_api(config_.stop.grace);
    {
      runtime::TaskScope connections;
      for (std::size_t i = 0; i < shards_.size(); ++i) connections.spawn(stop_connections_of(i));
      co_await connections.join();
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (states_[i].sns) co_await runtime::call_on(*shards_[i], stop_deliveries, &states_[i]);
    }
    if (queues_) co_await queues_->stop_redrives();
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (queues_) co_await runtime::call_on(*shards_[i], stop_queues, &states_[i]);
    }
    co_await runtime::run_blocking([this] { queue_index_.close(); });
    if (lock_) co_await runtime::run_blocking([this] { reserve_.release(); });
    Status outcome;
    log::Checkpoint checkpoint;
    checkpoint.clean = true;
    if (topics_) topics_->begin_stop();
    if (users_) users_->begin_stop();
    if (catalog_) outcome = co_await catalog_->close();
    if (queues_) co_await queues_->stop();
    if (topics_) co_await topics_->stop();
    if (users_) co_await users_->stop();
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      if (!states_[i].streams) continue;
      ShardStop stopped = co_await runtime::call_on(*shards_[i], stop_streams, &states_[i]);
      if (!stopped.status) outcome = stopped.status;
      for (auto& [id, point] : stopped.points) checkpoint.points.emplace(id, point);
    }
    if (outcome && node_ != nullptr)
      outcome =
          co_await runtime::run_blocking([&] { return log::save_checkpoint(files_, config_.data_dir, checkpoint); });
    co_await http_.stop();
    co_await security_.stop();
    co_await http_.drop();
    co_await resp_.drop();
    for (std::size_t i = 0; i < shards_.size(); ++i) co_await runtime::call_on(*shards_[i], drop_state, &states_[i]);
    if (outcome && node_ != nullptr) log_info("server", "stopped cleanly");
    co_return outcome;
  }

  const ServerConfig& config_;
  std::vector<runtime::Shard*> shards_;
  std::vector<ShardState> states_;
  runtime::FileSystem& files_;
  runtime::SpaceReserve reserve_;
  TlsListeners tls_;  // before all that has its connections
  RespFront resp_;
  std::atomic<bool> compacting_ = false;
  std::shared_ptr<security::Policies> policies_;
  SecurityFront security_;
  std::unique_ptr<runtime::DirectoryLock> lock_;
  observe::MetricsRegistry registry_;
  std::vector<std::string> not_ready_{"the server starts"};
  HttpFront http_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<security::PolicyService> users_;
  catalog::Identity identity_;
  std::unique_ptr<stream::Streams> streams_;
  std::unique_ptr<stream::TopicService> topics_;
  queue::IndexStore queue_index_;
  std::unique_ptr<queue::QueueNode> queue_node_;
  std::unique_ptr<queue::QueueService> queues_;
  std::unique_ptr<kafka::KafkaNode> node_;
  std::unique_ptr<api::ApiNode> api_node_;
  sqs::PurgeTimes purge_times_;
  std::unique_ptr<http::OutgoingClient> outgoing_;
  std::unique_ptr<sns::SigningKeys> signing_keys_;
  std::vector<std::unique_ptr<http::Acceptor>> sqs_acceptors_;
  std::vector<std::unique_ptr<kafka::Acceptor>> acceptors_;
  std::vector<BoundEndpoint> endpoints_;
  runtime::TaskScope tasks_;
  runtime::Notifier stop_wake_;
  bool stop_requested_ = false;
  bool groups_started_ = false;
};

// As many descriptors as the system lets us have: connections and segment files are bounded by configuration.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Status serve(const ServerConfig& config) {
  ::umask(0077);  // what is kept is for this user alone
  raise_descriptor_limit();
  const auto runtime = runtime::RealRuntime::create({.shards = static_cast<std::uint32_t>(config.shards),
                                                     .io_threads = static_cast<std::uint32_t>(config.io_threads)});
  Server server(config, *runtime);
  int signals = 0;
  runtime->on_stop_signal([&](int) {
    if (++signals > 1) _exit(kExitSecondSignal);
    server.request_stop();
  });
  if (std::ranges::any_of(config.listeners, &ListenerConfig::is_tls))
    runtime->on_reload_signal([&] { server.reload_certificate(); });
  Status outcome;
  runtime->run([&] { return server.main(outcome); });
  return outcome;
}

}  // namespace leat::server
