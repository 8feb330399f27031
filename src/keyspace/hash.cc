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

Hash::Hash(Listpack pairs) : held_(std::move(pairs)) {
  bool is_compact = size() <= EncodingLimits::hash_max_listpack_entries;
  auto check = [&](Element field, Element value) {
    IntegerText buffer;
    is_compact = is_compact && is_short(text(field, buffer)) && is_short(text(value, buffer));
  };
  for_each_pair(check);
  if (!is_compact) convert();
}

Hash Hash::clone() const {
  Hash copy;
  if (!is_table()) {
    copy.held_.become(pairs().clone());
  } else {
    Large& large = copy.enlarged();
    large.is_table = true;
    large.table.reserve(table().size());
    table().for_each([&](HashNode& node) { copy.insert(node.key(), node.value(), hash_of(node.key())); });
  }
  if (next_expiry()) {
    times()->for_each([&](std::string_view field, Millis when) { copy.set_expiry(field, when); });
  }
  return copy;
}

std::size_t Hash::memory() const {
  if (!held_.is_large()) return pairs().memory();
  const Large& large = held_.large();
  return rounded_size(sizeof(Large)) + large.pairs.memory() + large.table.memory() + large.node_bytes +
         (large.times == nullptr ? 0 : large.times->memory());
}

std::optional<Element> Hash::get(std::string_view field) {
  if (is_table()) {
    const HashNode* node = table().find(field);
    return node == nullptr ? std::nullopt : std::optional(element(node->value()));
  }
  const Listpack& all = pairs();
  const Listpack::Position at = all.find(field, all.first(), 1);
  return at == Listpack::kNone ? std::nullopt : std::optional(all.at(all.next(at)));
}

bool Hash::set(std::string_view field, std::string_view value, bool keep_time) {
  if (times() != nullptr && !keep_time) [[unlikely]]
    times()->forget(field);
  if (is_table()) return set_in_table(field, value);
  Listpack& all = pairs();
  if (!is_short(field) || !is_short(value) || all.total() + field.size() + value.size() > kListpackBytesMax) {
    convert();
    return set_in_table(field, value);
  }
  const Listpack::Position at = all.find(field, all.first(), 1);
  if (at != Listpack::kNone) {
    all.replace(all.next(at), value);
    return false;
  }
  all.insert_pair_before(Listpack::kNone, field, value);
  if (all.size() / 2 > EncodingLimits::hash_max_listpack_entries) convert();
  return true;
}

bool Hash::set_in_table(std::string_view field, std::string_view value) {
  const std::uint64_t hash = hash_of(field);
  HashNode* node = table().find(field, hash);
  if (node == nullptr) {
    insert(field, value, hash);
    return true;
  }
  if (node->overwrite(value)) return false;
  HashNode* with = HashNode::make(field, value);
  held_.large().node_bytes += rounded_size(with->bytes_used()) - rounded_size(node->bytes_used());
  table().replace(*node, *with, hash);
  HashNode::destroy(node);
  return false;
}

bool Hash::remove(std::string_view field) {
  if (is_table()) {
    HashNode* node = table().remove(field);
    if (node == nullptr) return false;
    if (times() != nullptr) times()->forget(field);
    held_.large().node_bytes -= rounded_size(node->bytes_used());
    HashNode::destroy(node);
    return true;
  }
  Listpack& all = pairs();
  const Listpack::Position at = all.find(field, all.first(), 1);
  if (at == Listpack::kNone) return false;
  all.erase(at, 2);
  if (times() != nullptr) times()->forget(field);
  return true;
}

Hash::Pair Hash::random(std::uint64_t bits) const {
  if (is_table()) {
    const HashNode* node = table().random_fair(bits);
    return {element(node->key()), element(node->value())};
  }
  const Listpack& all = pairs();
  const Listpack::Position at = all.seek(static_cast<std::int64_t>(bits % size()) * 2);
  return {all.at(at), all.at(all.next(at))};
}

void Hash::set_expiry(std::string_view field, Millis when) {
  std::unique_ptr<FieldTimes>& times = enlarged().times;
  if (times == nullptr) times = std::make_unique<FieldTimes>();
  times->set(field, when);
}

Hash::Large& Hash::enlarged() {
  if (!held_.is_large()) {
    auto large = std::make_unique<Large>();
    large->pairs = std::move(pairs());
    held_.become(std::move(large));
  }
  return held_.large();
}

void Hash::convert() {
  Large& large = enlarged();
  large.table.reserve(size() + 1);
  auto add = [&](Element field, Element value) {
    IntegerText field_text;
    IntegerText value_text;
    const std::string_view name = text(field, field_text);
    insert(name, text(value, value_text), hash_of(name));
  };
  for_each_pair(add);
  large.is_table = true;
  large.pairs.clear();
}

void Hash::insert(std::string_view field, std::string_view value, std::uint64_t hash) {
  HashNode* node = HashNode::make(field, value);
  held_.large().node_bytes += rounded_size(node->bytes_used());
  table().insert(*node, hash);
}

}  // namespace leat::keyspace
