#include "queue/queue_documents.h"

#include <nlohmann/json.hpp>

#include "catalog/document.h"

namespace leat::queue {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;
constexpr std::string_view kStates[] = {"running", "completed", "cancelling", "cancelled", "failed"};

// Whatever text is in it, it can be written: JSON is UTF-8, and what is not is replaced.
std::string write(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json as_object(const SettingsMap& map) { return Json(Json::object_t(map.begin(), map.end())); }

// A document of the catalog, read as this module's types.
class Reader : public catalog::Document {
 public:
  Reader(std::string_view key, std::string_view value) : Document(key, value, kDocumentVersion) {}
  std::vector<Offset> offsets(const char* field) {
    std::vector<Offset> offsets;
    for (const std::int64_t offset : integers(field, 0, INT64_MAX)) offsets.emplace_back(offset);
    return offsets;
  }
};

}  // namespace

std::string queue_key(std::string_view name) { return fmt::format("{}{}", kQueuesPrefix, name); }
std::string redrive_key(std::string_view id) { return fmt::format("{}{}", kRedrivesPrefix, id); }
std::string redriving_key(std::string_view source) { return fmt::format("{}{}", kRedrivingPrefix, source); }

std::string encode_queue(const Queue& queue, const std::vector<Offset>& start) {
  Json offsets = Json::array();
  for (const Offset offset : start) offsets.push_back(offset.value());
  return write({{"v", kDocumentVersion},
                {"name", queue.name},
                {"id", queue.id.to_string()},
                {"topic", queue.topic},
                {"topic_id", queue.topic_id.to_string()},
                {"owns_topic", queue.owns_topic},
                {"settings", as_object(to_map(queue.settings))},
                {"attributes", as_object(queue.attributes)},
                {"tags", as_object(queue.tags)},
                {"start", std::move(offsets)},
                {"created", queue.created.value()},
                {"modified", queue.modified.value()}});
}

Result<QueueDocument> decode_queue(std::string_view key, std::string_view value) {
  Reader read(key, value);
  QueueDocument document;
  Queue& queue = document.queue;
  queue.name = read.text("name");
  queue.id = read.uuid("id");
  queue.topic = read.text("topic");
  queue.topic_id = read.uuid("topic_id");
  queue.owns_topic = read.flag("owns_topic");
  auto settings = settings_from(read.text_map("settings"));
  if (!settings) read.wrong(settings.error().message);
  if (settings) queue.settings = std::move(*settings);
  queue.attributes = read.text_map("attributes");
  queue.tags = read.text_map("tags");
  document.start = read.offsets("start");
  queue.created = read.time("created");
  queue.modified = read.time("modified");
  if (key != queue_key(queue.name)) read.wrong(fmt::format("it is for queue '{}'", queue.name));
  return read.result(std::move(document));
}

std::string encode_redrive(const Redrive& redrive) {
  return write({{"v", kDocumentVersion},
                {"id", redrive.id},
                {"source", redrive.source},
                {"destination", redrive.destination},
                {"rate_max", redrive.rate_max},
                {"state", kStates[static_cast<std::size_t>(redrive.state)]},
                {"moved", redrive.moved},
                {"to_move", redrive.to_move},
                {"started", redrive.started.value()},
                {"failure", redrive.failure}});
}

Result<Redrive> decode_redrive(std::string_view key, std::string_view value) {
  Reader read(key, value);
  Redrive redrive;
  redrive.id = read.text("id");
  redrive.source = read.text("source");
  redrive.destination = read.text("destination");
  redrive.rate_max = read.number("rate_max");
  const auto state = std::ranges::find(kStates, read.text("state"));
  if (state == std::end(kStates)) read.wrong("'state' is none that a redrive has");
  if (state != std::end(kStates)) redrive.state = static_cast<Redrive::State>(state - std::begin(kStates));
  redrive.moved = read.integer("moved", 0, INT64_MAX);
  redrive.to_move = read.integer("to_move", 0, INT64_MAX);
  redrive.started = read.time("started");
  redrive.failure = read.text("failure");
  if (key != redrive_key(redrive.id)) read.wrong(fmt::format("it is for redrive '{}'", redrive.id));
  return read.result(std::move(redrive));
}

std::string encode_redriving(std::string_view id) { return write({{"v", kDocumentVersion}, {"id", id}}); }

}  // namespace leat::queue
