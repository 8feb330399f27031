#include "protocol/api/commands.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "security/base64.h"

namespace leat::api {
namespace {

using resp::ReplyValue;
using runtime::Task;

// Ends a command's wait when the client goes.
Task<> end_with_client(const Request& request, std::shared_ptr<resp::Cancellation> cancellation, const bool& is_done) {
  http::Presence& client = *request.http.presence;
  while (!is_done && !client.is_gone()) co_await client.left().wait();
  if (!is_done) co_await request.node().keyspace.local_commands().cancel(std::move(cancellation));
}

Outcome<ReplyValue> outcome_of(Result<ReplyValue> reply) {
  if (!reply) return refuse(reply.error());
  if (const auto* failure = reply->failure()) return std::unexpected(problem_of_reply(failure->text));
  return std::move(*reply);
}

Json text_json(const std::string& text) {
  if (is_utf8(text)) return text;
  return Json{{"base64", security::base64(text)}};
}

Json map_json(const ReplyValue::Map& map) {
  const bool has_names = std::ranges::all_of(
      map.pairs, [](const auto& pair) { return pair.first.text() != nullptr && is_utf8(*pair.first.text()); });
  Json json = has_names ? Json::object() : Json::array();
  for (const auto& [key, value] : map.pairs) {
    if (has_names) {
      json[*key.text()] = json_of(value);
    } else {
      json.push_back({json_of(key), json_of(value)});
    }
  }
  return json;
}

}  // namespace

Problem problem_of_reply(const std::string& error) {
  const std::string code = error.substr(0, error.find(' '));
  if (code == "WRONGTYPE") return {409, "wrong-type", "the key holds a value of another type", 0};
  if (code == "OOM") return {507, "out-of-memory", error, 0};
  if (code == "MISCONF") return {503, "unavailable", error, 1};
  if (code == "BUSY") return {503, "busy", error, 1};
  return {400, "command-failed", error, 0};
}

resp::LocalOptions local_options(const Request& request, std::uint32_t database) {
  return {.database = database, .peer = std::string(request.http.peer), .name = "http"};
}

Task<Outcome<ReplyValue>> run_command(const Request& request, std::vector<std::string> words, std::uint32_t database) {
  resp::LocalOptions options = local_options(request, database);
  co_return outcome_of(co_await request.node().keyspace.local_commands().run(std::move(words), std::move(options)));
}

Task<Result<ReplyValue>> run_waiting_command(const Request& request, std::vector<std::string> words,
                                             resp::LocalOptions options) {
  options.cancellation = std::make_shared<resp::Cancellation>();
  bool is_done = false;
  runtime::TaskScope watching;
  watching.spawn(end_with_client(request, options.cancellation, is_done));
  auto reply = co_await request.node().keyspace.local_commands().run(std::move(words), std::move(options));
  is_done = true;
  request.http.presence->left().notify_all();  // who else waits looks again
  co_await watching.join();
  co_return reply;
}

Json json_of(const ReplyValue& reply) {
  if (const auto* text = reply.text()) return text_json(*text);
  if (const auto* integer = reply.integer()) return *integer;
  if (const auto* real = std::get_if<double>(&reply.value)) return *real;
  if (const auto* boolean = std::get_if<bool>(&reply.value)) return *boolean;
  if (const auto* failure = reply.failure()) return Json{{"error", failure->text}};
  if (const auto* map = reply.map()) return map_json(*map);
  if (const auto* array = reply.array()) {
    Json json = Json::array();
    for (const ReplyValue& each : *array) json.push_back(json_of(each));
    return json;
  }
  return nullptr;
}

}  // namespace leat::api
