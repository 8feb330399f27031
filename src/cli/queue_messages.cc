#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/queue_command.h"

// `leat queue send` and `receive`.
namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBatchMax = 10;
constexpr std::size_t kBatchBytesMax = std::size_t{1} << 20;
constexpr std::int64_t kWaitSecondsMax = 20;
// A server that restarts is waited for; with --follow, however long that takes.
constexpr Milliseconds kPatience{60'000};
constexpr Milliseconds kPatienceOfFollowers{std::int64_t{365} * 24 * 3'600'000};

// Collects lines into batches and sends them.
class Sender {
 public:
  Sender(const QueueOptions& options, SqsClient& client) : options_(options), client_(client) {}

  Status prepare() {
    LEAT_TRY(const QueueDescription queue, describe_queue(client_, options_.name));
    if (is_fifo_queue(options_.name)) {
      if (options_.group.empty() && options_.key_separator.empty())
        return fail(Errc::invalid_argument,
                    "a FIFO queue needs --group TEXT, or --key-separator TEXT with the group before it in each line");
      makes_ids_ = queue.setting("content_dedup") != "true";
    }
    if (!options_.delay.empty()) {
      LEAT_TRY(const Milliseconds delay, parse_span("--delay", options_.delay));
      common_["DelaySeconds"] = (delay.count() + 999) / 1000;
    }
    for (const std::string& text : options_.headers) {
      LEAT_TRY(const auto pair, split_pair("--header", text));
      common_["MessageAttributes"][pair.first] = Json{{"DataType", "String"}, {"StringValue", pair.second}};
    }
    if (options_.priority >= 0)
      common_["MessageAttributes"]["leat-priority"] =
          Json{{"DataType", "Number"}, {"StringValue", std::to_string(options_.priority)}};
    return {};
  }

  Status send_file(const std::string& path) {
    LEAT_TRY(LineReader lines, LineReader::open(path));
    Progress progress(lines.size() ? "bytes" : "messages", lines.size());
    for (;;) {
      if (lines.would_wait()) LEAT_CHECK(flush());
      LEAT_TRY(const auto line, lines.next());
      if (!line) return {};
      LEAT_CHECK(add(*line));
      progress.update(lines.size() ? lines.position() : sent_);
    }
  }

  Status flush() {
    if (entries_.empty()) return {};
    const Json request{{"QueueUrl", options_.name}, {"Entries", std::exchange(entries_, Json::array())}};
    bytes_ = 0;
    LEAT_TRY(const Json answer, client_.call("SendMessageBatch", request));
    sent_ += answer.contains("Successful") ? answer["Successful"].size() : 0;
    if (answer.contains("Failed") && !answer["Failed"].empty()) {
      const Json& failed = answer["Failed"].front();
      return fail(Errc::invalid_record, fmt::format("the server refused a message: {} ({})",
                                                    json_text(failed, "Message"), json_text(failed, "Code")));
    }
    return {};
  }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  Status add(std::string_view line) {
    Json entry = common_;
    std::string_view body = line;
    std::string group = options_.group;
    if (const auto at = options_.key_separator.empty() ? std::string_view::npos : line.find(options_.key_separator);
        at != std::string_view::npos) {
      group = line.substr(0, at);
      body = line.substr(at + options_.key_separator.size());
    }
    if (body.empty()) return {};  // SQS knows no empty messages
    if (entries_.size() == kBatchMax || bytes_ + body.size() > kBatchBytesMax) LEAT_CHECK(flush());
    entry["Id"] = std::to_string(entries_.size());
    entry["MessageBody"] = body;
    if (!group.empty()) entry["MessageGroupId"] = group;
    if (makes_ids_) entry["MessageDeduplicationId"] = fmt::format("{:016x}-{}", run_, added_);
    ++added_;
    bytes_ += body.size() + group.size();
    entries_.push_back(std::move(entry));
    return {};
  }

  const QueueOptions& options_;
  SqsClient& client_;
  Json common_ = Json::object();  // of every message
  Json entries_ = Json::array();
  std::size_t bytes_ = 0;
  bool makes_ids_ = false;  // each line is a message of its own, even one that repeats another
  std::uint64_t run_ = std::uint64_t{std::random_device()()} << 32 | std::random_device()();
  std::uint64_t added_ = 0;
  std::uint64_t sent_ = 0;
};

Json message_json(const Json& message, bool with_receipt) {
  const Json& system = message.contains("Attributes") ? message["Attributes"] : Json::object();
  Json line{{"id", json_text(message, "MessageId")}, {"body", json_text(message, "Body")}};
  if (const std::string group = json_text(system, "MessageGroupId"); !group.empty()) line["group"] = group;
  line["deliveries"] = std::stoll("0" + json_text(system, "ApproximateReceiveCount"));
  line["sent"] = std::stoll("0" + json_text(system, "SentTimestamp"));
  if (const std::string from = json_text(system, "DeadLetterQueueSourceArn"); !from.empty())
    line["from"] = queue_of_arn(from);
  if (message.contains("MessageAttributes"))
    for (const auto& [name, value] : message["MessageAttributes"].items())
      line["attributes"][name] = value.contains("StringValue") ? value["StringValue"] : value["BinaryValue"];
  if (with_receipt) line["receipt"] = json_text(message, "ReceiptHandle");
  return line;
}

Status acknowledge(SqsClient& client, const std::string& queue, const Json& messages) {
  Json entries = Json::array();
  for (const Json& message : messages)
    entries.push_back({{"Id", std::to_string(entries.size())}, {"ReceiptHandle", json_text(message, "ReceiptHandle")}});
  LEAT_TRY(const Json answer, client.call("DeleteMessageBatch", Json{{"QueueUrl", queue}, {"Entries", entries}}));
  if (!answer.contains("Failed") || answer["Failed"].empty()) return {};
  return fail(Errc::io, fmt::format("a message was printed but not acknowledged, and comes again: {}",
                                    json_text(answer["Failed"].front(), "Message")));
}

}  // namespace

