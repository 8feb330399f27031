#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <compare>
#include <cstdlib>

#include "keyspace/hash.h"
#include "keyspace/list.h"
#include "keyspace/set.h"
#include "keyspace/zset.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

using keyspace::Element;
using keyspace::Entry;
using keyspace::IntegerText;
using keyspace::Type;

namespace {

// A pattern of BY or GET: the first '*' stands for an element; what follows "->" is a field of the hash that is found.
class Pattern {
 public:
  explicit Pattern(std::string_view text) : is_element_(text == "#") {
    const std::size_t star = text.find('*');
    is_fixed_ = star == std::string_view::npos;
    if (is_fixed_) return;
    before_ = text.substr(0, star);
    behind_ = text.substr(star + 1);
    const std::size_t arrow = behind_.find("->");
    if (arrow == std::string_view::npos || arrow + 2 == behind_.size()) return;
    field_ = behind_.substr(arrow + 2);
    behind_ = behind_.substr(0, arrow);
  }

  [[nodiscard]] bool is_fixed() const { return is_fixed_; }

  // What it finds for an element; nullopt: nothing.
  [[nodiscard]] std::optional<std::string> look_up(Call& call, std::string_view element) const {
    if (is_element_) return std::string(element);
    if (is_fixed_) return std::nullopt;
    std::string key(before_);
    key += element;
    key += behind_;
    const Entry* entry = call.database.read(key);
    if (entry == nullptr || entry->type() != (field_ ? Type::hash : Type::string)) return std::nullopt;
    IntegerText buffer;
    if (!field_) return std::string(entry->text(buffer));
    const auto value = entry->value<keyspace::Hash>().get(*field_);
    if (!value) return std::nullopt;
    return std::string(text(*value, buffer));
  }

 private:
  bool is_element_;
  bool is_fixed_ = true;
  std::string_view before_;
  std::string_view behind_;
  std::optional<std::string_view> field_;
};

struct Options {
  bool descending = false;
  bool alphabetic = false;
  std::int64_t limit_start = 0;
  std::int64_t limit_count = -1;
  std::optional<Pattern> by;
  std::vector<Pattern> gets;
  std::optional<std::string_view> store;
};

struct Item {
  std::string element;
  double score = 0;
  std::optional<std::string> weight;  // of BY ... ALPHA
};

// False: it replied with an error.
bool parse_options(Call& call, Options& options, bool may_store) {
  for (std::size_t i = 2; i < call.size(); ++i) {
    const std::size_t behind = call.size() - i - 1;
    if (call.is(i, "ASC")) {
      options.descending = false;
    } else if (call.is(i, "DESC")) {
      options.descending = true;
    } else if (call.is(i, "ALPHA")) {
      options.alphabetic = true;
    } else if (call.is(i, "LIMIT") && behind >= 2) {
      const auto start = call.integer(i + 1);
      const auto count = start ? call.integer(i + 2) : std::nullopt;
      if (!count) return false;
      options.limit_start = *start;
      options.limit_count = *count;
      i += 2;
    } else if (may_store && call.is(i, "STORE") && behind >= 1) {
      options.store = call[++i];
    } else if (call.is(i, "BY") && behind >= 1) {
      options.by = Pattern(call[++i]);
    } else if (call.is(i, "GET") && behind >= 1) {
      options.gets.emplace_back(call[++i]);
    } else {
      call.reply.error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

// The items [first, first + count) of what is sorted.
struct Range {
  std::size_t first = 0;
  std::size_t count = 0;
};

Range limited(const Options& options, std::size_t size) {
  const auto all = static_cast<std::int64_t>(size);
  const std::int64_t first = std::clamp<std::int64_t>(options.limit_start, 0, all);
  const std::int64_t left = all - first;
  const std::int64_t count = options.limit_count < 0 ? left : std::min(options.limit_count, left);
  return {.first = static_cast<std::size_t>(first), .count = static_cast<std::size_t>(count)};
}

// The elements in the order that they have, or against it, from the range's first on.
std::vector<Item> load_in_order(const Entry& entry, bool descending, Range range) {
  std::vector<Item> items;
  IntegerText buffer;
  if (entry.type() == Type::list) {
    const auto& list = entry.value<keyspace::List>();
    const std::size_t first = descending ? list.size() - range.first - range.count : range.first;
    list.for_range(first, first + range.count,
                   [&](std::string_view element) { items.push_back({.element = std::string(element)}); });
    if (descending) std::ranges::reverse(items);
  } else if (entry.type() == Type::zset) {
    const auto& zset = entry.value<keyspace::ZSet>();
    const std::size_t first = descending ? zset.size() - range.first - range.count : range.first;
    zset.for_each({.first = first, .end = first + range.count}, descending,
                  [&](Element member) { items.push_back({.element = std::string(text(member, buffer))}); });
  } else {
    entry.value<keyspace::Set>().for_each(
        [&](Element member) { items.push_back({.element = std::string(text(member, buffer))}); });
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(range.first + range.count), items.end());
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(range.first));
  }
  return items;
}

std::size_t size_of(const Entry& entry) {
  switch (entry.type()) {
    case Type::list: return entry.value<keyspace::List>().size();
    case Type::set: return entry.value<keyspace::Set>().size();
    case Type::zset: return entry.value<keyspace::ZSet>().size();
    default: return 0;
  }
}

// As strtod() reads it, blanks before it included; the empty text is 0.
std::optional<double> parse_score(const std::string& text) {
  double score = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, score);
  if (error == std::errc() && at == end) return std::isnan(score) ? std::nullopt : std::optional(score);
  errno = 0;
  char* rest = nullptr;
  score = std::strtod(text.c_str(), &rest);
  if (*rest != '\0' || errno == ERANGE || std::isnan(score)) return std::nullopt;
  return score;
}

// False: it replied that some weight is no number.
bool weigh(Call& call, const Options& options, std::vector<Item>& items) {
  for (Item& item : items) {
    if (options.by) item.weight = options.by->look_up(call, item.element);
    if (options.alphabetic || (options.by && !item.weight)) continue;
    const auto score = parse_score(options.by ? *item.weight : item.element);
    if (!score) {
      call.reply.error("ERR One or more scores can't be converted into double");
      return false;
    }
    item.score = *score;
  }
  return true;
}

void sort_items(const Options& options, std::vector<Item>& items, Range range) {
  const auto compare = [&](const Item& a, const Item& b) -> std::weak_ordering {
    if (options.alphabetic) return options.by ? a.weight <=> b.weight : a.element <=> b.element;
    if (a.score != b.score) return a.score < b.score ? std::weak_ordering::less : std::weak_ordering::greater;
    return a.element <=> b.element;
  };
  const auto is_before = [&](const Item& a, const Item& b) {
    return options.descending ? compare(b, a) < 0 : compare(a, b) < 0;
  };
  const auto end = items.begin() + static_cast<std::ptrdiff_t>(range.first + range.count);
  if (end == items.end()) {
    std::ranges::sort(items, is_before);
  } else {
    std::ranges::partial_sort(items, end, is_before);
  }
  items.erase(end, items.end());
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(range.first));
}

