#pragma once

#include "catalog/topic_config.h"
#include "protocol/api/node.h"
#include "protocol/kafka/node.h"
#include "protocol/resp/settings.h"
#include "protocol/sqs/options.h"
#include "server/config/config.h"
#include "stream/group_types.h"
#include "stream/stream_shard.h"

// From what the operator set to what each module takes.
namespace leat::server {

[[nodiscard]] stream::StreamOptions stream_options(const ServerConfig& config, runtime::SpaceReserve& reserve,
                                                   std::atomic<bool>& compacting);  // of one shard
[[nodiscard]] stream::GroupConfig group_config(const ServerConfig& config);
[[nodiscard]] kafka::KafkaOptions kafka_options(const ServerConfig& config);
[[nodiscard]] catalog::ServerDefaults server_defaults(const ServerConfig& config);
[[nodiscard]] api::ApiOptions api_options(const ServerConfig& config);
[[nodiscard]] http::Options http_options(const ServerConfig& config);
[[nodiscard]] sqs::SqsOptions sqs_options(const ServerConfig& config,
                                          std::shared_ptr<const security::Policies> policies);
[[nodiscard]] resp::Settings resp_settings(const ServerConfig& config);

// The error for an address that cannot be listened on, with what to do about it.
[[nodiscard]] std::unexpected<Error> explain_listen(const ListenerConfig& listener, const Error& error);

}  // namespace leat::server
