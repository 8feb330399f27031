#include <unistd.h>

#include <CLI/CLI.hpp>

#include <charconv>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/fetcher.h"
#include "cli/json_record.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

constexpr std::size_t kDecompressedMax = std::size_t{256} << 20;
// Answers without records, of a partition that is said to have more, after which what is missing counts as compacted away.
constexpr int kEmptyAnswersMax = 3;

struct ConsumeOptions {
  std::string server;
  std::string topic;
  std::string from = "beginning";
  std::string from_time;
  std::vector<std::int32_t> partitions;
  std::int64_t count = -1;
  bool follow = false;
  bool json = false;
  std::string key_separator;
  bool headers = false;
  bool offsets = false;
  bool timestamps = false;
};

// One record as a line.
class Printer {
 public:
  explicit Printer(const ConsumeOptions& options) : options_(options) {}

  Result<std::string> line(std::int32_t partition, const log::RecordView& record) const {
    std::vector<log::RecordHeader> headers;
    if (options_.json || options_.headers) {
      LEAT_TRY(headers, log::decode_record_headers(record.raw_headers));
    }
    if (options_.json) return render_json_record({options_.topic, partition}, record, headers) + '\n';
    std::string line;
    if (options_.offsets) line += fmt::format("{}:{}\t", partition, record.offset);
    if (options_.timestamps) line += format_time(record.timestamp.value()) + '\t';
    if (options_.headers) line += text_of(headers) + '\t';
    if (!options_.key_separator.empty()) line += text_of(record.key) + options_.key_separator;
    line += text_of(record.value);
    return line + '\n';
  }

 private:
  static std::string text_of(const std::optional<BytesView>& bytes) {
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  static std::string text_of(const std::vector<log::RecordHeader>& headers) {
    std::string text;
    for (const log::RecordHeader& header : headers)
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", header.key, text_of(header.value));
    return text;
  }

  const ConsumeOptions& options_;
};

class Run {
 public:
  explicit Run(const ConsumeOptions& options) : options_(options), printer_(options) {}

  Status consume() {
    LEAT_TRY(const auto client, Client::connect(options_.server));
    LEAT_TRY(const TopicPartitions topic, client->topic(options_.topic));
    LEAT_TRY(auto positions, plan(*client, topic));
    Fetcher fetcher(*client, topic, std::move(positions), FetchOptions{});
    Progress progress("records", planned_);
    progress_ = is_terminal(STDOUT_FILENO) ? nullptr : &progress;
    if (options_.count == 0) return {};
    while (!fetcher.finished() && !stop_) {
      LEAT_TRY(const auto fetched, fetcher.next());
      for (const Fetched& part : fetched) {
        LEAT_CHECK(print(part));
        if (stop_) break;
        if (is_done(part)) fetcher.finish(part.partition);
      }
      out_.flush();
      if (out_.closed()) break;
    }
    return out_.status();
  }

 private:
  // Where each partition is read from; fills ends_ unless the end is never reached.
  Result<std::map<std::int32_t, std::int64_t>> plan(Client& client, const TopicPartitions& topic) {
    std::vector<std::int32_t> partitions = options_.partitions;
    if (partitions.empty())
      for (const auto& p : topic.partitions) partitions.push_back(p.index);
    LEAT_TRY(const auto ends, client.offsets(topic, partitions, kLatest));
    LEAT_TRY(auto starts, client.offsets(topic, partitions, kEarliest));
    LEAT_TRY(auto positions, start_positions(client, topic, partitions, starts, ends));
    if (options_.follow) return positions;
    ends_ = ends;
    planned_ = 0;
    std::erase_if(positions, [&](const auto& entry) { return entry.second >= ends.at(entry.first); });
    for (const auto& [partition, position] : positions)
      *planned_ += static_cast<std::uint64_t>(ends.at(partition) - position);
    if (options_.count >= 0) planned_ = std::min(*planned_, static_cast<std::uint64_t>(options_.count));
    return positions;
  }

