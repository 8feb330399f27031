#include "protocol/api/cors.h"
#include "protocol/api/handlers.h"
#include "protocol/api/live/event_stream.h"
#include "protocol/api/live/live_shard.h"
#include "protocol/api/live/websocket_session.h"
#include "protocol/http/websocket_handshake.h"

namespace leat::api {
namespace {

using security::Operation;
using security::ResourceType;

// An event's id names them all, and has to come back in a header.
constexpr std::int32_t kPartitionsMax = 400;

std::vector<std::string> each_once(const std::vector<std::string>& names) {
  const std::set<std::string> unique(names.begin(), names.end());
  return {unique.begin(), unique.end()};
}

// Nobody who has said nothing gets in where nothing is for everyone.
Outcome<> check_welcome(const Request& request) {
  const security::Policies& policies = request.node().policies;
  const bool is_known = request.principal.name != security::Principal::anonymous().name;
  if (is_known || policies.current()->is_open()) return {};
  for (const ResourceType type : {ResourceType::topic, ResourceType::channel, ResourceType::queue}) {
    for (const Operation operation : {Operation::read, Operation::write}) {
      if (policies.authorize_any(request.principal, operation, type) == security::Decision::allowed) return {};
    }
  }
  return refuse(401, "unauthenticated", "say who you are, by basic authentication");
}

Outcome<EventWish> wish_of(const Request& request) {
  EventWish wish;
  wish.topics = each_once(request.texts("topic"));
  wish.channels = each_once(request.texts("channel"));
  wish.patterns = each_once(request.texts("pattern"));
  if (wish.topics.empty() && wish.channels.empty() && wish.patterns.empty())
    return refuse(400, "invalid-parameter", "name a topic, a channel or a pattern");
  for (const std::string& topic : wish.topics)
    LEAT_CHECK(request.authorize(Operation::read, ResourceType::topic, topic));
  for (const std::string& channel : wish.channels)
    LEAT_CHECK(request.authorize(Operation::read, ResourceType::channel, channel));
  std::int32_t partitions = 0;
  for (const std::string& topic : wish.topics) {
    const catalog::Topic* found = request.shard.topics().find(topic);
    if (found == nullptr) return refuse(404, "not-found", fmt::format("there is no topic '{}'", topic));
    partitions += found->entry.partitions;
  }
  if (partitions > kPartitionsMax)
    return refuse(400, "too-many-partitions",
                  fmt::format("topics with {} partitions and more are followed by WebSocket", kPartitionsMax + 1));
  wish.start.earliest = request.text("from") == "earliest";
  if (const auto time = request.integer("time")) wish.start.time = Timestamp(*time);
  const std::string_view last =
      request.has("Last-Event-ID") ? request.text("Last-Event-ID") : request.text("last_event_id");
  auto places = parse_places(last);
  if (!places) return refuse(400, "invalid-parameter", "the id of the last event is none that was sent");
  wish.places = std::move(*places);
  return wish;
}

std::unexpected<Problem> too_many_connections() {
  return std::unexpected(
      Problem{429, "too-many-connections", "the user has as many connections as the quota allows", 1});
}

}  // namespace

Answer open_live(Request& request) {
  LEAT_CO_CHECK(check_welcome(request));
  const Cors cors(request.node().options.cors_origins, request.http);
  if (!cors.allows_origin())
    co_return refuse(403, "origin-denied", "pages of this origin may not connect (http.cors_origins)");
  auto handshake = http::websocket_handshake(request.http);
  if (handshake.is_accepted()) {
    auto session = std::make_shared<WebSocketSession>(*request.shard.live, request.principal);
    if (!session->may_connect()) co_return too_many_connections();
    handshake.response.takeover = std::move(session);
  }
  if (handshake.is_accepted()) co_return std::move(handshake.response);
  const std::string_view said = handshake.response.body;
  http::HttpResponse response = problem_response(
      {handshake.response.status, "websocket-required", std::string(said.substr(0, said.find('\n'))), 0},
      request.http.path);
  for (auto& header : handshake.response.headers) response.headers.push_back(std::move(header));
  co_return response;
}

Answer stream_events(Request& request) {
  LEAT_CO_CHECK(check_welcome(request));
  LEAT_CO_TRY(EventWish wish, wish_of(request));
  http::HttpResponse response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  auto stream = std::make_shared<EventStream>(*request.shard.live, request.principal, std::move(wish));
  if (!stream->may_connect()) co_return too_many_connections();
  response.takeover = std::move(stream);
  co_return response;
}

}  // namespace leat::api
