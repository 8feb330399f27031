#include "keyspace/database.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "keyspace/hash.h"
#include "keyspace/keyspace.h"
#include "keyspace/numbers.h"

namespace leat::keyspace {
namespace {

// Tables with fewer keys are likely to be in the processor's cache.
constexpr std::size_t kPrefetchTableMin = 4096;
constexpr std::size_t kPrefetchMax = 16;

// Room for an embedded text: what malloc would round up to anyway is taken, so that a text that changes often stays put.
std::size_t embedded_room(std::size_t header_and_key, std::size_t size) {
  const std::size_t usable = rounded_size(header_and_key + size) - 8;
  return std::min<std::size_t>(usable - header_and_key, 255);
}

// A text that grows is likely to grow again.
std::size_t grown_capacity(std::size_t size) {
  constexpr std::size_t kDoubledMax = std::size_t{1} << 20;
  return size < kDoubledMax ? size * 2 : size + kDoubledMax;
}

TextBlock* make_block(std::size_t size, std::size_t capacity) {
  auto* block = static_cast<TextBlock*>(allocate(sizeof(TextBlock) + capacity));
  block->size = static_cast<std::uint32_t>(size);
  block->capacity = static_cast<std::uint32_t>(capacity);
  return block;
}

// Values of more allocations, and strings of more bytes, are not freed by the owner's thread.
constexpr std::size_t kFreedAtOnceMax = 1000;
constexpr std::size_t kBytesFreedAtOnceMax = std::size_t{1} << 20;

struct ReleaseBlock {
  void operator()(TextBlock* block) const { release(block, sizeof(TextBlock) + block->capacity); }
};

}  // namespace

// All that a database holds, when it is taken out as one.
struct Database::Contents {
  Table<Entry> table;
  ExpiryHeap expiries;
  decltype(Database::with_fields_) with_fields;

