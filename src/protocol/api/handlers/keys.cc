#include <nlohmann/json.hpp>

#include "protocol/api/commands.h"
#include "protocol/api/json_members.h"
#include "protocol/api/handlers.h"
#include "protocol/api/tags.h"

namespace leat::api {
namespace {

using resp::ReplyValue;
using runtime::Task;

std::uint32_t database_of(const Request& request) { return static_cast<std::uint32_t>(request.number("db")); }

// What a unit on the keyspace's shard found and did.
struct KeyState {
  std::string type;  // "none": it is not there
  ReplyValue value;
  std::int64_t ttl_ms = -1;
  std::optional<Problem> problem;
};

void keep_failure(const ReplyValue& reply, KeyState& state) {
  if (const auto* failure = reply.failure()) state.problem = problem_of_reply(failure->text);
}

// The command that gives the whole value of a key of a type.
std::vector<std::string_view> whole_value(std::string_view type, std::string_view key) {
  if (type == "hash") return {"HGETALL", key};
  if (type == "list") return {"LRANGE", key, "0", "-1"};
  if (type == "set") return {"SMEMBERS", key};
  if (type == "zset") return {"ZRANGE", key, "0", "-1", "WITHSCORES"};
  if (type == "stream") return {"XRANGE", key, "-", "+"};
  return {"GET", key};
}

void look_at_type(resp::LocalUnit& unit, const std::string& key, KeyState& state) {
  const ReplyValue type = unit.run({"TYPE", key});
  keep_failure(type, state);
  state.type = type.text() != nullptr ? *type.text() : "none";
}

// What a condition is about. Only strings have tags; large values of other types are not looked at for nothing.
void look_at_condition(resp::LocalUnit& unit, const std::string& key, std::string_view condition, KeyState& state) {
  look_at_type(unit, key, state);
  if (state.problem || state.type != "string" || condition.empty() || condition == "*") return;
  state.value = unit.run({"GET", key});
  keep_failure(state.value, state);
}

void look_at(resp::LocalUnit& unit, const std::string& key, KeyState& state) {
  look_at_type(unit, key, state);
  if (state.type == "none" || state.problem) return;
  const auto words = whole_value(state.type, key);
  state.value = unit.run(words);
  keep_failure(state.value, state);
  if (const auto ttl = unit.run({"PTTL", key}); ttl.integer() != nullptr) state.ttl_ms = *ttl.integer();
}

// Whether the client's conditions hold (RFC 9110, section 13). Without a tag only "*" names what is there.
bool holds(const Request& request, const KeyState& state) {
  const bool is_there = state.type != "none";
  const std::string* text = state.value.text();
  const std::string mark = text != nullptr ? digest_of(*text) : std::string();
  if (request.has("If-Match") && !(is_there && names_mark(request.text("If-Match"), mark))) return false;
  return !request.has("If-None-Match") || !(is_there && names_tag(request.text("If-None-Match"), tag_of(mark)));
}

Answer answer_state(const KeyState& state) {
  if (state.problem) co_return std::unexpected(*state.problem);
  if (state.type == "none") co_return refuse(404, "not-found", "there is no such key");
  http::HttpResponse response;
  if (const std::string* text = state.value.text()) {
    response.content_type = "application/octet-stream";
    response.body = *text;
    response.headers.emplace_back("ETag", tag_of(digest_of(*text)));
  } else {
    response = json_response(200, {{"type", state.type}, {"value", json_of(state.value)}});
  }
  response.headers.emplace_back("Leat-Type", state.type);
  if (state.ttl_ms >= 0) response.headers.emplace_back("Leat-Ttl-Ms", fmt::format("{}", state.ttl_ms));
  co_return response;
}

using Words = std::vector<std::string>;

// Numbers as they were written.
Outcome<Words> words_of(const JsonValue& command) {
  LEAT_TRY(const std::vector<JsonValue> values, parse_list(command, Level::item));
  Words words;
  for (const JsonValue& value : values) {
    LEAT_TRY(words.emplace_back(), value.is_text ? std::string(value.text) : json_text(value));
  }
  return words;
}

// The body has passed its schema.
Outcome<std::vector<Words>> commands_of(std::string_view body) {
  LEAT_TRY(const JsonObject root, parse_object(body, Level::root, false));
  std::vector<JsonValue> commands;
  if (const JsonValue* one = root.find("command")) {
    commands.push_back(*one);
  } else if (const JsonValue* many = root.find("commands")) {
    LEAT_TRY(commands, parse_list(*many, Level::list));
  }
  std::vector<Words> all;
  for (const JsonValue& command : commands) {
    LEAT_TRY(all.emplace_back(), words_of(command));
  }
  return all;
}

}  // namespace

Answer list_keys(Request& request) {
  std::vector<std::string> words{"SCAN", request.has("after") ? std::string(request.text("after")) : "0", "COUNT",
                                 std::string(request.text("limit"))};
  if (request.has("match")) words.insert(words.end(), {"MATCH", std::string(request.text("match"))});
  if (request.has("type")) words.insert(words.end(), {"TYPE", std::string(request.text("type"))});
  LEAT_CO_TRY(const ReplyValue reply, co_await run_command(request, std::move(words), database_of(request)));
  Json body{{"items", json_of((*reply.array())[1])}};
  if (const std::string& next = *(*reply.array())[0].text(); next != "0") body["next"] = next;
  co_return json_response(200, body);
}

Answer get_key(Request& request) {
  const std::string key(request.text("key"));
  KeyState state;
  API_CHECK(co_await request.node().keyspace.local_commands().run_unit(
      [&](resp::LocalUnit& unit) { look_at(unit, key, state); }, local_options(request, database_of(request))));
  co_return co_await answer_state(state);
}

Answer put_key(Request& request) {
  if (request.has("If-Match") && request.has("If-None-Match"))
    co_return refuse(400, "invalid-parameter", "If-Match and If-None-Match are not taken together");
  const std::string key(request.text("key"));
  const std::string ttl(request.text("ttl_ms"));
  KeyState before;
  const auto decide = [&](resp::LocalUnit& unit) {
    look_at_condition(unit, key, request.has("If-Match") ? request.text("If-Match") : request.text("If-None-Match"),
                      before);
    if (!before.problem && !holds(request, before)) before.problem = precondition_failed().error();
    if (before.problem) return;
    std::vector<std::string_view> words{"SET", key, request.http.body};
    if (!ttl.empty()) words.insert(words.end(), {"PX", ttl});
    keep_failure(unit.run(words), before);
  };
  API_CHECK(
      co_await request.node().keyspace.local_commands().run_unit(decide, local_options(request, database_of(request))));
  if (before.problem) co_return std::unexpected(*before.problem);
  http::HttpResponse response = empty_response();
  if (before.type == "none") response.status = 201;
  response.headers.emplace_back("ETag", tag_of(digest_of(request.http.body)));
  co_return response;
}

Answer delete_key(Request& request) {
  const std::string key(request.text("key"));
  KeyState before;
  const auto decide = [&](resp::LocalUnit& unit) {
    look_at_condition(unit, key, request.text("If-Match"), before);
    if (before.problem || before.type == "none") return;
    if (!holds(request, before)) {
      before.problem = precondition_failed().error();
    } else {
      keep_failure(unit.run({"UNLINK", key}), before);
    }
  };
  API_CHECK(
      co_await request.node().keyspace.local_commands().run_unit(decide, local_options(request, database_of(request))));
  if (before.problem) co_return std::unexpected(*before.problem);
  if (before.type == "none") co_return refuse(404, "not-found", "there is no such key");
  co_return empty_response();
}

Answer run_commands(Request& request) {
  LEAT_CO_TRY(std::vector<Words> commands, commands_of(request.http.body));
  Json results = Json::array();
  for (Words& words : commands) {
    resp::LocalOptions options = local_options(request, request.body->value("db", std::uint32_t{0}));
    options.administers = true;
    const auto reply = co_await run_waiting_command(request, std::move(words), std::move(options));
    if (!reply && results.empty()) co_return refuse(reply.error());
    if (!reply || reply->failure() != nullptr) {
      results.push_back({{"error", reply ? reply->failure()->text : reply.error().message}});
    } else {
      results.push_back({{"value", json_of(*reply)}});
    }
  }
  co_return json_response(200, {{"results", std::move(results)}});
}

}  // namespace leat::api
