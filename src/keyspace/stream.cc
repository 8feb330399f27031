#include "keyspace/stream.h"

#include <algorithm>

#include "keyspace/encoding_limits.h"

namespace leat::keyspace {

std::size_t Stream::memory() const {
  constexpr std::size_t kSampled = 8;
  const auto all = blocks();
  std::size_t bytes = rounded_size(sizeof(Stream));
  if (blocks_.capacity() > 0) bytes += rounded_size(blocks_.capacity() * sizeof(StreamBlock));
  std::size_t sampled = 0;
  for (std::size_t i = 0; i < std::min(all.size(), kSampled); ++i) sampled += all[i].listpack().memory();
  if (!all.empty()) bytes += sampled * all.size() / std::min(all.size(), kSampled);
  for (const auto& [name, group] : groups_) {
    bytes += rounded_size(32 + sizeof(Groups::value_type)) + group.memory();
  }
  return bytes;
}

std::size_t Stream::elements() const {
  std::size_t count = blocks().size();
  for (const auto& [name, group] : groups_) count += 1 + group.elements();
  return count;
}

Stream Stream::clone() const {
  Stream other;
  other.blocks_.reserve(blocks().size());
  for (const StreamBlock& block : blocks()) other.blocks_.push_back(block.clone());
  other.size_ = size_;
  other.last_id_ = last_id_;
  other.first_id_ = first_id_;
  other.max_deleted_id_ = max_deleted_id_;
  other.entries_added_ = entries_added_;
  for (const auto& [name, group] : groups_) {
    other.create_group(name, group.last_delivered, group.entries_read);
    group.copy_to(*other.group(name));
  }
  return other;
}

StreamId Stream::last_entry_id() const {
  StreamId last;
  for_each_backwards({}, StreamId::max(), [&last](const Entry& entry) {
    last = entry.id();
    return false;
  });
  return last;
}

bool Stream::needs_new_block(std::span<const std::string_view> words) const {
  constexpr std::size_t kBytesMax = std::size_t{1} << 30;
  if (blocks().empty()) return true;
  const StreamBlock& last = blocks_.back();
  const std::size_t set = EncodingLimits::stream_node_max_bytes;
  const std::size_t bytes_max = set == 0 || set > kBytesMax ? kBytesMax : set;
  std::size_t bytes = last.listpack().total();
  for (const std::string_view word : words) bytes += word.size();
  if (bytes >= bytes_max) return true;
  const std::size_t entries_max = EncodingLimits::stream_node_max_entries;
  return entries_max != 0 && last.size() + last.deleted() >= entries_max;
}

void Stream::append(StreamId id, std::span<const std::string_view> words) {
  if (needs_new_block(words)) blocks_.emplace_back(id);
  blocks_.back().append(id, words);
  if (size_++ == 0) first_id_ = id;
  ++entries_added_;
  last_id_ = id;
}

std::size_t Stream::block_of(StreamId id) const {
  const auto all = blocks();
  const auto after = std::ranges::upper_bound(all, id, {}, &StreamBlock::id);
  return after == all.begin() ? 0 : static_cast<std::size_t>(after - all.begin()) - 1;
}

std::optional<Stream::Entry> Stream::find(StreamId id, std::size_t& block) const {
  const auto all = blocks();
  block = block_of(id);
  if (block >= all.size()) return std::nullopt;
  for (auto entry = all[block].first(); entry && entry->id() <= id; entry = all[block].next(*entry)) {
    if (entry->id() == id) return entry->is_deleted() ? std::nullopt : entry;
  }
  return std::nullopt;
}

bool Stream::contains(StreamId id) const {
  std::size_t block = 0;
  return find(id, block).has_value();
}

void Stream::drop_first_block() {
  blocks_[static_cast<std::size_t>(gone_++)] = StreamBlock({});
  const auto gone = static_cast<std::size_t>(gone_);
  if (gone < blocks_.size() - gone) return;
  blocks_.erase(blocks_.begin(), blocks_.begin() + gone_);
  gone_ = 0;
  if (blocks_.capacity() > 4 * blocks_.size()) blocks_.shrink_to_fit();
}

void Stream::drop_block(std::size_t index) {
  if (index == 0) return drop_first_block();
  blocks_.erase(blocks_.begin() + gone_ + static_cast<std::ptrdiff_t>(index));
}

void Stream::find_first_id() {
  first_id_ = {};
  for_each({}, StreamId::max(), [this](const Entry& entry) {
    first_id_ = entry.id();
    return false;
  });
}

bool Stream::erase(StreamId id) {
  std::size_t index = 0;
  const auto entry = find(id, index);
  if (!entry) return false;
  StreamBlock& block = blocks_[static_cast<std::size_t>(gone_) + index];
  if (block.size() == 1) {
    drop_block(index);
  } else {
    block.mark_deleted(*entry);
  }
  --size_;
  max_deleted_id_ = std::max(max_deleted_id_, id);
  if (id == first_id_) find_first_id();
  return true;
}

std::size_t Stream::trim(const Trim& trim) {
  std::size_t trimmed = 0;
  while (!blocks().empty()) {
    if (trim.length && size_ <= *trim.length) break;
    const StreamBlock& block = blocks().front();
    const std::size_t entries = block.size();
    if (trim.approximate && trim.limit != 0 && trimmed + entries > trim.limit) break;
    const bool whole = trim.length ? size_ - entries >= *trim.length : block.last()->id() < trim.min;
    if (whole) {
      drop_first_block();
      size_ -= entries;
      trimmed += entries;
      continue;
    }
    if (!trim.approximate) trimmed += trim_within_first_block(trim);
    break;
  }
  if (trimmed > 0) find_first_id();
  return trimmed;
}

std::size_t Stream::trim_within_first_block(const Trim& trim) {
  StreamBlock& block = blocks_[static_cast<std::size_t>(gone_)];
  std::vector<StreamId> ids;
  for (auto entry = block.first(); entry; entry = block.next(*entry)) {
    if (trim.length ? size_ - ids.size() <= *trim.length : entry->id() >= trim.min) break;
    if (!entry->is_deleted()) ids.push_back(entry->id());
  }
  size_ -= ids.size();
  if (ids.size() == block.size()) {
    drop_first_block();
    return ids.size();
  }
  // Marking an entry may move those behind it.
  for (const StreamId id : ids) {
    auto entry = block.first();
    while (entry->id() != id) entry = block.next(*entry);
    block.mark_deleted(*entry);
  }
  return ids.size();
}

StreamGroup* Stream::group(std::string_view name) {
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : &found->second;
}

bool Stream::create_group(std::string_view name, StreamId last, std::int64_t entries_read) {
  return groups_.try_emplace(String(name), last, entries_read).second;
}

bool Stream::has_gaps_from(StreamId id) const {
  return size_ != 0 && max_deleted_id_ >= first_id_ && id <= max_deleted_id_;
}

std::int64_t Stream::count_up_to(StreamId id) const {
  const auto added = static_cast<std::int64_t>(entries_added_);
  if (added == 0) return 0;
  if (size_ == 0 && id <= last_id_) return added;
  if (id == last_id_) return added;
  if (id > last_id_) return StreamGroup::kUnknown;
  if (max_deleted_id_.is_zero() || max_deleted_id_ < first_id_) {
    const auto before_first = added - static_cast<std::int64_t>(size_);
    if (id < first_id_) return before_first;
    if (id == first_id_) return before_first + 1;
  }
  return StreamGroup::kUnknown;
}

std::optional<std::int64_t> Stream::lag(const StreamGroup& group) const {
  const auto added = static_cast<std::int64_t>(entries_added_);
  if (added == 0) return 0;
  if (group.entries_read != StreamGroup::kUnknown && !has_gaps_from(group.last_delivered))
    return added - group.entries_read;
  const std::int64_t read = count_up_to(group.last_delivered);
  return read == StreamGroup::kUnknown ? std::nullopt : std::optional(added - read);
}

void Stream::advance(StreamGroup& group, StreamId id) const {
  if (id <= group.last_delivered) return;
  if (group.entries_read != StreamGroup::kUnknown && !has_gaps_from(id)) {
    group.entries_read = static_cast<std::int64_t>(static_cast<std::uint64_t>(group.entries_read) + 1);
  } else if (entries_added_ != 0) {
    group.entries_read = count_up_to(id);
  }
  group.last_delivered = id;
}

namespace {

constexpr std::size_t kIdBytes = 16;

std::uint8_t byte_at(StreamId id, std::size_t index) {
  const std::uint64_t word = index < 8 ? id.ms : id.sequence;
  return static_cast<std::uint8_t>(word >> (56 - 8 * (index % 8)));
}

std::size_t common_bytes(StreamId a, StreamId b) {
  std::size_t count = 0;
  while (count < kIdBytes && byte_at(a, count) == byte_at(b, count)) ++count;
  return count;
}

// The nodes below a point where so many bytes of these blocks' ids are passed: chains of bytes without a branch are one.
std::size_t count_nodes(std::span<const StreamBlock> blocks, std::size_t passed) {
  if (blocks.size() == 1) return passed < kIdBytes ? 2 : 1;
  const std::size_t common = common_bytes(blocks.front().id(), blocks.back().id());
  std::size_t count = common > passed ? 2 : 1;
  while (!blocks.empty()) {
    const auto branch = byte_at(blocks.front().id(), common);
    const auto end = std::ranges::upper_bound(
        blocks, branch, {}, [common](const StreamBlock& block) { return byte_at(block.id(), common); });
    count += count_nodes({blocks.begin(), end}, common + 1);
    blocks = {end, blocks.end()};
  }
  return count;
}

}  // namespace

std::size_t Stream::radix_tree_nodes() const { return blocks().empty() ? 1 : count_nodes(blocks(), 0); }

bool Stream::add_block(StreamBlock block) {
  if (block.id() <= last_id_ && !blocks_.empty()) return false;
  last_id_ = block.last()->id();
  size_ += block.size();
  const bool is_first = blocks_.empty();
  blocks_.push_back(std::move(block));
  if (is_first) find_first_id();
  return true;
}

}  // namespace leat::keyspace