Result<int> queue_send(const QueueOptions& given) {
  QueueOptions options = given;
  options.key_separator = unescape(options.key_separator);
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  Sender sender(options, *client);
  LEAT_CHECK(sender.prepare());
  client->be_patient(kPatience);
  if (options.files.empty() && is_terminal(STDIN_FILENO))
    fmt::print(stderr, "Each line becomes a message in '{}'. End with Ctrl-D.\n", options.name);
  const std::vector<std::string> files = options.files.empty() ? std::vector<std::string>{"-"} : options.files;
  Status outcome;
  for (const std::string& file : files) {
    outcome = sender.send_file(file);
    if (!outcome) break;
  }
  if (outcome) outcome = sender.flush();
  if (!outcome) {
    outcome.error().message +=
        fmt::format(" ({} messages were sent before)", human_count(static_cast<std::int64_t>(sender.sent())));
    return fail(outcome.error());
  }
  if (is_terminal(STDERR_FILENO))
    fmt::print(stderr, "{} messages to '{}'\n", human_count(static_cast<std::int64_t>(sender.sent())), options.name);
  return 0;
}

Result<int> queue_receive(const QueueOptions& options) {
  LEAT_TRY(const auto client, SqsClient::open(options.server));
  LEAT_CHECK(describe_queue(*client, options.name));
  client->be_patient(options.follow ? kPatienceOfFollowers : kPatience);
  Json request{
      {"QueueUrl", options.name}, {"MessageSystemAttributeNames", {"All"}}, {"MessageAttributeNames", {"All"}}};
  if (!options.lease.empty()) {
    LEAT_TRY(const Milliseconds lease, parse_span("--lease", options.lease));
    request["VisibilityTimeout"] = (lease.count() + 999) / 1000;
  }
  std::int64_t wait_seconds = options.follow ? kWaitSecondsMax : 0;
  if (!options.wait.empty()) {
    LEAT_TRY(const Milliseconds wait, parse_span("--wait", options.wait));
    wait_seconds = std::min((wait.count() + 999) / 1000, kWaitSecondsMax);
  }
  const bool is_endless = options.all || options.follow;
  std::int64_t taken = 0;
  Output out;
  while (!out.closed() && (is_endless || taken < options.count_max)) {
    const std::int64_t batch = static_cast<std::int64_t>(kBatchMax);
    request["MaxNumberOfMessages"] = is_endless ? batch : std::min(batch, options.count_max - taken);
    // Once there were some, what is not ready is not waited for.
    request["WaitTimeSeconds"] = taken == 0 || options.follow ? wait_seconds : 0;
    LEAT_TRY(const Json answer, client->call("ReceiveMessage", request));
    const Json messages = answer.contains("Messages") ? answer["Messages"] : Json::array();
    if (messages.empty() && !options.follow) break;
    for (const Json& message : messages) {
      out.write(options.json
                    ? message_json(message, !options.acknowledge).dump(-1, ' ', false, Json::error_handler_t::replace)
                    : json_text(message, "Body"));
      out.write("\n");
    }
    out.flush();
    LEAT_CHECK(out.status());
    if (options.acknowledge && !messages.empty() && !out.closed())
      LEAT_CHECK(acknowledge(*client, options.name, messages));
    taken += static_cast<std::int64_t>(messages.size());
  }
  if (taken == 0 && !out.closed())
    fmt::print(stderr, "No message of '{0}' is ready; `leat queue stats {0}` shows what it holds.\n", options.name);
  return 0;
}

}  // namespace leat::cli
