#include "queue/record_reader.h"

#include <algorithm>

namespace leat::queue {
namespace {

constexpr std::uint64_t kChunkSize = 128 << 10;
constexpr std::size_t kChunkMemoryMax = std::size_t{16} << 20;  // decoded; of one batch alone it may be more

}  // namespace

Result<RecordChunkPtr> RecordChunk::decode(Bytes batches, std::size_t decompressed_size_max) {
  auto chunk = std::make_shared<RecordChunk>();
  chunk->bytes_ = std::move(batches);
  BytesView rest = chunk->bytes_;
  bool is_first = true;
  chunk->memory_ = chunk->bytes_.size();
  while (!rest.empty()) {
    LEAT_TRY(const log::BatchHeader header, log::decode_batch_header(rest));
    const BytesView batch = rest.first(std::min(rest.size(), header.total_size()));
    rest = rest.subspan(batch.size());
    if (!is_first && chunk->memory_ > kChunkMemoryMax) break;
    if (is_first) chunk->base_ = header.base_offset;
    is_first = false;
    chunk->end_ = header.next_offset();
    if (header.is_control()) continue;
    LEAT_TRY(log::BatchReader reader, log::BatchReader::open(batch, decompressed_size_max));
    while (true) {
      LEAT_TRY(const auto record, reader.next());
      if (!record) break;
      chunk->records_.push_back(*record);
      if (header.codec() != log::Codec::none) chunk->memory_ += record->raw_headers.size() + 16;
      if (header.codec() != log::Codec::none && record->value) chunk->memory_ += record->value->size();
    }
    if (header.codec() != log::Codec::none) chunk->readers_.push_back(std::move(reader));
  }
  chunk->memory_ += chunk->records_.size() * sizeof(log::RecordView) + sizeof(RecordChunk);
  return RecordChunkPtr(std::move(chunk));
}

const log::RecordView* RecordChunk::find(Offset offset) const {
  const auto at = std::ranges::lower_bound(records_, offset, {}, &log::RecordView::offset);
  return at != records_.end() && at->offset == offset ? &*at : nullptr;
}

runtime::Task<Result<RecordChunkPtr>> RecordReader::read(std::shared_ptr<log::Partition> partition, Offset offset) {
  const TopicPartition id = partition->id();
  if (RecordChunkPtr kept = find(id, offset)) co_return kept;
  LEAT_CO_TRY(Bytes batches, co_await partition->copy(offset, kChunkSize));
  if (batches.empty()) co_return RecordChunkPtr();
  LEAT_CO_TRY(RecordChunkPtr chunk, RecordChunk::decode(std::move(batches), decompressed_size_max_));
  keep(id, chunk);
  co_return chunk;
}

RecordChunkPtr RecordReader::find(const TopicPartition& partition, Offset offset) {
  auto at = chunks_.upper_bound({partition, offset});
  if (at == chunks_.begin()) return nullptr;
  --at;
  if (at->first.first != partition || at->second.chunk->end() <= offset) return nullptr;
  used_.splice(used_.end(), used_, at->second.used);
  return at->second.chunk;
}

void RecordReader::keep(const TopicPartition& partition, const RecordChunkPtr& chunk) {
  const Key key{partition, chunk->base()};
  if (const auto old = chunks_.find(key); old != chunks_.end()) drop(old);
  used_.push_back(key);
  chunks_.emplace(key, Kept{chunk, std::prev(used_.end())});
  memory_ += chunk->memory();
  while (memory_ > memory_max_ && !used_.empty()) drop(chunks_.find(used_.front()));
}

void RecordReader::drop(std::map<Key, Kept>::iterator at) {
  memory_ -= at->second.chunk->memory();
  used_.erase(at->second.used);
  chunks_.erase(at);
}

void RecordReader::forget(const TopicPartition& partition) {
  for (auto at = chunks_.lower_bound({partition, Offset(0)}); at != chunks_.end() && at->first.first == partition;)
    drop(at++);
}

}  // namespace leat::queue
