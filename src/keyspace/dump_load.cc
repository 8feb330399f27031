#include <cmath>
#include <unordered_set>

#include "keyspace/database.h"
#include "keyspace/dump.h"
#include "keyspace/dump_codec.h"
#include "keyspace/encoding_limits.h"
#include "keyspace/hash.h"
#include "keyspace/list.h"
#include "keyspace/set.h"
#include "keyspace/stream_dump.h"
#include "keyspace/ziplist.h"
#include "keyspace/zset.h"

namespace leat::keyspace {
namespace {

// These functions return no value when what they read is broken.

constexpr std::uint64_t kChunkIsElement = 1;
constexpr std::uint64_t kChunkIsListpack = 2;

Value load_list(DumpReader& from) {
  const auto count = from.length();
  List list;
  std::string buffer;
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto element = from.text(buffer);
    if (!element) return {};
    list.push_back(*element);
  }
  return list;
}

bool append_ziplist(List& list, std::string_view bytes) {
  return read_ziplist(bytes, [&](Element element) {
    IntegerText buffer;
    list.push_back(text(element, buffer));
    return true;
  });
}

Value load_list_ziplists(DumpReader& from, std::uint64_t count) {
  List list;
  std::string buffer;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto bytes = from.text(buffer);
    if (!bytes || !append_ziplist(list, *bytes)) return {};
  }
  return list;
}

Value load_list_listpacks(DumpReader& from) {
  const auto count = from.length();
  List list;
  std::string buffer;
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto kind = from.length();
    const auto bytes = kind ? from.text(buffer) : std::nullopt;
    if (!bytes) return {};
    if (*kind == kChunkIsElement) {
      list.push_back(*bytes);
    } else if (*kind != kChunkIsListpack || !list.append_listpack(*bytes)) {
      return {};
    }
  }
  return list;
}

Value load_set(DumpReader& from) {
  const auto count = from.length();
  Set set;
  std::string buffer;
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto member = from.text(buffer);
    if (!member || !set.add(*member)) return {};
  }
  return set;
}

Value load_int_set(DumpReader& from) {
  std::string buffer;
  const auto bytes = from.text(buffer);
  if (!bytes) return {};
  auto integers = IntSet::validate_and_adopt(*bytes);
  if (!integers) return {};
  if (integers->size() <= EncodingLimits::set_max_intset_entries) return Set(std::move(*integers));
  Set set;
  for (std::size_t i = 0; i < integers->size(); ++i)
    set.add(Element{.data = nullptr, .word = static_cast<std::uint64_t>(integers->at(i))});
  return set;
}

bool add(ZSet& zset, std::string_view member, std::optional<double> score) {
  return score && !std::isnan(*score) && zset.set(member, *score) == ZSet::Outcome::added;
}

Value load_zset(DumpReader& from, bool scores_are_texts) {
  const auto count = from.length();
  ZSet zset;
  std::string buffer;
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto member = from.text(buffer);
    if (!member || !add(zset, *member, scores_are_texts ? from.real_text() : from.real())) return {};
  }
  return zset;
}

Value load_zset_listpack(DumpReader& from) {
  std::string buffer;
  const auto bytes = from.text(buffer);
  if (!bytes) return {};
  auto pairs = Listpack::validate_and_adopt(*bytes);
  if (!pairs || pairs->size() % 2 != 0) return {};
  auto adopted = ZSet::adopt(std::move(*pairs));
  return adopted ? Value(std::move(*adopted)) : Value();
}

Value load_hash(DumpReader& from) {
  const auto count = from.length();
  Hash hash;
  std::string field_buffer;
  std::string value_buffer;
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto field = from.text(field_buffer);
    const auto value = field ? from.text(value_buffer) : std::nullopt;
    if (!value || !hash.set(*field, *value)) return {};
  }
  return hash;
}

Value load_hash_with_times(DumpReader& from) {
  const auto earliest = from.millis();
  const auto count = earliest ? from.length() : std::nullopt;
  Hash hash;
  std::string field_buffer;
  std::string value_buffer;
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto later = from.length();
    const auto field = later ? from.text(field_buffer) : std::nullopt;
    const auto value = field ? from.text(value_buffer) : std::nullopt;
    if (!value || !hash.set(*field, *value)) return {};
    Millis when = 0;
    if (*later == 0) continue;
    if (__builtin_add_overflow(*later - 1, *earliest, &when) || when < 0) return {};
    hash.set_expiry(*field, when);
  }
  return hash;
}

Value load_zipmap(DumpReader& from) {
  std::string buffer;
  const auto bytes = from.text(buffer);
  Hash hash;
  const auto set = [&](std::string_view field, std::string_view value) { return hash.set(field, value); };
  if (!bytes || !read_zipmap(*bytes, set)) return {};
  return hash;
}

