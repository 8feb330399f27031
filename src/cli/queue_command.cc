#include "cli/queue_command.h"

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/options.h"
#include "cli/output.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kArnPrefix = "arn:aws:sqs:us-east-1:000000000000:";
constexpr std::string_view kFifoSuffix = ".fifo";
constexpr std::int64_t kLeaseSecondsMax = 43'200;
constexpr std::int64_t kDelaySecondsMax = 900;
constexpr std::int32_t kDeliveries = 5;
constexpr Milliseconds kWatchEvery{1000};
constexpr Milliseconds kDrainEvery{200};

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [at, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || at != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// As the server understands a place on a topic.
Result<std::string> place_of(const std::string& text) {
  if (text == "beginning" || text == "end") return text;
  if (const auto offset = whole_number(text)) return fmt::format("offset:{}", *offset);
  LEAT_TRY(const std::int64_t time, parse_time(text, wall_clock_ms()));
  return fmt::format("time:{}", std::max<std::int64_t>(time, 0));
}

// SQS has attributes for what it allows; anything else is a tag of leat's.
Status set_span(std::string_view option, const std::string& text, std::string_view attribute, std::string_view tag,
                std::int64_t seconds_max, Json& request) {
  if (text.empty()) return {};
  LEAT_TRY(const Milliseconds span, parse_span(option, text));
  const std::int64_t seconds = span.count() / 1000;
  if (span.count() % 1000 == 0 && seconds <= seconds_max) {
    request["Attributes"][attribute] = std::to_string(seconds);
  } else {
    request["tags"][tag] = std::to_string(span.count());
  }
  return {};
}

Result<Json> creation(const QueueOptions& options) {
  Json request{{"QueueName", ""}, {"Attributes", Json::object()}, {"tags", Json::object()}};
  LEAT_CHECK(set_span("--lease", options.lease, "VisibilityTimeout", "leat:lease_ms", kLeaseSecondsMax, request));
  LEAT_CHECK(set_span("--delay", options.delay, "DelaySeconds", "leat:delay_ms", kDelaySecondsMax, request));
  if (!options.dead_letter_queue.empty()) {
    const Json policy{{"deadLetterTargetArn", arn_of_queue(options.dead_letter_queue)},
                      {"maxReceiveCount", options.deliveries > 0 ? options.deliveries : kDeliveries}};
    request["Attributes"]["RedrivePolicy"] = policy.dump();
  } else if (options.deliveries > 0) {
    return fail(Errc::invalid_argument, "--deliveries needs --dead-letter-queue QUEUE for what failed so often");
  }
  if (!options.topic.empty()) request["tags"]["leat:topic"] = options.topic;
  if (!options.start.empty()) {
    if (options.topic.empty())
      return fail(Errc::invalid_argument, "--start needs --topic TOPIC: a topic of its own is empty anyway");
    LEAT_TRY(request["tags"]["leat:start"], place_of(options.start));
  }
  if (options.partitions > 0) request["tags"]["leat:partitions"] = std::to_string(options.partitions);
  for (const std::string& text : options.settings) {
    LEAT_TRY(const auto pair, split_pair("--set", text));
    request["tags"]["leat:" + pair.first] = pair.second;
  }
  return request;
}

Json description_json(const QueueDescription& queue) {
  Json settings = Json::object();
  for (const auto& [name, value] : queue.settings) settings[name] = value;
  return {{"name", queue.name},
          {"topic", queue.topic},
          {"ready", queue.ready},
          {"in_flight", queue.in_flight},
          {"delayed", queue.delayed},
          {"oldest", queue.oldest < 0 ? Json(nullptr) : Json(queue.oldest)},
          {"settings", std::move(settings)}};
}

std::string age_of(std::int64_t time_ms) {
  if (time_ms < 0) return "-";
  const std::int64_t seconds = std::max<std::int64_t>(0, wall_clock_ms() - time_ms) / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86'400);
}

void print_queues(const std::vector<QueueDescription>& queues) {
  Table table({"QUEUE", ">READY", ">IN FLIGHT", ">DELAYED", ">OLDEST", "TOPIC", "DEAD LETTERS"});
  for (const QueueDescription& queue : queues) {
    table.add({queue.name, human_count(queue.ready), human_count(queue.in_flight), human_count(queue.delayed),
               age_of(queue.oldest), queue.topic, queue.setting("dead_letter_queue")});
  }
  fmt::print("{}", table.render());
}

Result<std::vector<std::string>> queue_names(SqsClient& client, const std::string& prefix) {
  std::vector<std::string> names;
  Json request{{"MaxResults", 1000}};
  if (!prefix.empty()) request["QueueNamePrefix"] = prefix;
  for (;;) {
    LEAT_TRY(const Json answer, client.call("ListQueues", request));
    if (const auto urls = answer.find("QueueUrls"); urls != answer.end())
      for (const Json& url : *urls) {
        const std::string text = url.get<std::string>();
        names.push_back(text.substr(text.rfind('/') + 1));
      }
    const std::string next = json_text(answer, "NextToken");
    if (next.empty()) return names;
    request["NextToken"] = next;
  }
}

// A line a second, until the reader goes away or the user has seen enough.
Result<int> watch(SqsClient& client, const QueueOptions& options) {
  if (options.names.size() != 1) return fail(Errc::invalid_argument, "--watch takes one queue");
  Output out;
  if (!options.json) out.write("     READY  IN FLIGHT    DELAYED    OLDEST    DRAINS/s\n");
  std::optional<std::int64_t> before;
  MonoTime last;
  while (!out.closed()) {
    LEAT_TRY(const QueueDescription queue, describe_queue(client, options.names.front()));
    const MonoTime now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last).count();
    const double rate = before ? static_cast<double>(*before - queue.depth()) / seconds : 0;
    if (options.json) {
      Json line = description_json(queue);
      line["drains_per_second"] = rate;
      out.write(line.dump() + '\n');
    } else {
      out.write(fmt::format("{:>10} {:>10} {:>10} {:>9} {:>11}\n", human_count(queue.ready),
                            human_count(queue.in_flight), human_count(queue.delayed), age_of(queue.oldest),
                            before ? fmt::format("{:.1f}", rate) : "-"));
    }
    out.flush();
    before = queue.depth();
    last = now;
    std::this_thread::sleep_for(kWatchEvery);
  }
  return 0;
}

