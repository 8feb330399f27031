#include "protocol/resp/commands/set_operations.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keyspace/numbers.h"
#include "protocol/resp/commands/elements.h"

namespace leat::resp {
namespace {

using keyspace::Element;
using keyspace::IntegerText;
using keyspace::Set;

using Sets = std::vector<Set*>;

// The sets of these keys, null where there is none; nullopt: it replied that one is no set.
std::optional<Sets> find_sets(Call& call, Arguments keys) {
  Sets sets;
  sets.reserve(keys.size());
  for (const std::string_view key : keys) {
    const auto found = call.read<Set>(key);
    if (!found) return std::nullopt;
    sets.push_back(found.value);
  }
  return sets;
}

// Gives what is in all of the sets to `visit`, until that returns false.
template <class F>
void intersect(Sets sets, F visit) {
  if (std::ranges::find(sets, nullptr) != sets.end()) return;
  std::ranges::sort(sets, {}, &Set::size);
  bool goes_on = true;
  sets.front()->for_each([&](Element member) {
    if (!goes_on) return;
    for (std::size_t i = 1; i < sets.size(); ++i) {
      if (!sets[i]->contains(member)) return;
    }
    goes_on = visit(member);
  });
}

Set intersection(const Sets& sets) {
  Set result;
  intersect(sets, [&](Element member) { return result.add(member); });
  return result;
}

Set united(const Sets& sets) {
  Set result;
  for (Set* set : sets) {
    if (set != nullptr) set->for_each([&](Element member) { result.add(member); });
  }
  return result;
}

// Looks each member of the first up in the others, or takes the members of the others out of a copy: what seems to be less work.
// Which one it is shows in the encoding of what is stored, so it is chosen as Redis does.
Set difference(Sets sets) {
  Set result;
  Set* const first = sets.front();
  if (first == nullptr) return result;
  std::erase(sets, nullptr);
  std::size_t members = 0;
  for (const Set* set : sets) members += set->size();
  sets.erase(sets.begin());
  if (first->size() * (sets.size() + 1) / 2 <= members) {
    // The largest are the most likely to have it.
    std::ranges::sort(sets, std::greater{}, &Set::size);
    first->for_each([&](Element member) {
      if (std::ranges::none_of(sets, [&](Set* set) { return set->contains(member); })) result.add(member);
    });
    return result;
  }
  first->for_each([&](Element member) { result.add(member); });
  for (Set* set : sets) {
    if (result.size() == 0) break;
    set->for_each([&](Element member) { result.remove(member); });
  }
  return result;
}

// Journals the whole set, some members at a time.
void store_effects(Call& call, std::string_view key, Set& set) {
  constexpr std::size_t kMembersMax = 1024;
  call.effect({"DEL", key});
  std::vector<std::string> texts;
  texts.reserve(kMembersMax);
  std::vector<std::string_view> words{"SADD", key};
  const auto flush = [&] {
    call.effect(Arguments(words));
    words.resize(2);
    texts.clear();
  };
  set.for_each([&](Element member) {
    IntegerText buffer;
    words.push_back(member.is_integer() ? texts.emplace_back(keyspace::text(member, buffer)) : member.string());
    if (words.size() - 2 == kMembersMax) flush();
  });
  if (words.size() > 2) flush();
}

// Makes args[1] hold this set, or be gone when it is empty.
void store(Call& call, Set result, std::string_view event) {
  const std::string_view key = call[1];
  const std::size_t size = result.size();
  if (size > 0) {
    store_effects(call, key, call.database.put(key, std::move(result)).value<Set>());
    call.changed(EventClass::set, event, key);
  } else if (call.database.peek(key) != nullptr) {
    call.database.erase(key);
    call.effect({"DEL", key});
    call.changed(EventClass::generic, "del", key);
  }
  call.reply.integer(static_cast<std::int64_t>(size));
}

}  // namespace

void reply_set(Call& call, Set& set) {
  call.reply.set(set.size());
  set.for_each([&](Element member) { reply_element(call.reply, member); });
}

void sinter(Call& call) {
  const auto sets = find_sets(call, call.args.subspan(1));
  if (!sets) return;
  const std::size_t begun = call.reply.begin();
  std::size_t size = 0;
  intersect(*sets, [&](Element member) {
    reply_element(call.reply, member);
    ++size;
    return true;
  });
  call.reply.end_set(begun, size);
}

void sintercard(Call& call) {
  constexpr std::string_view kNotPositive = "ERR numkeys should be greater than 0";
  constexpr std::string_view kNegativeLimit = "ERR LIMIT can't be negative";
  const auto keys = call.integer(1, kNotPositive);
  if (!keys) return;
  if (*keys < 1) return call.reply.error(kNotPositive);
  if (*keys > static_cast<std::int64_t>(call.size() - 2)) {
    return call.reply.error("ERR Number of keys can't be greater than number of args");
  }
  const auto count = static_cast<std::size_t>(*keys);
  std::int64_t limit = 0;
  for (std::size_t i = 2 + count; i < call.size(); i += 2) {
    if (!call.is(i, "LIMIT") || i + 1 == call.size()) return call.reply.error(errors::kSyntax);
    const auto given = call.integer(i + 1, kNegativeLimit);
    if (!given) return;
    if (*given < 0) return call.reply.error(kNegativeLimit);
    limit = *given;
  }
  const auto sets = find_sets(call, call.args.subspan(2, count));
  if (!sets) return;
  std::int64_t size = 0;
  intersect(*sets, [&](Element) { return ++size != limit; });
  call.reply.integer(size);
}

void sinterstore(Call& call) {
  if (const auto sets = find_sets(call, call.args.subspan(2))) store(call, intersection(*sets), "sinterstore");
}

void sunion(Call& call) {
  const auto sets = find_sets(call, call.args.subspan(1));
  if (!sets) return;
  Set found = united(*sets);
  reply_set(call, found);
}

void sunionstore(Call& call) {
  if (const auto sets = find_sets(call, call.args.subspan(2))) store(call, united(*sets), "sunionstore");
}

void sdiff(Call& call) {
  const auto sets = find_sets(call, call.args.subspan(1));
  if (!sets) return;
  Set found = difference(*sets);
  reply_set(call, found);
}

void sdiffstore(Call& call) {
  if (const auto sets = find_sets(call, call.args.subspan(2))) store(call, difference(*sets), "sdiffstore");
}

}  // namespace leat::resp
