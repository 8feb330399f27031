#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "cli/client.h"
#include "cli/latency_histogram.h"
#include "log/batch.h"

// The load of `leat bench`: as little work in the client as there can be, so that the server is what is measured. Works
// against any server that speaks the Kafka protocol.
namespace leat::cli {

struct LoadResult {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // of batches
  std::uint64_t requests = 0;
  double seconds = 0;
  double client_cpu_seconds = 0;
  LatencyHistogram latency;
};

struct ProduceLoad {
  std::size_t record_size = 1024;
  std::size_t batch_bytes = 1'000'000;  // records fill a batch up to this
  std::uint64_t batch_records = 0;      // instead, when not 0
  std::int16_t acks = 1;
  std::int32_t connections = 1;
  std::int32_t in_flight = 5;  // requests on one connection
  log::Codec codec = log::Codec::none;
  double rate = 0;             // records a second; 0: as fast as it goes
  std::uint64_t records = 0;   // stop after so many; 0: no limit
  double seconds = 0;          // stop after so long; 0: no limit
  double warm_up_seconds = 0;  // what began before is not counted in `latency`
  // Every record begins with the time it was due (8 bytes, monotonic nanoseconds); requests then take the records that
  // are due, up to a whole batch, and `linger` is how long the first one waits for others.
  bool stamped = false;
  Milliseconds linger{0};
};

// Latency is from the moment when a request was due (with a rate) or began, until its answer.
[[nodiscard]] Result<LoadResult> run_produce_load(Client& client, const TopicPartitions& topic,
                                                  const ProduceLoad& load);

struct ConsumeLoad {
  std::int32_t connections = 1;
  std::int32_t partition_bytes = 1 << 20;
  std::int32_t request_bytes = 50 << 20;
  std::uint64_t records = 0;  // stop after so many; 0: at the end of the topic
  bool verify = false;        // every batch's checksum
};

// Reads everything from the beginning by incremental fetch sessions, partitions spread over the connections.
[[nodiscard]] Result<LoadResult> run_consume_load(Client& client, const TopicPartitions& topic,
                                                  const ConsumeLoad& load);

struct EndToEndLoad {
  ProduceLoad produce;
  Milliseconds fetch_wait{500};
};
// Produces stamped records and reads them back with a long-polling consumer; latency is from the moment a record was due
// until the consumer has it.
[[nodiscard]] Result<LoadResult> run_end_to_end_load(Client& client, const TopicPartitions& topic,
                                                     const EndToEndLoad& load);

// User and system time of this process so far.
[[nodiscard]] double process_cpu_seconds();
[[nodiscard]] std::int64_t monotonic_ns();

}  // namespace leat::cli