Result<int> drain(SqsClient& client, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    LEAT_TRY(QueueDescription queue, describe_queue(client, name));
    std::int64_t most = queue.depth();
    Progress progress("messages", static_cast<std::uint64_t>(most));
    while (queue.depth() > 0) {
      progress.update(static_cast<std::uint64_t>(std::max<std::int64_t>(most - queue.depth(), 0)));
      std::this_thread::sleep_for(kDrainEvery);
      LEAT_TRY(queue, describe_queue(client, name));
      most = std::max(most, queue.depth());
    }
    progress.clear();
    fmt::print("'{}' is empty\n", name);
  }
  return 0;
}

}  // namespace

std::string QueueDescription::setting(std::string_view wanted) const {
  const auto found = std::ranges::find(settings, wanted, &std::pair<std::string, std::string>::first);
  return found == settings.end() ? std::string() : found->second;
}

Result<QueueDescription> describe_queue(SqsClient& client, const std::string& name) {
  auto answer = client.call("Leat.DescribeQueue", Json{{"QueueUrl", name}});
  if (!answer && answer.error().code == Errc::not_found)
    return fail(Errc::not_found, fmt::format("there is no queue '{}'; `leat queue list` shows those there are, `leat "
                                             "queue create {}` makes it",
                                             name, name));
  if (!answer) return fail(answer.error());
  QueueDescription queue;
  queue.name = json_text(*answer, "QueueName");
  queue.topic = json_text(*answer, "Topic");
  queue.ready = json_number(*answer, "Ready");
  queue.in_flight = json_number(*answer, "InFlight");
  queue.delayed = json_number(*answer, "Delayed");
  queue.oldest = json_number(*answer, "OldestTimestamp", -1);
  if (const auto settings = answer->find("Settings"); settings != answer->end() && settings->is_object())
    for (const auto& [key, value] : settings->items()) queue.settings.emplace_back(key, value.get<std::string>());
  return queue;
}

bool is_fifo_queue(std::string_view name) { return name.ends_with(kFifoSuffix); }
std::string arn_of_queue(std::string_view name) { return fmt::format("{}{}", kArnPrefix, name); }
std::string queue_of_arn(const std::string& arn) { return arn.substr(arn.rfind(':') + 1); }

