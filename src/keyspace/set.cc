#include "keyspace/set.h"

#include <cstring>

#include "keyspace/encoding_limits.h"
#include "keyspace/numbers.h"

namespace leat::keyspace {

SetNode* SetNode::make(std::string_view member) {
  // At least the whole of the struct, as its constructor writes that.
  auto* node = new (allocate(std::max(kHeaderSize + member.size(), sizeof(SetNode)))) SetNode();
  node->size_ = static_cast<std::uint32_t>(member.size());
  std::memcpy(reinterpret_cast<char*>(node) + kHeaderSize, member.data(), member.size());
  return node;
}

Set::Set(IntSet integers) : integers_(std::move(integers)) {
  if (integers_.size() > EncodingLimits::set_max_intset_entries) convert();
}

Set::~Set() {
  table_.clear([](SetNode* node) { SetNode::destroy(node); });
}

std::unique_ptr<Value> Set::copy() const {
  auto copy = std::make_unique<Set>();
  copy->is_table_ = is_table_;
  copy->integers_ = integers_.clone();
  copy->table_.reserve(table_.size());
  // It only reads, but a table under visit pauses its rehashing.
  const_cast<Table<SetNode>&>(table_).for_each([&](SetNode& node) { copy->insert(node.key(), hash_of(node.key())); });
  return copy;
}

std::size_t Set::memory() const {
  return rounded_size(sizeof(Set)) + integers_.memory() + table_.memory() + node_bytes_;
}

bool Set::contains(std::string_view member) {
  if (is_table_) return table_.find(member) != nullptr;
  const auto value = parse_integer(member);
  return value && integers_.contains(*value);
}

bool Set::contains(Element member) {
  if (member.is_integer() && !is_table_) return integers_.contains(member.integer());
  IntegerText buffer;
  return contains(text(member, buffer));
}

bool Set::add(std::string_view member) {
  if (is_table_) return add_to_table(member);
  if (const auto value = parse_integer(member)) return add_integer(*value);
  convert();
  return add_to_table(member);
}

bool Set::add(Element member) {
  if (member.is_integer() && !is_table_) return add_integer(member.integer());
  IntegerText buffer;
  return add(text(member, buffer));
}

bool Set::add_integer(std::int64_t value) {
  if (!integers_.add(value)) return false;
  if (integers_.size() > EncodingLimits::set_max_intset_entries) convert();
  return true;
}

bool Set::add_to_table(std::string_view member) {
  const std::uint64_t hash = hash_of(member);
  if (table_.find(member, hash) != nullptr) return false;
  insert(member, hash);
  return true;
}

bool Set::remove(std::string_view member) {
  if (is_table_) return remove_from_table(member);
  const auto value = parse_integer(member);
  return value && integers_.remove(*value);
}

bool Set::remove(Element member) {
  if (member.is_integer() && !is_table_) return integers_.remove(member.integer());
  IntegerText buffer;
  return remove(text(member, buffer));
}

bool Set::remove_from_table(std::string_view member) {
  SetNode* node = table_.remove(member);
  if (node == nullptr) return false;
  node_bytes_ -= rounded_size(node->bytes_used());
  SetNode::destroy(node);
  return true;
}

Element Set::random(std::uint64_t bits) const {
  return is_table_ ? element(*table_.random_fair(bits)) : integer(bits % integers_.size());
}

void Set::convert() {
  is_table_ = true;
  table_.reserve(integers_.size() + 1);
  for (std::size_t i = 0; i < integers_.size(); ++i) {
    IntegerText buffer;
    const std::string_view member = format_integer(integers_.at(i), buffer);
    insert(member, hash_of(member));
  }
  integers_.clear();
}

void Set::insert(std::string_view member, std::uint64_t hash) {
  SetNode* node = SetNode::make(member);
  node_bytes_ += rounded_size(node->bytes_used());
  table_.insert(*node, hash);
}

}  // namespace leat::keyspace
