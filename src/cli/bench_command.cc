#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "protocol/kafka/messages/create_topics.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

struct BenchOptions {
  std::string server;
  std::string topic = "leat-bench";
  std::int32_t partitions = 1;
  bool json = false;
  std::string acks;
  std::string compression;
  ProduceLoad produce;
  ConsumeLoad consume;
  double seconds = 0;
  std::int64_t linger_ms = 0;
  std::int32_t producers = 0;
};

// The topic, made if it is missing.
Result<TopicPartitions> bench_topic(Client& client, const BenchOptions& options) {
  kafka::CreateTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
  auto& topic = request.topics.emplace_back();
  topic.name = options.topic;
  topic.num_partitions = options.partitions;
  topic.replication_factor = 1;
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(const auto reply, connection->call<kafka::CreateTopicsResponse>(request, Client::kTimeout));
  for (const auto& result : reply.message.topics)
    if (result.error_code != kafka::ErrorCode::kNone && result.error_code != kafka::ErrorCode::kTopicAlreadyExists)
      return fail(
          server_error(fmt::format("cannot create '{}'", options.topic), result.error_code, result.error_message));
  return client.topic(options.topic);
}

double per_record_us(const LoadResult& result) {
  return result.records == 0 ? 0 : result.client_cpu_seconds * 1e6 / static_cast<double>(result.records);
}

void print_json(const LoadResult& result) {
  Json out{{"records", result.records},
           {"bytes", result.bytes},
           {"requests", result.requests},
           {"seconds", result.seconds},
           {"records_per_second", static_cast<double>(result.records) / result.seconds},
           {"bytes_per_second", static_cast<double>(result.bytes) / result.seconds},
           {"client_cpu_us_per_record", per_record_us(result)}};
  if (result.latency.count() > 0) {
    const auto us = [&](double fraction) { return static_cast<double>(result.latency.percentile_ns(fraction)) / 1000; };
    out["latency_us"] = {{"count", result.latency.count()},
                         {"mean", result.latency.mean_ns() / 1000},
                         {"p50", us(0.5)},
                         {"p90", us(0.9)},
                         {"p99", us(0.99)},
                         {"p999", us(0.999)},
                         {"max", static_cast<double>(result.latency.max_ns()) / 1000}};
  }
  fmt::print("{}\n", out.dump(2));
}

void print_text(const LoadResult& result) {
  const double rate = static_cast<double>(result.records) / result.seconds;
  fmt::print("records     {} in {:.2f} s\n", human_count(static_cast<std::int64_t>(result.records)), result.seconds);
  fmt::print("rate        {} records/s, {}/s\n", human_count(static_cast<std::int64_t>(rate)),
             human_bytes(static_cast<std::int64_t>(static_cast<double>(result.bytes) / result.seconds)));
  fmt::print("client      {:.3f} µs of CPU a record\n", per_record_us(result));
  if (result.latency.count() == 0) return;
  const auto at = [&](double fraction) {
    return human_ns(static_cast<double>(result.latency.percentile_ns(fraction)));
  };
  fmt::print("latency     p50 {}  p90 {}  p99 {}  p99.9 {}  max {}\n", at(0.5), at(0.9), at(0.99), at(0.999),
             human_ns(static_cast<double>(result.latency.max_ns())));
}

int print_result(const BenchOptions& options, const LoadResult& result) {
  if (options.json) {
    print_json(result);
  } else {
    print_text(result);
  }
  return 0;
}

ProduceLoad produce_load(const BenchOptions& options) {
  ProduceLoad load = options.produce;
  load.acks = acks_of(options.acks);
  load.codec = codec_of(options.compression);
  load.seconds = options.seconds;
  load.linger = Milliseconds(options.linger_ms);
  return load;
}

Result<int> bench_produce(const BenchOptions& options) {
  ProduceLoad load = produce_load(options);
  if (load.records == 0 && load.seconds <= 0) load.records = 1'000'000;
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto topic, bench_topic(*client, options));
  LEAT_TRY(const LoadResult result, run_produce_load(*client, topic, load));
  return print_result(options, result);
}

Result<int> bench_consume(const BenchOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto topic, client->topic(options.topic));
  LEAT_TRY(const LoadResult result, run_consume_load(*client, topic, options.consume));
  if (result.records == 0)
    return fail(Errc::not_found,
                fmt::format("'{0}' is empty: fill it with `leat bench produce --topic {0}`", options.topic));
  return print_result(options, result);
}