// Gives each pair of a ziplist's elements to `use`.
bool read_pairs(DumpReader& from, const std::function<bool(std::string_view, std::string_view)>& use) {
  std::string buffer;
  const auto bytes = from.text(buffer);
  std::optional<std::string> first;
  const auto take = [&](Element element) {
    IntegerText digits;
    const std::string_view given = text(element, digits);
    if (first) {
      const std::string kept = *std::exchange(first, std::nullopt);
      return use(kept, given);
    }
    first = given;
    return true;
  };
  return bytes && read_ziplist(*bytes, take) && !first;
}

Value load_hash_ziplist(DumpReader& from) {
  Hash hash;
  const auto set = [&](std::string_view field, std::string_view value) { return hash.set(field, value); };
  return read_pairs(from, set) ? Value(std::move(hash)) : Value();
}

Value load_zset_ziplist(DumpReader& from) {
  ZSet zset;
  const auto set = [&](std::string_view member, std::string_view score) {
    return add(zset, member, parse_float(score));
  };
  return read_pairs(from, set) ? Value(std::move(zset)) : Value();
}

Value load_hash_listpack(DumpReader& from) {
  std::string buffer;
  const auto bytes = from.text(buffer);
  if (!bytes) return {};
  auto pairs = Listpack::validate_and_adopt(*bytes);
  if (!pairs || pairs->size() % 2 != 0) return {};
  std::unordered_set<std::string> fields;
  IntegerText digits;
  for (auto at = pairs->first(); at != Listpack::kNone; at = pairs->next(pairs->next(at))) {
    if (!fields.emplace(text(pairs->at(at), digits)).second) return {};
  }
  return Hash(std::move(*pairs));
}

// Triples of a field, its value and its time, which is 0 if it has none; behind the earliest time.
Value load_hash_listpack_with_times(DumpReader& from) {
  std::string buffer;
  const auto bytes = from.millis() ? from.text(buffer) : std::nullopt;
  if (!bytes) return {};
  const auto triples = Listpack::validate_and_adopt(*bytes);
  if (!triples || triples->size() % 3 != 0) return {};
  Hash hash;
  IntegerText field_digits;
  IntegerText value_digits;
  for (auto at = triples->first(); at != Listpack::kNone;) {
    const auto value = triples->next(at);
    const auto time = triples->next(value);
    const std::string_view field = text(triples->at(at), field_digits);
    const Element when = triples->at(time);
    if (!when.is_integer() || when.integer() < 0 || !hash.set(field, text(triples->at(value), value_digits))) return {};
    if (when.integer() != 0) hash.set_expiry(field, when.integer());
    at = triples->next(time);
  }
  return hash;
}

Value load_value(DumpType type, DumpReader& from) {
  switch (type) {
    case DumpType::string: break;
    case DumpType::list: return load_list(from);
    case DumpType::list_ziplist: return load_list_ziplists(from, 1);
    case DumpType::list_ziplists: return load_list_ziplists(from, from.length().value_or(0));
    case DumpType::list_listpacks: return load_list_listpacks(from);
    case DumpType::set: return load_set(from);
    case DumpType::set_int_set: return load_int_set(from);
    case DumpType::zset_texts: return load_zset(from, true);
    case DumpType::zset: return load_zset(from, false);
    case DumpType::zset_ziplist: return load_zset_ziplist(from);
    case DumpType::zset_listpack: return load_zset_listpack(from);
    case DumpType::hash: return load_hash(from);
    case DumpType::hash_zipmap: return load_zipmap(from);
    case DumpType::hash_ziplist: return load_hash_ziplist(from);
    case DumpType::hash_listpack: return load_hash_listpack(from);
    case DumpType::hash_with_times: return load_hash_with_times(from);
    case DumpType::hash_listpack_with_times: return load_hash_listpack_with_times(from);
    case DumpType::stream_1:
    case DumpType::stream_2:
    case DumpType::stream_3: {
      auto stream = load_stream(type, from);
      return stream ? Value(std::move(*stream)) : Value();
    }
  }
  return {};
}

bool is_empty(const Value& value) {
  switch (value.type()) {
    case Type::list: return value.as<List>().size() == 0;
    case Type::set: return value.as<Set>().size() == 0;
    case Type::zset: return value.as<ZSet>().size() == 0;
    case Type::hash: return value.as<Hash>().size() == 0;
    case Type::string:
    case Type::stream: break;
  }
  return false;
}

}  // namespace

Result<Loaded> load_dump(std::string_view payload) {
  constexpr std::size_t kFooterBytes = sizeof(std::uint16_t) + sizeof(std::uint64_t);
  DumpReader from(payload.substr(0, payload.size() - kFooterBytes));
  const auto broken = [] { return fail(Errc::corrupt, "the dumped value is broken"); };
  const auto type = from.byte();
  if (!type) return broken();
  if (static_cast<DumpType>(*type) == DumpType::string) {
    std::string buffer;
    const auto text = from.text(buffer);
    if (!text) return broken();
    return Loaded{.text = std::string(*text)};
  }
  Value value = load_value(static_cast<DumpType>(*type), from);
  if (!value || is_empty(value)) return broken();
  return Loaded{.value = std::move(value)};
}

}  // namespace leat::keyspace