std::string json_text(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::int64_t json_number(const Json& object, std::string_view name, std::int64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<std::int64_t>() : otherwise;
}

Result<int> queue_create(const QueueOptions& options) {
  LEAT_TRY(Json request, creation(options));
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  for (const std::string& name : options.names) {
    if (options.fifo && !is_fifo_queue(name))
      return fail(
          Errc::invalid_argument,
          fmt::format("the name of a FIFO queue ends in {0}: `leat queue create --fifo {1}{0}`", kFifoSuffix, name));
    if (describe_queue(*client, name))
      return fail(Errc::exists, fmt::format("there is a queue '{0}' already; `leat queue stats {0}` shows it", name));
    request["QueueName"] = name;
    if (is_fifo_queue(name)) request["Attributes"]["FifoQueue"] = "true";
    const auto made = client->call("CreateQueue", request);
    if (!made) {
      std::string advice;
      if (made.error().message.contains("Dead letter target does not exist"))
        advice = fmt::format(". Create it first: `leat queue create {}`", options.dead_letter_queue);
      return fail(made.error().code, fmt::format("cannot create queue '{}': {}{}", name, made.error().message, advice));
    }
    LEAT_TRY(const QueueDescription queue, describe_queue(*client, name));
    if (options.json) {
      fmt::print("{}\n", description_json(queue).dump());
    } else {
      fmt::print("created '{}' on topic '{}'\n", name, queue.topic);
    }
  }
  return 0;
}

Result<int> queue_list(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  LEAT_TRY(const auto names, queue_names(*client, options.prefix));
  if (options.names_only) {
    for (const std::string& name : names) fmt::print("{}\n", name);
    return 0;
  }
  std::vector<QueueDescription> queues;
  for (const std::string& name : names) {
    auto queue = describe_queue(*client, name);
    if (queue) queues.push_back(std::move(*queue));  // else it was deleted meanwhile
  }
  if (options.json) {
    Json list = Json::array();
    for (const QueueDescription& queue : queues) list.push_back(description_json(queue));
    fmt::print("{}\n", list.dump(2));
    return 0;
  }
  if (queues.empty()) {
    fmt::print(stderr, "There are no queues{}. Create one with `leat queue create NAME`.\n",
               options.prefix.empty() ? " yet" : " of such a name");
    return 0;
  }
  print_queues(queues);
  return 0;
}

Result<int> queue_stats(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  if (options.watch) return watch(*client, options);
  if (options.drain) return drain(*client, options.names);
  std::vector<QueueDescription> queues;
  for (const std::string& name : options.names) {
    LEAT_TRY(auto queue, describe_queue(*client, name));
    queues.push_back(std::move(queue));
  }
  if (options.json) {
    Json list = Json::array();
    for (const QueueDescription& queue : queues) list.push_back(description_json(queue));
    fmt::print("{}\n", list.dump(2));
    return 0;
  }
  print_queues(queues);
  return 0;
}

Result<int> queue_purge(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  for (const std::string& name : options.names) {
    LEAT_TRY(const QueueDescription queue, describe_queue(*client, name));
    LEAT_CHECK(client->call("PurgeQueue", Json{{"QueueUrl", name}}));
    fmt::print("purged '{}' of {} message{}\n", name, human_count(queue.depth()), queue.depth() == 1 ? "" : "s");
  }
  return 0;
}

Result<int> queue_rewind(const QueueOptions& options) {
  if (options.to == "end")
    return fail(Errc::invalid_argument,
                fmt::format("there is nothing to deliver again after the end; `leat queue purge {}` acknowledges what "
                            "waits",
                            options.name));
  LEAT_TRY(const std::string place, place_of(options.to));
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  LEAT_CHECK(describe_queue(*client, options.name));
  LEAT_CHECK(client->call("Leat.RewindQueue", Json{{"QueueUrl", options.name}, {"To", place}}));
  LEAT_TRY(const QueueDescription queue, describe_queue(*client, options.name));
  fmt::print("rewound '{}': {} message{} to deliver\n", options.name, human_count(queue.depth()),
             queue.depth() == 1 ? "" : "s");
  return 0;
}

Result<int> queue_delete(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  for (const std::string& name : options.names) {
    LEAT_CHECK(describe_queue(*client, name));
    LEAT_CHECK(client->call("DeleteQueue", Json{{"QueueUrl", name}}));
    fmt::print("deleted '{}'\n", name);
  }
  return 0;
}

}  // namespace leat::cli
