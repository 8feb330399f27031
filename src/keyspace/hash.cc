#include "keyspace/hash.h"

#include <algorithm>

#include "keyspace/encoding_limits.h"

namespace leat::keyspace {
namespace {

// A listpack's sizes have 32 bits.
constexpr std::size_t kListpackBytesMax = std::size_t{1} << 30;

bool is_short(std::string_view text) { return text.size() <= EncodingLimits::hash_max_listpack_value; }

}  // namespace

HashNode* HashNode::make(std::string_view field, std::string_view value) {
  auto* node = new (allocate(capacity(sizeof(HashNode) + field.size() + value.size()))) HashNode();
  node->field_size = static_cast<std::uint32_t>(field.size());
  node->value_size = static_cast<std::uint32_t>(value.size());
  std::memcpy(node->bytes(), field.data(), field.size());
  std::memcpy(node->bytes() + field.size(), value.data(), value.size());
  return node;
}

bool HashNode::overwrite(std::string_view value) {
  const std::size_t size = sizeof(HashNode) + field_size + value.size();
  if (capacity(size) != capacity(bytes_used())) return false;
  std::memcpy(bytes() + field_size, value.data(), value.size());
  value_size = static_cast<std::uint32_t>(value.size());
  return true;
}

Hash::Hash(Listpack pairs) : count_(static_cast<std::uint32_t>(pairs.size() / 2)), pairs_(std::move(pairs)) {
  bool is_compact = count_ <= EncodingLimits::hash_max_listpack_entries;
  auto check = [&](Element field, Element value) {
    IntegerText buffer;
    is_compact = is_compact && is_short(text(field, buffer)) && is_short(text(value, buffer));
  };
  for_each_pair(check);
  if (!is_compact) convert();
}

Hash::~Hash() {
  table_.clear([](HashNode* node) { HashNode::destroy(node); });
}

std::unique_ptr<Value> Hash::copy() const {
  auto copy = std::make_unique<Hash>();
  copy->is_table_ = is_table_;
  copy->count_ = count_;
  copy->pairs_ = pairs_.clone();
  copy->table_.reserve(table_.size());
  // It only reads, but a table under visit pauses its rehashing.
  const_cast<Table<HashNode>&>(table_).for_each(
      [&](HashNode& node) { copy->insert(node.key(), node.value(), hash_of(node.key())); });
  if (next_expiry()) {
    times_->for_each([&](std::string_view field, Millis when) { copy->set_expiry(field, when); });
  }
  return copy;
}

std::size_t Hash::memory() const {
  return rounded_size(sizeof(Hash)) + pairs_.memory() + table_.memory() + node_bytes_ +
         (times_ == nullptr ? 0 : times_->memory());
}

std::optional<Element> Hash::get(std::string_view field) {
  if (is_table_) {
    const HashNode* node = table_.find(field);
    return node == nullptr ? std::nullopt : std::optional(element(node->value()));
  }
  const Listpack::Position at = pairs_.find(field, pairs_.first(), 1);
  return at == Listpack::kNone ? std::nullopt : std::optional(pairs_.at(pairs_.next(at)));
}

bool Hash::set(std::string_view field, std::string_view value, bool keep_time) {
  if (times_ != nullptr && !keep_time) [[unlikely]]
    times_->forget(field);
  if (is_table_) return set_in_table(field, value);
  if (!is_short(field) || !is_short(value) || pairs_.total() + field.size() + value.size() > kListpackBytesMax) {
    convert();
    return set_in_table(field, value);
  }
  const Listpack::Position at = pairs_.find(field, pairs_.first(), 1);
  if (at != Listpack::kNone) {
    pairs_.replace(pairs_.next(at), value);
    return false;
  }
  pairs_.push_back(field);
  pairs_.push_back(value);
  if (++count_ > EncodingLimits::hash_max_listpack_entries) convert();
  return true;
}

bool Hash::set_in_table(std::string_view field, std::string_view value) {
  const std::uint64_t hash = hash_of(field);
  HashNode* node = table_.find(field, hash);
  if (node == nullptr) {
    insert(field, value, hash);
    return true;
  }
  if (node->overwrite(value)) return false;
  HashNode* with = HashNode::make(field, value);
  node_bytes_ += rounded_size(with->bytes_used()) - rounded_size(node->bytes_used());
  table_.replace(*node, *with, hash);
  HashNode::destroy(node);
  return false;
}

bool Hash::remove(std::string_view field) {
  if (is_table_) {
    HashNode* node = table_.remove(field);
    if (node == nullptr) return false;
    if (times_ != nullptr) times_->forget(field);
    node_bytes_ -= rounded_size(node->bytes_used());
    HashNode::destroy(node);
    return true;
  }
  const Listpack::Position at = pairs_.find(field, pairs_.first(), 1);
  if (at == Listpack::kNone) return false;
  pairs_.erase(at, 2);
  --count_;
  if (times_ != nullptr) times_->forget(field);
  return true;
}

Hash::Pair Hash::random(std::uint64_t bits) const {
  if (is_table_) {
    const HashNode* node = table_.random_fair(bits);
    return {element(node->key()), element(node->value())};
  }
  const Listpack::Position at = pairs_.seek(static_cast<std::int64_t>(bits % count_) * 2);
  return {pairs_.at(at), pairs_.at(pairs_.next(at))};
}

void Hash::set_expiry(std::string_view field, Millis when) {
  if (times_ == nullptr) times_ = std::make_unique<FieldTimes>();
  times_->set(field, when);
}

void Hash::convert() {
  is_table_ = true;
  table_.reserve(count_ + 1);
  auto add = [&](Element field, Element value) {
    IntegerText field_text;
    IntegerText value_text;
    const std::string_view name = text(field, field_text);
    insert(name, text(value, value_text), hash_of(name));
  };
  for_each_pair(add);
  pairs_.clear();
  count_ = 0;
}

void Hash::insert(std::string_view field, std::string_view value, std::uint64_t hash) {
  HashNode* node = HashNode::make(field, value);
  node_bytes_ += rounded_size(node->bytes_used());
  table_.insert(*node, hash);
}

}  // namespace leat::keyspace
