#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/queue_calls.h"
#include "protocol/api/tags.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Operation;
using security::ResourceType;

// A setting's new value as text; nullopt: the default again.
queue::SettingsPatch patch_of(const Json& settings) {
  queue::SettingsPatch patch;
  for (const auto& [name, value] : settings.items()) {
    if (value.is_null()) {
      patch[name] = std::nullopt;
    } else {
      patch[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return patch;
}

Json json_of(const queue::Queue& queue) {
  return {{"name", queue.name},
          {"topic", queue.topic},
          {"owns_topic", queue.owns_topic},
          {"created", queue.created.value()},
          {"modified", queue.modified.value()},
          {"settings", queue::to_map(queue.settings)}};
}

queue::StartAt start_of(const Json& start) {
  using Kind = queue::StartAt::Kind;
  if (const auto offset = start.find("offset"); offset != start.end())
    return {Kind::offset, offset->get<std::int64_t>()};
  if (const auto time = start.find("time"); time != start.end()) return {Kind::time, time->get<std::int64_t>()};
  return {start.value("at", "beginning") == "end" ? Kind::end : Kind::beginning, 0};
}

// What waits in a queue is no part of what conditions guard.
std::string mark_of(const queue::Queue& queue) { return digest_of(json_of(queue).dump()); }

Answer show_queue(const Request& request, int status, queue::QueuePtr queue) {
  Json body = json_of(*queue);
  API_TRY(const queue::QueueStats stats, co_await request.shard.queues.stats(queue));
  body["ready"] = stats.ready;
  body["in_flight"] = stats.in_flight;
  body["delayed"] = stats.delayed;
  if (stats.oldest) body["oldest"] = stats.oldest->value();
  auto response = json_response(status, body);
  response.headers.emplace_back("ETag", tag_of(mark_of(*queue), response.body));
  co_return response;
}

std::string_view to_string(queue::Redrive::State state) {
  switch (state) {
    case queue::Redrive::State::running: return "running";
    case queue::Redrive::State::completed: return "completed";
    case queue::Redrive::State::cancelling: return "cancelling";
    case queue::Redrive::State::cancelled: return "cancelled";
    case queue::Redrive::State::failed: return "failed";
  }
  return "unknown";
}

Json json_of(const queue::Redrive& redrive) {
  Json json{{"id", redrive.id},       {"state", to_string(redrive.state)}, {"rate", redrive.rate_max},
            {"moved", redrive.moved}, {"to_move", redrive.to_move},        {"started", redrive.started.value()}};
  if (!redrive.destination.empty()) json["destination"] = redrive.destination;
  if (!redrive.failure.empty()) json["failure"] = redrive.failure;
  return json;
}

// What orders redrives, the latest first.
std::string name_of(const queue::Redrive& redrive) {
  constexpr std::int64_t kLast = 9'999'999'999'999'999;
  return fmt::format("{:016} {}", kLast - redrive.started.value(), redrive.id);
}

// Messages are read from one queue and written to another, or to those that they came from.
Outcome<> authorize_redrive(const Request& request, const queue::Queue& source, const std::string& destination) {
  LEAT_CHECK(request.authorize(Operation::read, ResourceType::queue, source.name));
  if (!destination.empty()) return authorize_sending(request, destination);
  for (const queue::QueuePtr& origin : request.shard.queues.dead_letter_sources(source.name))
    LEAT_CHECK(authorize_sending(request, origin->name));
  return {};
}

// What fails too often is written to another queue.
Outcome<> authorize_dead_letters(const Request& request, const queue::SettingsPatch& patch) {
  const auto dead = patch.find("dead_letter_queue");
  if (dead == patch.end() || !dead->second || dead->second->empty()) return {};
  return authorize_sending(request, *dead->second);
}

}  // namespace

Answer list_queues(Request& request) {
  const bool all = request.allows(Operation::describe, ResourceType::cluster, security::kClusterName);
  Page page(request);
  // One more than the page may have tells whether there is another.
  std::string after(request.text("after"));
  constexpr std::size_t kStep = 256;
  for (bool goes_on = true; goes_on;) {
    const auto queues = request.shard.queues.list(request.text("prefix"), after, kStep);
    for (const queue::QueuePtr& queue : queues) {
      if (!all && !request.allows(Operation::describe, ResourceType::queue, queue->name)) continue;
      goes_on = page.add(queue->name, [&] { return json_of(*queue); });
      if (!goes_on) break;
    }
    if (queues.size() < kStep) break;
    after = queues.back()->name;
  }
  co_return page.response();
}

Answer create_queue(Request& request) {
  const Json& body = *request.body;
  queue::NewQueue wanted;
  wanted.name = body.at("name");
  wanted.topic = body.value("topic", "");
  if (!request.allows(Operation::create, ResourceType::cluster, security::kClusterName))
    LEAT_CO_CHECK(request.authorize(Operation::create, ResourceType::queue, wanted.name));
  if (!wanted.topic.empty()) LEAT_CO_CHECK(request.authorize(Operation::read, ResourceType::topic, wanted.topic));
  wanted.partitions = body.value("partitions", 1);
  if (const auto start = body.find("start"); start != body.end()) {
    if (wanted.topic.empty())
      co_return refuse(400, "invalid-argument", "a queue on a topic of its own starts at its beginning");
    wanted.start = start_of(*start);
  }
  queue::SettingsMap settings;
  const queue::SettingsPatch patch = patch_of(body.value("settings", Json::object()));
  LEAT_CO_CHECK(authorize_dead_letters(request, patch));
  queue::apply_patch(patch, settings);
  API_TRY(wanted.settings, queue::settings_from(settings));
  const std::string location = fmt::format("/v1/queues/{}", wanted.name);
  API_TRY(queue::QueuePtr queue, co_await request.shard.queues.create(std::move(wanted)));
  LEAT_CO_TRY(auto response, co_await show_queue(request, 201, std::move(queue)));
  response.headers.emplace_back("Location", location);
  co_return response;
}

Answer get_queue(Request& request) {
  LEAT_CO_TRY(queue::QueuePtr queue, find_queue(request));
  co_return co_await show_queue(request, 200, std::move(queue));
}

Answer change_queue(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  LEAT_CO_CHECK(check_match(request, mark_of(*queue)));
  queue::QueueChange change;
  change.settings = patch_of(request.body->at("settings"));
  LEAT_CO_CHECK(authorize_dead_letters(request, change.settings));
  API_TRY(queue::QueuePtr changed, co_await request.shard.queues.alter(queue->name, std::move(change)));
  co_return co_await show_queue(request, 200, std::move(changed));
}

Answer delete_queue(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  LEAT_CO_CHECK(check_match(request, mark_of(*queue)));
  API_CHECK(co_await request.shard.queues.remove(queue->name));
  co_return empty_response();
}

Answer rewind_queue(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  API_CHECK(co_await request.shard.queues.rewind(queue, start_of(*request.body)));
  co_return empty_response();
}

Answer purge_queue(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  API_CHECK(co_await request.shard.queues.purge(queue));
  co_return empty_response();
}

Answer list_redrives(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  API_TRY(const auto redrives, co_await request.shard.queues.redrives(queue->name, SIZE_MAX));
  std::map<std::string, const queue::Redrive*> in_order;
  for (const queue::Redrive& redrive : redrives) in_order.emplace(name_of(redrive), &redrive);
  Page page(request);
  for (const auto& [name, redrive] : in_order) {
    if (!page.add(name, [&] { return json_of(*redrive); })) break;
  }
  co_return page.response();
}

Answer start_redrive(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  const std::string destination = request.body->value("destination", "");
  LEAT_CO_CHECK(authorize_redrive(request, *queue, destination));
  API_TRY(const std::string id,
          co_await request.shard.queues.start_redrive(queue->name, destination, request.body->value("rate", 0.0)));
  co_return json_response(202, {{"id", id}});
}

Answer cancel_redrive(Request& request) {
  const std::string id(request.text("redrive"));
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  API_TRY(const auto known, co_await request.shard.queues.redrives(queue->name, SIZE_MAX));
  if (std::ranges::find(known, id, &queue::Redrive::id) == known.end())
    co_return refuse(404, "not-found", "the queue has no such redrive");
  API_TRY(const std::int64_t moved, co_await request.shard.queues.cancel_redrive(id));
  co_return json_response(200, {{"moved", moved}});
}

}  // namespace leat::api