Result<int> bench_latency(const BenchOptions& options) {
  ProduceLoad load = produce_load(options);
  if (load.seconds <= 0) load.seconds = 10;
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto topic, bench_topic(*client, options));
  if (options.producers > 0) {
    load.connections = options.producers;
    load.batch_records = 1;
    load.in_flight = load.rate > 0 ? 1000 : 1;
    LEAT_TRY(const LoadResult result, run_produce_load(*client, topic, load));
    return print_result(options, result);
  }
  if (load.rate <= 0) load.rate = 10'000;
  load.batch_bytes = std::size_t{64} << 10;
  LEAT_TRY(const LoadResult result, run_end_to_end_load(*client, topic, {.produce = load}));
  return print_result(options, result);
}

using Handler = Result<int> (*)(const BenchOptions&);

CLI::App* add(CLI::App& bench, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<BenchOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(bench, name, what, handler, options, chosen);
  add_server_option(*command, options->server);
  command->add_option("--topic", options->topic, "The topic")->type_name("TOPIC")->capture_default_str();
  add_json_option(*command, options->json);
  return command;
}

void add_load_options(CLI::App& command, BenchOptions& options) {
  command.add_option("--partitions", options.partitions, "Of the topic, if it is made")
      ->check(at_least(1))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--size", options.produce.record_size, "Bytes of each record's value")
      ->type_name("BYTES")
      ->capture_default_str();
  add_acks_option(command, options.acks);
  options.acks = "1";
  command.get_option("--acks")->capture_default_str();
  command
      .add_option("--warm-up", options.produce.warm_up_seconds, "Seconds at the start whose latencies are not counted")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--seconds", options.seconds, "Stop after so long")->check(above_zero())->type_name("N");
  command.add_option("--rate", options.produce.rate, "Records a second; as fast as it goes if not given")
      ->check(above_zero())
      ->type_name("N");
}

}  // namespace

void add_bench_command(CLI::App& root, Invocation& chosen) {
  CLI::App* bench = add_subcommand_group(root, "bench", "Measure a server: rates, latencies, client CPU");

  auto produce = std::make_shared<BenchOptions>();
  CLI::App* command =
      add(*bench, "produce", "Write records as fast as it goes, or at a rate", bench_produce, produce, chosen);
  add_load_options(*command, *produce);
  add_compression_option(*command, produce->compression);
  command->add_option("--records", produce->produce.records, "Stop after so many; 1,000,000 if neither is given")
      ->type_name("N");
  command->add_option("--batch-bytes", produce->produce.batch_bytes, "How large batches are")
      ->type_name("BYTES")
      ->capture_default_str();
  command->add_option("--batch-records", produce->produce.batch_records, "How many records a batch has, instead")
      ->type_name("N");
  command->add_option("--connections", produce->produce.connections, "Connections")
      ->check(at_least(1))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--in-flight", produce->produce.in_flight, "Unanswered requests on each connection")
      ->check(at_least(1))
      ->type_name("N")
      ->capture_default_str();

  auto consume = std::make_shared<BenchOptions>();
  command = add(*bench, "consume", "Read all of a topic as fast as it goes", bench_consume, consume, chosen);
  command->add_option("--records", consume->consume.records, "Stop after so many")->type_name("N");
  command->add_option("--connections", consume->consume.connections, "Connections; partitions are spread over them")
      ->check(at_least(1))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--partition-bytes", consume->consume.partition_bytes, "Of a partition in one answer")
      ->check(at_least(1))
      ->type_name("BYTES")
      ->capture_default_str();
  command->add_flag("--verify", consume->consume.verify, "Check every batch's checksum");

  auto latency = std::make_shared<BenchOptions>();
  command = add(*bench, "latency",
                "Measure the time from a record's due moment to a consumer; with --producers to the answer",
                bench_latency, latency, chosen);
  add_load_options(*command, *latency);
  latency->produce.record_size = 100;
  command->get_option("--size")->capture_default_str();
  command->add_option("--linger-ms", latency->linger_ms, "How long a record waits for others to share its batch")
      ->type_name("MS")
      ->capture_default_str();
  command
      ->add_option("--producers", latency->producers,
                   "Measure answers instead: so many producers with one record outstanding "
                   "each, or, with --rate, as many outstanding as the rate needs")
      ->check(at_least(1))
      ->type_name("N");
}

}  // namespace leat::cli
