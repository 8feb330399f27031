#include <nlohmann/json.hpp>

#include "protocol/api/commands.h"
#include "protocol/api/handlers.h"
#include "protocol/resp/topic_channels.h"

namespace leat::api {

using resp::ReplyValue;

Answer list_channels(Request& request) {
  std::vector<std::string> words{"PUBSUB", "CHANNELS"};
  if (request.has("match")) words.emplace_back(request.text("match"));
  LEAT_CO_TRY(const ReplyValue names, co_await run_command(request, std::move(words)));
  words = {"PUBSUB", "NUMSUB"};
  for (const ReplyValue& name : *names.array()) words.push_back(*name.text());
  LEAT_CO_TRY(const ReplyValue counts, co_await run_command(request, std::move(words)));
  Json items = Json::array();
  const ReplyValue::Array& flat = *counts.array();
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2)
    items.push_back({{"channel", json_of(flat[i])}, {"subscribers", json_of(flat[i + 1])}});
  co_return json_response(200, {{"items", std::move(items)}});
}

Answer publish_message(Request& request) {
  const std::string channel(request.text("channel"));
  // The Redis protocol's name for a topic: what may be written to that is granted on topics.
  if (resp::is_topic_channel(channel)) co_return refuse(400, "invalid-argument", "publish to a topic at /v1/topics");
  LEAT_CO_TRY(const ReplyValue reply, co_await run_command(request, {"PUBLISH", channel, request.http.body}));
  co_return json_response(200, {{"receivers", json_of(reply)}});
}

}  // namespace leat::api