  Result<std::map<std::int32_t, std::int64_t>> start_positions(Client& client, const TopicPartitions& topic,
                                                               const std::vector<std::int32_t>& partitions,
                                                               const std::map<std::int32_t, std::int64_t>& starts,
                                                               const std::map<std::int32_t, std::int64_t>& ends) {
    if (!options_.from_time.empty()) {
      LEAT_TRY(const std::int64_t time, parse_time(options_.from_time, wall_clock_ms()));
      LEAT_TRY(auto positions, client.offsets(topic, partitions, time));
      for (auto& [partition, position] : positions)
        if (position < 0) position = ends.at(partition);  // nothing is that late yet
      return positions;
    }
    if (options_.from == "beginning") return starts;
    if (options_.from == "end") return ends;
    std::int64_t offset = 0;
    const char* const end = options_.from.data() + options_.from.size();
    if (const auto [at, failure] = std::from_chars(options_.from.data(), end, offset);
        failure != std::errc() || at != end)
      return fail(Errc::invalid_argument,
                  fmt::format("--from takes beginning, end, an offset, or -N for the last N records of "
                              "each partition, not '{}'; for a time use --from-time",
                              options_.from));
    if (std::ranges::all_of(ends, [&](const auto& end) { return offset > end.second; }))
      return fail(Errc::offset_out_of_range,
                  fmt::format("'{0}' has no offset {1} yet; see those it has with `leat topic "
                              "describe {0}`",
                              topic.name, offset));
    std::map<std::int32_t, std::int64_t> positions;
    for (const std::int32_t partition : partitions)
      positions[partition] = offset >= 0 ? offset : std::max(starts.at(partition), ends.at(partition) + offset);
    return positions;
  }

  Status print(const Fetched& part) {
    for (const BytesView batch : part.batches) {
      LEAT_TRY(auto reader, log::BatchReader::open(batch, kDecompressedMax));
      if (reader.header().is_control()) continue;
      for (;;) {
        LEAT_TRY(const auto record, reader.next());
        if (!record) break;
        if (record->offset.value() < part.position || is_past_end(part.partition, record->offset.value())) continue;
        LEAT_TRY(const std::string line, printer_.line(part.partition, *record));
        out_.write(line);
        if (progress_ != nullptr && ++printed_ % 256 == 0) progress_->update(printed_);
        if (options_.count >= 0 && ++counted_ >= options_.count) {
          stop_ = true;
          return {};
        }
      }
    }
    return {};
  }

  [[nodiscard]] bool is_past_end(std::int32_t partition, std::int64_t offset) const {
    return !options_.follow && offset >= ends_.at(partition);
  }

  bool is_done(const Fetched& part) {
    if (options_.follow) return false;
    const std::int64_t end = ends_.at(part.partition);
    if (!part.batches.empty()) {
      empty_answers_[part.partition] = 0;
      const auto last = log::decode_batch_header(part.batches.back());
      return last && last->next_offset().value() >= end;
    }
    return part.high_watermark >= end && ++empty_answers_[part.partition] >= kEmptyAnswersMax;
  }

  const ConsumeOptions& options_;
  Printer printer_;
  Output out_;
  Progress* progress_ = nullptr;
  std::map<std::int32_t, std::int64_t> ends_;
  std::map<std::int32_t, int> empty_answers_;
  std::optional<std::uint64_t> planned_;
  std::uint64_t printed_ = 0;
  std::int64_t counted_ = 0;
  bool stop_ = false;
};

}  // namespace

void add_consume_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<ConsumeOptions>();
  const auto consume = [options]() -> Result<int> {
    options->key_separator = unescape(options->key_separator);
    LEAT_CHECK(Run(*options).consume());
    return 0;
  };
  CLI::App* command =
      add_subcommand(root, "consume", "Print the records of a topic, up to its end or following it", consume, chosen);
  command->add_option("topic", options->topic, "The topic")->required()->type_name("TOPIC");
  add_server_option(*command, options->server);
  CLI::Option* from =
      command->add_option("--from", options->from, "Where to begin: beginning, end, an offset, or -N: the last N");
  from->type_name("WHERE")->capture_default_str();
  command
      ->add_option("--from-time", options->from_time,
                   "Begin with the first record at or after 2026-03-01T12:30Z, or -1h ago")
      ->type_name("TIME")
      ->excludes(from);
  command->add_option("--partition", options->partitions, "Read this partition only; repeatable")
      ->check(at_least(0))
      ->type_name("N")
      ->expected(1)
      ->take_all();
  command->add_option("-n,--count", options->count, "Stop after so many records")->check(at_least(0))->type_name("N");
  command->add_flag("-f,--follow", options->follow, "Go on with what is produced from now on, until Ctrl-C");
  command->add_flag("--json", options->json, "Print each record as an object on one line");
  command
      ->add_option("--key-separator", options->key_separator, "Print keys too, and this before the value (\\t: a tab)")
      ->type_name("TEXT");
  command->add_flag("--headers", options->headers, "Print headers too");
  command->add_flag("--offsets", options->offsets, "Print partition:offset too");
  command->add_flag("--timestamps", options->timestamps, "Print timestamps too");
}

}  // namespace leat::cli
