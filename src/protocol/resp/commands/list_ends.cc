#include "protocol/resp/commands/list_ends.h"

#include <algorithm>
#include <string>

#include "keyspace/numbers.h"

namespace leat::resp {

using keyspace::List;

std::optional<ListEnd> parse_end(Call& call, std::size_t index) {
  if (call.is(index, "LEFT")) return ListEnd::left;
  if (call.is(index, "RIGHT")) return ListEnd::right;
  call.reply.error(errors::kSyntax);
  return std::nullopt;
}

void popped(Call& call, std::string_view key, ListEnd end, const List& list) {
  call.changed(EventClass::list, of_end(kPopEvents, end), key);
  call.erase_if_empty(key, list.empty());
}

void reply_popped(Call& call, std::string_view key, List& list, ListEnd end, std::size_t count) {
  const auto reply = [&call](std::string_view value) { call.reply.bulk(value); };
  call.reply.array(count);
  for (std::size_t i = 0; i < count; ++i) pop(list, end, reply);
  popped(call, key, end, list);
}

void move_element(Call& call, List& source, std::string_view from, std::string_view to, ListEnd from_end,
                  ListEnd to_end) {
  const auto target = call.write<List>(to);
  if (!target) return;
  std::string value;
  pop(source, from_end, [&value](std::string_view popped_value) { value = popped_value; });
  // A list that becomes another one's only element is not gone in between, with its expiry.
  push(target.value != nullptr ? *target.value : call.database.create<List>(to), to_end, value);
  call.changed(EventClass::list, of_end(kPushEvents, to_end), to);
  call.reply.bulk(value);
  if (from == to) {
    call.notify(EventClass::list, of_end(kPopEvents, from_end), from);
    constexpr std::string_view kSides[] = {"LEFT", "RIGHT"};
    return call.effect({"LMOVE", from, to, of_end(kSides, from_end), of_end(kSides, to_end)});
  }
  popped(call, from, from_end, source);
  call.effect({of_end(kPopNames, from_end), from});
  call.effect({of_end(kPushNames, to_end), to, value});
}

bool MultiPop::parse(Call& call, std::size_t index) {
  constexpr std::string_view kBadNumber = "ERR numkeys should be greater than 0";
  const auto number = call.integer(index, kBadNumber);
  if (!number) return false;
  if (*number <= 0) {
    call.reply.error(kBadNumber);
    return false;
  }
  const auto key_count = static_cast<std::uint64_t>(*number);
  if (key_count >= call.size() - index - 1) {
    call.reply.error(errors::kSyntax);
    return false;
  }
  keys = call.args.subspan(index + 1, key_count);
  const auto given_end = parse_end(call, index + 1 + key_count);
  if (!given_end) return false;
  end = *given_end;
  const std::size_t option = index + 2 + key_count;
  if (option == call.size()) return true;
  if (option + 1 == call.size() || !call.is(option, "COUNT")) {
    call.reply.error(errors::kSyntax);
    return false;
  }
  constexpr std::string_view kBadCount = "ERR count should be greater than 0";
  const auto given_count = call.integer(option + 1, kBadCount);
  if (!given_count) return false;
  if (*given_count <= 0 || option + 2 < call.size()) {
    call.reply.error(*given_count <= 0 ? kBadCount : errors::kSyntax);
    return false;
  }
  count = static_cast<std::size_t>(*given_count);
  return true;
}

void reply_multi_pop(Call& call, std::string_view key, List& list, const MultiPop& how) {
  const std::size_t count = std::min(how.count, list.size());
  call.reply.array(2);
  call.reply.bulk(key);
  reply_popped(call, key, list, how.end, count);
  keyspace::IntegerText buffer;
  call.effect({of_end(kPopNames, how.end), key, keyspace::format_integer(static_cast<std::int64_t>(count), buffer)});
}

}  // namespace leat::resp
