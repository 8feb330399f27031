#include "server/resp_front.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/logging.h"
#include "protocol/resp/metrics.h"
#include "runtime/call.h"
#include "server/metrics.h"
#include "server/wiring.h"

namespace leat::server {
namespace {

using runtime::Task;

constexpr std::string_view kJournalTopic = "__leat_keyspace";
constexpr std::string_view kLocksTopic = "__leat_locks";
constexpr std::int64_t kSegmentBytes = std::int64_t{256} << 20;

// The journal is flushed as the strictest database wants it.
std::string flush_policy(const resp::Settings& settings) {
  return std::ranges::find(settings.durability, resp::Durability::commit) != settings.durability.end() ? "commit"
                                                                                                       : "interval";
}

// Makes the internal topic of a journal, or changes its settings to these. Returns its one partition.
Task<Result<TopicPartition>> ensure_topic(stream::TopicService& topics, const stream::Streams& streams,
                                          std::string_view name, std::string flush, TopicId id = {}) {
  catalog::NewTopic topic;
  topic.name = name;
  topic.id = id;
  topic.internal = true;
  topic.replicas = catalog::replicas_on(topics.node(), 1);
  topic.config = {{"retention.ms", "-1"},
                  {"segment.bytes", fmt::format("{}", kSegmentBytes)},
                  {"max.message.bytes", fmt::format("{}", std::numeric_limits<std::int32_t>::max())},
                  {"leat.flush", std::move(flush)}};
  const catalog::ConfigMap config = topic.config;
  auto created = co_await topics.create(std::move(topic));
  if (!created && created.error().code != Errc::exists) co_return fail(std::move(created.error()));
  if (!created) LEAT_CO_CHECK(co_await topics.replace_config(std::string(name), config));
  co_return TopicPartition{streams.shard(0).topics()->find(name)->entry.id, PartitionIndex(0)};
}

// On the shard that owns the journals' partitions, which is then the keyspace's.
Task<Status> start_server(std::unique_ptr<resp::Server>* server, const resp::Settings* settings,
                          const stream::Streams* all, stream::StreamShard* streams, TopicPartition journal,
                          TopicPartition locks) {
  *server = std::make_unique<resp::Server>(runtime::Shard::current(), *settings);
  (*server)->serve_topics(*all);
  co_return co_await (*server)->load(streams->find(journal)->log().shared_from_this(),
                                     streams->find(locks)->log().shared_from_this());
}

Task<Status> check_on_shard(resp::Server* server, const std::vector<stream::Fence>* fences) {
  for (const stream::Fence& fence : *fences) {
    if (std::string why = server->executor().locks().fence_refusal(fence.lock, fence.token); !why.empty())
      co_return fail(Errc::invalid_record, std::move(why));
  }
  co_return Status{};
}

Task<Status> ask_locks(resp::Server* server, const std::vector<stream::Fence>& fences) {
  co_return co_await runtime::call_on(server->shard(), check_on_shard, server, &fences);
}

Task<Result<security::Account>> change_at_home(security::PolicyService* users, std::string name,
                                               security::PolicyService::AccountChange change) {
  co_return co_await users->change_account(std::move(name), std::move(change));
}

Task<Result<security::Account>> change_account(security::PolicyService* users, std::string name,
                                               security::PolicyService::AccountChange change) {
  co_return co_await runtime::call_on(users->home(), change_at_home, users, std::move(name), std::move(change));
}

Task<> stop_server(resp::Server* server) { co_await server->stop(); }

Task<> drop_server(std::unique_ptr<resp::Server>* server) {
  server->reset();
  co_return;
}

}  // namespace

Task<Status> RespFront::start(const ServerConfig& config, std::shared_ptr<security::Policies> policies,
                              security::PolicyService& users, stream::TopicService& topics,
                              const stream::Streams& streams, TlsListeners& tls,
                              std::vector<BoundEndpoint>& endpoints) {
  resp::Settings settings = resp_settings(config);
  settings.policies = std::move(policies);
  settings.change_account = [&users](std::string name, security::PolicyService::AccountChange change) {
    return change_account(&users, std::move(name), std::move(change));
  };
  settings.request_stop = [] { ::kill(::getpid(), SIGTERM); };
  LEAT_CO_TRY(const TopicPartition journal,
              co_await ensure_topic(topics, streams, kJournalTopic, flush_policy(settings)));
  const TopicId near = stream::neighbour_id(journal.topic, [] { return runtime::Shard::current().random(); });
  LEAT_CO_TRY(const TopicPartition locks, co_await ensure_topic(topics, streams, kLocksTopic, "commit", near));
  if (streams.owner(locks) != streams.owner(journal))
    co_return fail(Errc::internal, fmt::format("{} and {} have different owners", kJournalTopic, kLocksTopic));
  stream::StreamShard& owner = streams.shard(streams.owner(journal));
  LEAT_CO_CHECK(
      co_await runtime::call_on(owner.shard(), start_server, &server_, &settings, &streams, &owner, journal, locks));
  for (const ListenerConfig& wanted : config.listeners) {
    if (wanted.protocol != ListenerProtocol::resp) continue;
    auto listener = runtime::Shard::current().network().listen(wanted.host, wanted.port);
    if (!listener) co_return explain_listen(wanted, listener.error());
    acceptors_.push_back(
        std::make_unique<resp::Acceptor>(*server_, tls.wrap(std::move(*listener), wanted), wanted.host));
    endpoints.push_back({ListenerProtocol::resp, wanted.host, acceptors_.back()->port(), wanted.is_tls});
    log_info("server", "{} on {}:{}", protocol_name(wanted.protocol, wanted.is_tls), wanted.host,
             acceptors_.back()->port());
  }
  co_return Status{};
}

void RespFront::accept() {
  for (const auto& acceptor : acceptors_) acceptor->start();
}

Task<> RespFront::stop() {
  for (const auto& acceptor : acceptors_) co_await acceptor->stop();
  if (server_) co_await runtime::call_on(server_->shard(), stop_server, server_.get());
}

Task<> RespFront::drop() {
  if (server_) co_await runtime::call_on(server_->shard(), drop_server, &server_);
}

stream::CheckFences RespFront::check_fences() {
  return [server = server_.get()](const std::vector<stream::Fence>& fences) { return ask_locks(server, fences); };
}

void RespFront::register_metrics(observe::MetricsRegistry& registry) {
  registry.add(server_->shard(), [server = server_.get()](observe::MetricsPage& page) {
    resp::collect(page, server->executor());
    resp::Identities& identities = server->executor().identities();
    if (identities.logins() != nullptr) collect_logins(page, *identities.logins());
    if (identities.quotas() != nullptr) collect_quotas(page, *identities.quotas());
  });
}

}  // namespace leat::server
