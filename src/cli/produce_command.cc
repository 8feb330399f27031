#include <unistd.h>

#include <CLI/CLI.hpp>

#include <thread>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/producer.h"

namespace leat::cli {
namespace {

struct ProduceOptions {
  std::string server;
  std::string topic;
  std::vector<std::string> files;
  std::string key_separator;
  bool json = false;
  std::vector<std::string> headers;
  std::string acks;
  std::string compression;
  std::int32_t partition = -1;
  double rate = 0;
  std::size_t batch_bytes = std::size_t{256} << 10;
  bool no_idempotence = false;
};

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

// Spreads records over time, from the first one on.
class Pace {
 public:
  explicit Pace(double per_second) : per_second_(per_second), started_(std::chrono::steady_clock::now()) {}
  // How long until the record after `done` others is due; negative: it is late.
  [[nodiscard]] Duration until(std::uint64_t done) const {
    if (per_second_ <= 0) return Duration(-1);
    const std::chrono::duration<double> due(static_cast<double>(done) / per_second_);
    return std::chrono::duration_cast<Duration>(due) - (std::chrono::steady_clock::now() - started_);
  }

 private:
  double per_second_;
  MonoTime started_;
};

class Run {
 public:
  Run(const ProduceOptions& options, Headers headers)
      : options_(options), headers_(std::move(headers)), pace_(options.rate) {}

  Status open() {
    LEAT_TRY(client_, Client::connect(options_.server));
    ProducerOptions producing;
    producing.acks = acks_of(options_.acks);
    producing.codec = codec_of(options_.compression);
    producing.idempotent = !options_.no_idempotence;
    producing.batch_bytes = options_.batch_bytes;
    LEAT_TRY(producer_, Producer::open(*client_, options_.topic, producing));
    return {};
  }

  Status send_file(const std::string& path) {
    LEAT_TRY(LineReader lines, LineReader::open(path));
    Progress progress(lines.size() ? "bytes" : "records", lines.size());
    for (std::uint64_t number = 1;; ++number) {
      if (lines.would_wait()) LEAT_CHECK(producer_->flush());
      LEAT_TRY(const auto line, lines.next());
      if (!line) return {};
      LEAT_TRY(const TextRecord record, read(*line, path, number));
      LEAT_CHECK(wait_for_turn());
      LEAT_CHECK(producer_->add(record));
      ++added_;
      if (number % 64 == 0) progress.update(lines.size() ? lines.position() : number);
    }
  }
  Status flush() { return producer_->flush(); }
  [[nodiscard]] std::uint64_t acknowledged() const { return producer_->acknowledged(); }

 private:
  Result<TextRecord> read(std::string_view line, const std::string& path, std::uint64_t number) const {
    TextRecord record;
    if (options_.json) {
      auto parsed = parse_json_record(line);
      if (!parsed)
        return fail(Errc::invalid_record, fmt::format("line {} of {} {}", number, path == "-" ? "standard input" : path,
                                                      parsed.error().message));
      record = std::move(*parsed);
    } else if (const auto at =
                   options_.key_separator.empty() ? std::string_view::npos : line.find(options_.key_separator);
               at != std::string_view::npos) {
      record.key = line.substr(0, at);
      record.value = line.substr(at + options_.key_separator.size());
    } else {
      record.value = line;
    }
    record.headers.insert(record.headers.end(), headers_.begin(), headers_.end());
    if (options_.partition >= 0) record.partition = options_.partition;
    return record;
  }

  Status wait_for_turn() {
    const Duration left = pace_.until(added_);
    if (left <= Duration::zero()) return {};
    if (left > Milliseconds(2)) LEAT_CHECK(producer_->flush());
    std::this_thread::sleep_for(pace_.until(added_));
    return {};
  }

  const ProduceOptions& options_;
  Headers headers_;
  Pace pace_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Producer> producer_;
  std::uint64_t added_ = 0;
};

Result<int> produce(const ProduceOptions& options) {
  Headers headers;
  for (const std::string& text : options.headers) {
    LEAT_TRY(auto pair, split_pair("--header", text));
    headers.emplace_back(std::move(pair.first), std::move(pair.second));
  }
  Run run(options, std::move(headers));
  LEAT_CHECK(run.open());
  const MonoTime started = std::chrono::steady_clock::now();
  const std::vector<std::string> files = options.files.empty() ? std::vector<std::string>{"-"} : options.files;
  if (options.files.empty() && is_terminal(STDIN_FILENO))
    fmt::print(stderr, "Each line becomes a record of '{}'. End with Ctrl-D.\n", options.topic);
  Status outcome;
  for (const std::string& file : files) {
    outcome = run.send_file(file);
    if (!outcome) break;
  }
  // What was read before a bad line is sent all the same.
  if (outcome || outcome.error().code == Errc::invalid_record) {
    const Status flushed = run.flush();
    if (!flushed) outcome = flushed;
  }
  if (!outcome) {
    outcome.error().message +=
        fmt::format(" ({} records were sent before)", human_count(static_cast<std::int64_t>(run.acknowledged())));
    return fail(outcome.error());
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (is_terminal(STDERR_FILENO))
    fmt::print(stderr, "{} records to '{}' in {:.2f} s\n", human_count(static_cast<std::int64_t>(run.acknowledged())),
               options.topic, seconds);
  return 0;
}

}  // namespace

void add_produce_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<ProduceOptions>();
  const auto send = [options] {
    options->key_separator = unescape(options->key_separator);
    return produce(*options);
  };
  CLI::App* command =
      add_subcommand(root, "produce", "Send each line of files or standard input as a record", send, chosen);
  command->add_option("topic", options->topic, "The topic; created if the server's settings allow it")
      ->required()
      ->type_name("TOPIC");
  command->add_option("files", options->files, "Files to read; none or '-' is standard input")->type_name("FILE");
  add_server_option(*command, options->server);
  command
      ->add_option("--key-separator", options->key_separator,
                   "What stands between key and value in a line (\\t: a tab)")
      ->type_name("TEXT");
  command->add_flag("--json", options->json, "Lines are objects with key, value, headers, partition, timestamp");
  command->add_option("--header", options->headers, "A header for every record; repeatable")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  add_acks_option(*command, options->acks);
  add_compression_option(*command, options->compression);
  command->add_option("--partition", options->partition, "The partition, instead of the one of the key")
      ->check(at_least(0))
      ->type_name("N");
  command->add_option("--rate", options->rate, "Records a second at most")->check(above_zero())->type_name("N");
  command->add_option("--batch-bytes", options->batch_bytes, "How large a batch grows before it is sent")
      ->check(CLI::Range(1, 100 << 20))
      ->type_name("BYTES")
      ->capture_default_str();
  command->add_flag("--no-idempotence", options->no_idempotence, "Let a repeated request store its records twice");
}

}  // namespace leat::cli
