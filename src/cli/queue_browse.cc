#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/output.h"
#include "cli/queue_command.h"
#include "cli/time_text.h"

// `leat queue peek`, `dead` and `redrive`.
namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownColumns = 60;
constexpr Milliseconds kAskEvery{100};

// One line of a terminal's worth of a body.
std::string shown(const std::string& text) {
  std::string line;
  std::size_t columns = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins = (byte & 0xC0) != 0x80;
    if (begins && columns++ == kShownColumns) return line + "…";
    line += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return line;
}

Result<Json> browse(SqsClient& client, const std::string& queue, std::int64_t count_max) {
  LEAT_TRY(Json answer,
           client.call("Leat.BrowseMessages", Json{{"QueueUrl", queue}, {"MaxNumberOfMessages", count_max}}));
  if (!answer.contains("Messages")) return Json::array();
  if (answer.value("Truncated", false))
    fmt::print(stderr, "Only the first {} are shown: a peek has 1 MiB at most.\n", answer["Messages"].size());
  return std::move(answer["Messages"]);
}

std::string header_of(const Json& message, const std::string& name) {
  return message.contains("Headers") ? json_text(message["Headers"], name) : std::string();
}
std::int64_t header_number(const Json& message, const std::string& name) {
  const std::string text = header_of(message, name);
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Json browsed_json(const Json& message) {
  Json line{{"partition", json_number(message, "Partition")},
            {"offset", json_number(message, "Offset")},
            {"deliveries", json_number(message, "Deliveries")},
            {"sent", json_number(message, "SentTimestamp")},
            {"body", json_text(message, "Body")}};
  if (message.contains("Key")) line["group"] = json_text(message, "Key");
  if (message.contains("Base64")) line["base64"] = message["Base64"];
  if (message.contains("Headers")) line["headers"] = message["Headers"];
  return line;
}

Json dead_json(const Json& message) {
  Json line{{"from", header_of(message, "leat-dead-queue")},
            {"topic", header_of(message, "leat-dead-topic")},
            {"partition", header_number(message, "leat-dead-partition")},
            {"offset", header_number(message, "leat-dead-offset")},
            {"deliveries", header_number(message, "leat-dead-deliveries")},
            {"reason", header_of(message, "leat-dead-reason")},
            {"body", json_text(message, "Body")}};
  if (message.contains("Key")) line["group"] = json_text(message, "Key");
  line["dead"] = {{"partition", json_number(message, "Partition")},
                  {"offset", json_number(message, "Offset")},
                  {"sent", json_number(message, "SentTimestamp")}};
  return line;
}

std::string dumped(const Json& line) { return line.dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<Json> latest_task(SqsClient& client, const std::string& queue) {
  LEAT_TRY(const Json answer,
           client.call("ListMessageMoveTasks", Json{{"SourceArn", arn_of_queue(queue)}, {"MaxResults", 1}}));
  if (!answer.contains("Results") || answer["Results"].empty())
    return fail(Errc::internal, "the server does not know of the redrive that it started");
  return answer["Results"].front();
}

Json task_json(const QueueOptions& options, const Json& task) {
  return {{"queue", options.name},
          {"status", json_text(task, "Status")},
          {"moved", json_number(task, "ApproximateNumberOfMessagesMoved")},
          {"to_move", json_number(task, "ApproximateNumberOfMessagesToMove")}};
}

// Shows progress until nothing moves any more.
Result<Json> await_task(SqsClient& client, const std::string& queue) {
  LEAT_TRY(Json task, latest_task(client, queue));
  Progress progress("messages", static_cast<std::uint64_t>(json_number(task, "ApproximateNumberOfMessagesToMove")));
  while (json_text(task, "Status") == "RUNNING" || json_text(task, "Status") == "CANCELLING") {
    progress.update(static_cast<std::uint64_t>(json_number(task, "ApproximateNumberOfMessagesMoved")));
    std::this_thread::sleep_for(kAskEvery);
    LEAT_TRY(task, latest_task(client, queue));
  }
  return task;
}

}  // namespace

Result<int> queue_peek(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  LEAT_CHECK(describe_queue(*client, options.name));
  LEAT_TRY(const Json messages, browse(*client, options.name, options.count_max));
  if (options.json) {
    for (const Json& message : messages) fmt::print("{}\n", dumped(browsed_json(message)));
    return 0;
  }
  if (messages.empty()) {
    fmt::print(stderr, "'{}' is empty.\n", options.name);
    return 0;
  }
  Table table({">PARTITION", ">OFFSET", ">DELIVERIES", "SENT", "GROUP", "BODY"});
  for (const Json& message : messages)
    table.add({std::to_string(json_number(message, "Partition")), std::to_string(json_number(message, "Offset")),
               std::to_string(json_number(message, "Deliveries")), format_time(json_number(message, "SentTimestamp")),
               shown(json_text(message, "Key")), shown(json_text(message, "Body"))});
  fmt::print("{}", table.render());
  return 0;
}

Result<int> queue_dead(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  LEAT_TRY(const QueueDescription queue, describe_queue(*client, options.name));
  // A queue that has a dead-letter queue stands for what it sent there.
  const std::string beside = queue.setting("dead_letter_queue");
  const std::string& browsed = beside.empty() ? options.name : beside;
  LEAT_TRY(Json messages, browse(*client, browsed, options.count_max));
  if (!beside.empty()) {
    Json own = Json::array();
    for (Json& message : messages)
      if (header_of(message, "leat-dead-queue") == options.name) own.push_back(std::move(message));
    messages = std::move(own);
  }
  if (options.json) {
    for (const Json& message : messages) fmt::print("{}\n", dumped(dead_json(message)));
    return 0;
  }
  if (messages.empty()) {
    fmt::print(stderr, "There are no dead letters in '{}'.\n", browsed);
    return 0;
  }
  Table table({"FROM", "TOPIC", ">PARTITION", ">OFFSET", ">DELIVERIES", "REASON", "BODY"});
  for (const Json& message : messages) {
    const Json letter = dead_json(message);
    table.add({json_text(letter, "from"), json_text(letter, "topic"), std::to_string(json_number(letter, "partition")),
               std::to_string(json_number(letter, "offset")), std::to_string(json_number(letter, "deliveries")),
               shown(json_text(letter, "reason")), shown(json_text(letter, "body"))});
  }
  fmt::print("{}", table.render());
  return 0;
}

namespace {

Result<Json> place_of(std::string_view text) {
  const auto colon = text.find(':');
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  const auto number = [](std::string_view part, auto& into) {
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), into);
    return failure == std::errc{} && end == part.data() + part.size() && into >= 0;
  };
  if (colon == std::string_view::npos || !number(text.substr(0, colon), partition) ||
      !number(text.substr(colon + 1), offset))
    return fail(Errc::invalid_argument, fmt::format("'{}' names no message: write PARTITION:OFFSET", text));
  return Json{{"Partition", partition}, {"Offset", offset}};
}