  Contents() = default;
  Contents(Contents&&) = default;
  Contents& operator=(Contents&&) = delete;
  ~Contents() {
    table.clear([](Entry* entry) { Entry::destroy(entry); });
  }
};

Entry* Database::find(std::string_view key, std::uint64_t hash) {
  Entry* entry = table_.find(key, hash);
  if (entry == nullptr) return nullptr;
  if (entry->has_expiry() && expiries_.when(*entry) <= keyspace_.now()) [[unlikely]] {
    expire(*entry);
    return nullptr;
  }
  if (entry->fields_expire_) [[unlikely]] {
    const std::size_t fields = entry->value<Hash>().size();
    if (expire_fields(*entry, std::numeric_limits<std::size_t>::max()) == fields) return nullptr;
  }
  return entry;
}

Entry* Database::read(std::string_view key) {
  Entry* entry = find(key, hash_of(key));
  if (entry == nullptr) {
    keyspace_.stats().misses.add();
    keyspace_.missed(*this, key);
    return nullptr;
  }
  keyspace_.stats().hits.add();
  keyspace_.touch(*entry);
  return entry;
}

Entry* Database::write(std::string_view key) {
  Entry* entry = find(key, hash_of(key));
  if (entry != nullptr) keyspace_.touch(*entry);
  return entry;
}

Entry* Database::look(std::string_view key, bool tells_miss) {
  Entry* entry = find(key, hash_of(key));
  KeyspaceStats& stats = keyspace_.stats();
  (entry == nullptr ? stats.misses : stats.hits).add();
  if (entry == nullptr && tells_miss) keyspace_.missed(*this, key);
  return entry;
}

Entry* Database::peek(std::string_view key) { return find(key, hash_of(key)); }

void Database::prefetch(std::span<const std::string_view> keys) const {
  std::array<std::uint64_t, kPrefetchMax> hashes;
  const std::size_t count = std::min(keys.size(), hashes.size());
  if (table_.size() < kPrefetchTableMin || count < 2) return;
  for (std::size_t i = 0; i < count; ++i) {
    hashes[i] = hash_of(keys[i]);
    table_.prefetch(hashes[i]);
  }
  for (std::size_t i = 0; i < count; ++i) table_.prefetch_node(hashes[i]);
}

Entry& Database::insert(std::string_view key, std::uint64_t hash, std::size_t extra) {
  Entry* entry = Entry::make(key, extra);
  keyspace_.begin_clock(*entry);
  table_.insert(*entry, hash);
  keyspace_.created(*this, key);
  return *entry;
}

Entry& Database::fresh(std::string_view key, std::size_t extra) {
  const std::uint64_t hash = hash_of(key);
  Entry* old = find(key, hash);
  if (old == nullptr) return insert(key, hash, extra);
  drop_value(*old);
  keyspace_.touch(*old);
  // Room that is there and not wasted stays.
  if (old->extra_ >= extra && old->extra_ - extra < 32) return *old;
  Entry* with = Entry::make(key, extra);
  with->set_clock(old->clock());
  expiries_.replace(*old, *with);
  table_.replace(*old, *with, hash);
  Entry::destroy(old);
  return *with;
}

Entry& Database::set_text(std::string_view key, std::string_view text) {
  if (const auto integer = parse_integer(text)) return set_integer(key, *integer);
  return set_plain_text(key, text);
}

Entry& Database::set_plain_text(std::string_view key, std::string_view text) {
  if (text.size() > Entry::kEmbeddedMax) {
    TextBlock* block = make_block(text.size(), text.size());
    text.copy(block->data(), text.size());
    Entry& entry = fresh(key, 0);
    entry.type_ = static_cast<std::uint32_t>(Type::string);
    entry.encoding_ = static_cast<std::uint32_t>(Entry::Encoding::block);
    entry.block_ = block;
    return entry;
  }
  Entry& entry = fresh(key, embedded_room(Entry::kHeaderSize + key.size(), text.size()));
  entry.type_ = static_cast<std::uint32_t>(Type::string);
  entry.encoding_ = static_cast<std::uint32_t>(Entry::Encoding::embedded);
  entry.embedded_ = static_cast<std::uint8_t>(text.size());
  text.copy(entry.embedded(), text.size());
  return entry;
}

Entry& Database::set_integer(std::string_view key, std::int64_t value) {
  Entry& entry = fresh(key, 0);
  entry.type_ = static_cast<std::uint32_t>(Type::string);
  entry.encoding_ = static_cast<std::uint32_t>(Entry::Encoding::integer);
  entry.integer_ = value;
  return entry;
}

char* Database::resize_text(std::string_view key, std::size_t size) {
  const std::uint64_t hash = hash_of(key);
  Entry* entry = find(key, hash);
  char buffer[21];
  const std::string_view old = entry == nullptr ? std::string_view() : entry->text(buffer);
  if (entry == nullptr) entry = &insert(key, hash, 0);
  if (entry->encoding() != Entry::Encoding::block || entry->block_->capacity < size) {
    TextBlock* block = make_block(old.size(), old.empty() ? size : std::max(size, grown_capacity(size)));
    old.copy(block->data(), old.size());
    drop_value(*entry);
    entry->type_ = static_cast<std::uint32_t>(Type::string);
    entry->encoding_ = static_cast<std::uint32_t>(Entry::Encoding::block);
    entry->block_ = block;
  }
  TextBlock& block = *entry->block_;
  if (size > block.size) std::memset(block.data() + block.size, 0, size - block.size);
  block.size = static_cast<std::uint32_t>(size);
  return block.data();
}

Entry& Database::put(std::string_view key, Value value) {
  Entry& entry = fresh(key, 0);
  expiries_.remove(entry);
  entry.type_ = static_cast<std::uint32_t>(value.type());
  entry.encoding_ = static_cast<std::uint32_t>(Entry::Encoding::object);
  entry.object_ = value.release();
  if (entry.type() == Type::hash) fields_changed(entry);
  return entry;
}

void Database::drop_value(Entry& entry) {
  forget_fields(entry);
  if (entry.encoding() == Entry::Encoding::object && entry.object_.elements(entry.type()) > kFreedAtOnceMax) {
    Value value(entry.type(), entry.object_);
    const std::size_t bytes = entry.object_.memory(entry.type());
    keyspace_.discard(std::make_unique<GarbageOf<Value>>(std::move(value), bytes));
  } else if (entry.encoding() == Entry::Encoding::block && entry.block_->capacity > kBytesFreedAtOnceMax) {
    std::unique_ptr<TextBlock, ReleaseBlock> block(std::exchange(entry.block_, nullptr));
    const std::size_t bytes = block->capacity;
    keyspace_.discard(std::make_unique<GarbageOf<std::unique_ptr<TextBlock, ReleaseBlock>>>(std::move(block), bytes));
  } else {
    return entry.drop_value();
  }
  entry.encoding_ = static_cast<std::uint32_t>(Entry::Encoding::integer);
  entry.integer_ = 0;
}

void Database::erase(Entry& entry) {
  drop_value(entry);
  expiries_.remove(entry);
  table_.remove(entry);
  Entry::destroy(&entry);
}

bool Database::erase(std::string_view key) {
  Entry* entry = table_.find(key);
  if (entry == nullptr) return false;
  erase(*entry);
  return true;
}

Entry& Database::move(Entry& entry, Database& to, std::string_view new_key) {
  const std::optional<Millis> when = expiry(entry);
  forget_fields(entry);
  expiries_.remove(entry);
  table_.remove(entry);
  to.erase(new_key);
  Entry* with = Entry::make(new_key, entry.extra_);
  with->set_clock(entry.clock());
  with->type_ = entry.type_;
  with->encoding_ = entry.encoding_;
  with->integer_ = entry.integer_;  // whichever of the union it is
  with->embedded_ = entry.embedded_;
  std::memcpy(with->embedded(), entry.embedded(), entry.embedded_);
  entry.encoding_ = static_cast<std::uint32_t>(Entry::Encoding::integer);
  Entry::destroy(&entry);
  to.table_.insert(*with);
  keyspace_.created(to, new_key);
  if (when) to.set_expiry(*with, *when);
  if (with->type() == Type::hash) to.fields_changed(*with);
  return *with;
}

void Database::set_expiry(Entry& entry, Millis when) {
  expiries_.set(entry, when);
  keyspace_.expires_at(when);
}

bool Database::clear_expiry(Entry& entry) {
  if (!entry.has_expiry()) return false;
  expiries_.remove(entry);
  return true;
}

void Database::expire(Entry& entry) {
  keyspace_.stats().expired_keys.add();
  const std::string key(entry.key());
  erase(entry);
  keyspace_.removed(*this, key, Removal::expired);
}

void Database::evict(Entry& entry) {
  keyspace_.stats().evicted_keys.add();
  const std::string key(entry.key());
  erase(entry);
  keyspace_.removed(*this, key, Removal::evicted);
}

std::size_t Database::expire_due(std::size_t limit) {
  std::size_t count = 0;
  while (count < limit && expiries_.size() > 0 && expiries_.earliest() <= keyspace_.now()) {
    expire(expiries_.first());
    ++count;
  }
  while (count < limit && !with_fields_.empty() && with_fields_.begin()->first <= keyspace_.now()) {
    expire_fields(*with_fields_.begin()->second, kFieldsAtOnceMax);
    ++count;
  }
  return count;
}

std::size_t Database::expire_fields(Entry& entry, std::size_t limit) {
  Hash& hash = entry.value<Hash>();
  if (hash.times()->filed_under > keyspace_.now()) return 0;
  std::vector<std::string> fields;
  for (auto next = hash.next_expiry(); next && *next <= keyspace_.now() && fields.size() < limit;
       next = hash.next_expiry()) {
    fields.emplace_back(hash.times()->first());
    hash.remove(fields.back());
  }
  const std::string key(entry.key());
  const bool emptied = hash.size() == 0;
  emptied ? erase(entry) : fields_changed(entry);
  if (!fields.empty()) keyspace_.fields_expired(*this, key, fields, emptied);
  return fields.size();
}

void Database::fields_changed(Entry& entry) {
  const Hash& hash = entry.value<Hash>();
  const std::optional<Millis> next = hash.next_expiry();
  if (entry.fields_expire_ && next == hash.times()->filed_under) return;
  forget_fields(entry);
  if (!next) return;
  hash.times()->filed_under = *next;
  entry.fields_expire_ = 1;
  with_fields_.emplace(*next, &entry);
  keyspace_.expires_at(*next);
}

void Database::forget_fields(Entry& entry) {
  if (!entry.fields_expire_) return;
  with_fields_.erase({entry.value<Hash>().times()->filed_under, &entry});
  entry.fields_expire_ = 0;
}

void Database::swap(Database& other) {
  std::swap(table_, other.table_);
  std::swap(expiries_, other.expiries_);
  std::swap(with_fields_, other.with_fields_);
}

void Database::clear() {
  if (size() <= kFreedAtOnceMax) {
    std::vector<Entry*> entries;
    table_.for_each([&](Entry& entry) { entries.push_back(&entry); });
    for (Entry* entry : entries) erase(*entry);
    return;
  }
  std::size_t keys = 0;
  for (std::uint32_t i = 0; i < keyspace_.databases(); ++i) keys += keyspace_.database(i).size();
  // As if all keys were alike.
  const double share = static_cast<double>(size()) / static_cast<double>(std::max(keys, size()));
  const auto bytes =
      static_cast<std::size_t>(share * static_cast<double>(std::max<std::int64_t>(MemoryMeter::used(), 0)));
  Contents contents;
  std::swap(contents.table, table_);
  std::swap(contents.expiries, expiries_);
  std::swap(contents.with_fields, with_fields_);
  keyspace_.discard(std::make_unique<GarbageOf<Contents>>(std::move(contents), bytes));
}

void Database::clear_at_once() {
  expiries_.clear();
  with_fields_.clear();
  table_.clear([](Entry* entry) { Entry::destroy(entry); });
}

}  // namespace leat::keyspace
