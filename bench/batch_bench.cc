#include <benchmark/benchmark.h>

#include "base/crc32c.h"
#include "log/batch.h"
#include "log/compression.h"

// What a produce costs above moving its bytes: the CRC and the walk over the records of a 1 MB batch.
namespace leat::log {
namespace {

constexpr Timestamp kNow{1'800'000'000'000};
constexpr std::size_t kBatchSize = 1'000'000;
constexpr BatchRules kRules{.batch_size_max = 2 * kBatchSize};

// A batch of about kBatchSize bytes of records with 8-byte keys and values of `value_size` bytes.
Bytes batch_of(std::size_t value_size, Codec codec) {
  BatchBuilder builder(codec);
  std::string value(value_size, 'v');
  for (int i = 0; builder.uncompressed_size() < kBatchSize; ++i) {
    const std::string key = fmt::format("key{:05}", i % 100000);
    for (std::size_t at = 0; at + 8 <= value.size(); at += 16) value[at] = static_cast<char>('a' + (i + at) % 26);
    builder.add({Timestamp(kNow.value() + i), as_bytes(key), as_bytes(value), {}});
  }
  return builder.build().value();
}

void report(benchmark::State& state, const Bytes& batch, std::int32_t records) {
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["per_record"] =
      benchmark::Counter(rounds * records, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<std::int64_t>(rounds) * static_cast<std::int64_t>(batch.size()));
}

void validate(benchmark::State& state) {
  const Bytes batch = batch_of(static_cast<std::size_t>(state.range(0)), static_cast<Codec>(state.range(1)));
  std::int32_t records = 0;
  for (auto _ : state) {
    auto valid = validate_batch(batch, kRules, kNow);
    if (!valid) return state.SkipWithError(valid.error().message.c_str());
    records = valid->header.record_count;
  }
  report(state, batch, records);
}
BENCHMARK(validate)->ArgNames({"value", "codec"})->ArgsProduct({{100, 1024}, {0, 1, 2, 3, 4}});

void crc(benchmark::State& state) {
  const Bytes batch = batch_of(static_cast<std::size_t>(state.range(0)), Codec::none);
  const std::int32_t records = decode_batch_header(batch).value().record_count;
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(batch));
  report(state, batch, records);
}
BENCHMARK(crc)->ArgName("value")->Arg(100)->Arg(1024);

void read(benchmark::State& state) {
  const Bytes batch = batch_of(static_cast<std::size_t>(state.range(0)), Codec::none);
  std::int32_t records = 0;
  for (auto _ : state) {
    auto reader = BatchReader::open(batch, kBatchSize).value();
    records = reader.header().record_count;
    while (auto record = reader.next().value()) benchmark::DoNotOptimize(record);
  }
  report(state, batch, records);
}
BENCHMARK(read)->ArgName("value")->Arg(100)->Arg(1024);

}  // namespace
}  // namespace leat::log