// Moves the messages that were named, and says what became of each.
Result<int> redrive_named(SqsClient& client, const QueueOptions& options) {
  Json places = Json::array();
  for (const std::string& text : options.messages) {
    LEAT_TRY(Json place, place_of(text));
    places.push_back(std::move(place));
  }
  Json request{{"QueueUrl", options.name}, {"Messages", std::move(places)}};
  if (!options.to.empty()) request["Destination"] = options.to;
  LEAT_TRY(const Json answer, client.call("Leat.RedriveMessages", request));
  std::int64_t moved = 0;
  std::int64_t failed = 0;
  for (const Json& outcome : answer["Outcomes"]) {
    const std::string failure = json_text(outcome, "Failure");
    ++(failure.empty() ? moved : failed);
    if (!failure.empty())
      fmt::print(stderr, "{}:{} is not moved: {}\n", json_number(outcome, "Partition"), json_number(outcome, "Offset"),
                 failure);
  }
  if (options.json) {
    fmt::print("{}\n", Json({{"queue", options.name}, {"moved", moved}, {"failed", failed}}).dump());
  } else {
    fmt::print("moved {} message{} out of '{}'\n", human_count(moved), moved == 1 ? "" : "s", options.name);
  }
  return failed > 0 ? 1 : 0;
}

}  // namespace

Result<int> queue_redrive(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  LEAT_TRY(const QueueDescription queue, describe_queue(*client, options.name));
  if (!options.to.empty()) LEAT_CHECK(describe_queue(*client, options.to));
  if (!options.messages.empty()) return redrive_named(*client, options);
  Json request{{"SourceArn", arn_of_queue(options.name)}};
  if (!options.to.empty()) request["DestinationArn"] = arn_of_queue(options.to);
  if (options.rate > 0) request["MaxNumberOfMessagesPerSecond"] = options.rate;
  const auto started = client->call("StartMessageMoveTask", request);
  if (!started) {
    Error error = started.error();
    error.message = fmt::format("cannot redrive '{}': {}", options.name, error.message);
    if (const std::string beside = queue.setting("dead_letter_queue"); !beside.empty())
      error.message += fmt::format(". Its dead letters are in '{0}': `leat queue redrive {0}`", beside);
    return fail(error);
  }
  LEAT_TRY(const Json task, options.detach ? latest_task(*client, options.name) : await_task(*client, options.name));
  const Json outcome = task_json(options, task);
  if (json_text(task, "Status") == "FAILED")
    return fail(Errc::io, fmt::format("the redrive of '{}' ended after {} messages: {}", options.name,
                                      json_number(outcome, "moved"), json_text(task, "FailureReason")));
  if (options.json) {
    fmt::print("{}\n", outcome.dump());
  } else if (options.detach) {
    fmt::print("redriving '{}': {} messages to move\n", options.name, human_count(json_number(outcome, "to_move")));
  } else {
    const std::int64_t moved = json_number(outcome, "moved");
    fmt::print("moved {} message{} out of '{}'\n", human_count(moved), moved == 1 ? "" : "s", options.name);
  }
  return 0;
}

}  // namespace leat::cli
