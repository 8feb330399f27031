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

Set::Set(IntSet integers) : held_(std::move(integers)) {
  if (size() > EncodingLimits::set_max_intset_entries) convert();
}

Set Set::clone() const {
  Set copy;
  if (!is_table()) {
    copy.held_.become(held_.small().clone());
    return copy;
  }
  copy.held_.become(std::make_unique<Large>());
  copy.table().reserve(table().size());
  table().for_each([&](SetNode& node) { copy.insert(node.key(), hash_of(node.key())); });
  return copy;
}

std::size_t Set::memory() const {
  if (!is_table()) return held_.small().memory();
  return rounded_size(sizeof(Large)) + table().memory() + held_.large().node_bytes;
}

bool Set::contains(std::string_view member) {
  if (is_table()) return table().find(member) != nullptr;
  const auto value = parse_integer(member);
  return value && held_.small().contains(*value);
}

bool Set::contains(Element member) {
  if (member.is_integer() && !is_table()) return held_.small().contains(member.integer());
  IntegerText buffer;
  return contains(text(member, buffer));
}

bool Set::add(std::string_view member) {
  if (is_table()) return add_to_table(member);
  if (const auto value = parse_integer(member)) return add_integer(*value);
  convert();
  return add_to_table(member);
}

bool Set::add(Element member) {
  if (member.is_integer() && !is_table()) return add_integer(member.integer());
  IntegerText buffer;
  return add(text(member, buffer));
}

bool Set::add_integer(std::int64_t value) {
  if (!held_.small().add(value)) return false;
  if (size() > EncodingLimits::set_max_intset_entries) convert();
  return true;
}

bool Set::add_to_table(std::string_view member) {
  const std::uint64_t hash = hash_of(member);
  if (table().find(member, hash) != nullptr) return false;
  insert(member, hash);
  return true;
}

bool Set::remove(std::string_view member) {
  if (is_table()) return remove_from_table(member);
  const auto value = parse_integer(member);
  return value && held_.small().remove(*value);
}

bool Set::remove(Element member) {
  if (member.is_integer() && !is_table()) return held_.small().remove(member.integer());
  IntegerText buffer;
  return remove(text(member, buffer));
}

bool Set::remove_from_table(std::string_view member) {
  SetNode* node = table().remove(member);
  if (node == nullptr) return false;
  held_.large().node_bytes -= rounded_size(node->bytes_used());
  SetNode::destroy(node);
  return true;
}

Element Set::random(std::uint64_t bits) const {
  return is_table() ? element(*table().random_fair(bits)) : integer(bits % size());
}

void Set::convert() {
  const IntSet integers = std::move(held_.small());
  held_.become(std::make_unique<Large>());
  table().reserve(integers.size() + 1);
  for (std::size_t i = 0; i < integers.size(); ++i) {
    IntegerText buffer;
    const std::string_view member = format_integer(integers.at(i), buffer);
    insert(member, hash_of(member));
  }
}

void Set::insert(std::string_view member, std::uint64_t hash) {
  SetNode* node = SetNode::make(member);
  held_.large().node_bytes += rounded_size(node->bytes_used());
  table().insert(*node, hash);
}

}  // namespace leat::keyspace
