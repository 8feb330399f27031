#include "stream/append.h"

#include "runtime/call.h"

namespace leat::stream {
namespace {

using runtime::Task;

constexpr Milliseconds kCommitPatience{30'000};

Task<Result<Produced>> append_here(StreamShard* shard, TopicPartition id, BytesView bytes, const CheckFences* fences) {
  const auto partition = shard->find(id);
  if (partition == nullptr) co_return fail(Errc::not_found, "the partition is not here any more");
  const Timestamp now = shard->shard().wall_now();
  LEAT_CO_TRY(const log::ValidBatch batch, log::validate_batch(bytes, partition->rules(), now));
  LEAT_CO_CHECK(co_await check_fences(*partition, batch, *fences));
  LEAT_CO_TRY(const Produced produced, partition->produce(batch, now));
  LEAT_CO_CHECK(co_await partition->log().wait_committed(produced.end, shard->shard().now() + kCommitPatience));
  co_return produced;
}

}  // namespace

Task<Status> check_fences(StreamPartition& partition, const log::ValidBatch& batch, const CheckFences& check) {
  if (!partition.log().config().fence) co_return Status{};
  LEAT_CO_TRY(const auto fences, fences_of(batch.bytes, partition.rules().decompressed_size_max));
  if (fences.empty()) co_return Status{};
  if (!check) co_return fail(Errc::invalid_record, "FENCED there are no locks here");
  LEAT_CO_CHECK(co_await check(fences));
  co_return partition.seen_fences().pass(fences);
}

Task<Result<Produced>> append_batch(const Streams& streams, TopicPartition id, Bytes batch, const CheckFences& fences) {
  StreamShard& owner = streams.shard(streams.owner(id));
  co_return co_await runtime::call_on(owner.shard(), append_here, &owner, id, batch.view(), &fences);
}

}  // namespace leat::stream