void reply_items(Call& call, const Options& options, const std::vector<Item>& items) {
  call.reply.array(items.size() * std::max<std::size_t>(options.gets.size(), 1));
  for (const Item& item : items) {
    if (options.gets.empty()) call.reply.bulk(item.element);
    for (const Pattern& get : options.gets) {
      const auto value = get.look_up(call, item.element);
      value ? call.reply.bulk(*value) : call.reply.null();
    }
  }
}

void store_items(Call& call, const Options& options, const std::vector<Item>& items) {
  const std::string_view key = *options.store;
  std::vector<std::string> values;
  for (const Item& item : items) {
    if (options.gets.empty()) values.push_back(item.element);
    for (const Pattern& get : options.gets) values.push_back(get.look_up(call, item.element).value_or(""));
  }
  const bool was_there = call.database.peek(key) != nullptr;
  if (was_there) {
    call.database.erase(key);
    call.effect({"DEL", key});
  }
  if (!values.empty()) {
    auto& list = call.database.create<keyspace::List>(key);
    for (const std::string& value : values) list.push_back(value);
    std::vector<std::string_view> words{"RPUSH", key};
    words.insert(words.end(), values.begin(), values.end());
    call.effect(Arguments(words));
    call.changed(EventClass::list, "sortstore", key);
  } else if (was_there) {
    call.changed(EventClass::generic, "del", key);
  }
  call.reply.integer(static_cast<std::int64_t>(values.size()));
}

void sort_key(Call& call, bool may_store) {
  Options options;
  if (!parse_options(call, options, may_store)) return;
  const Entry* entry = call.database.read(call[1]);
  if (entry != nullptr && entry->type() != Type::list && entry->type() != Type::set && entry->type() != Type::zset)
    return call.reply.error(errors::kWrongType);
  bool sorts = !options.by || !options.by->is_fixed();
  // A set has no order of its own that could be stored, or that a script would get each time.
  if (!sorts && entry != nullptr && entry->type() == Type::set && (options.store || call.from_script)) {
    sorts = true;
    options.alphabetic = true;
    options.by.reset();
  }
  std::vector<Item> items;
  if (entry != nullptr) {
    // As Redis does, which OBJECT ENCODING tells from then on.
    if (entry->type() == Type::zset) entry->value<keyspace::ZSet>().expand();
    const std::size_t size = size_of(*entry);
    const Range range = limited(options, size);
    if (sorts) {
      items = load_in_order(*entry, false, {.first = 0, .count = size});
      if (!weigh(call, options, items)) return;
      sort_items(options, items, range);
    } else {
      items = load_in_order(*entry, options.descending, range);
    }
  }
  options.store ? store_items(call, options, items) : reply_items(call, options, items);
}

}  // namespace

void sort(Call& call) { sort_key(call, true); }
void sort_ro(Call& call) { sort_key(call, false); }

}  // namespace leat::resp
