#include <nlohmann/json.hpp>

#include "protocol/api/commands.h"
#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/resp/topic_channels.h"

namespace leat::api {

using resp::ReplyValue;

Answer list_channels(Request& request) {
  std::vector<std::string> words{"PUBSUB", "CHANNELS"};
  if (request.has("match")) words.emplace_back(request.text("match"));
  LEAT_CO_TRY(const ReplyValue names, co_await run_command(request, std::move(words)));
  // What `next` says is text, which a channel's name need not be.
  std::map<std::string, std::string> in_order;
  for (const ReplyValue& name : *names.array()) in_order.emplace(percent_encoded(*name.text()), *name.text());
  Page page(request);
  words = {"PUBSUB", "NUMSUB"};
  // One more than the page may have tells whether there is another.
  const std::size_t words_max = words.size() + static_cast<std::size_t>(request.number("limit")) + 1;
  for (const auto& [encoded, name] : in_order) {
    if (words.size() == words_max) break;
    if (!page.is_before(encoded)) words.push_back(name);
  }
  LEAT_CO_TRY(const ReplyValue counts, co_await run_command(request, std::move(words)));
  const ReplyValue::Array& flat = *counts.array();
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
    const auto item = [&] { return Json{{"channel", json_of(flat[i])}, {"subscribers", json_of(flat[i + 1])}}; };
    if (!page.add(percent_encoded(*flat[i].text()), item)) break;
  }
  co_return page.response();
}

Answer publish_message(Request& request) {
  const std::string channel(request.text("channel"));
  // The Redis protocol's name for a topic: what may be written to that is granted on topics.
  if (resp::is_topic_channel(channel)) co_return refuse(400, "invalid-argument", "publish to a topic at /v1/topics");
  LEAT_CO_TRY(const ReplyValue reply, co_await run_command(request, {"PUBLISH", channel, request.http.body}));
  co_return json_response(200, {{"receivers", json_of(reply)}});
}

}  // namespace leat::api
