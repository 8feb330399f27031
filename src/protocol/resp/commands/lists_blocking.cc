#include "protocol/resp/commands/block_timeout.h"
#include "protocol/resp/commands/list_ends.h"

// Commands that wait for elements. They run again for a key that changed; what the others hold does not matter then.
namespace leat::resp {
namespace {

using keyspace::List;

// The list that this runs again for; nullptr: the key holds something else, and the client goes on waiting.
List* ready_list(Call& call) {
  keyspace::Entry* entry = call.database.write(call.ready_key);
  if (entry == nullptr || entry->type() != keyspace::Type::list) return nullptr;
  return &entry->value<List>();
}

// The first of the keys that is there goes to `use` with its list. Without one, the client waits.
template <class F>
void take_first(Call& call, Arguments keys, const BlockTimeout& timeout, F&& use) {
  if (call.timed_out) return call.reply.null_array();
  if (call.is_retry) {
    if (List* list = ready_list(call)) use(call.ready_key, *list);
    return;
  }
  for (const std::string_view key : keys) {
    const auto found = call.write<List>(key);
    if (!found) return;
    if (found.value != nullptr) return use(key, *found.value);
  }
  if (!call.block(keys, timeout.value)) call.reply.null_array();
}

void blocking_pop(Call& call, ListEnd end) {
  BlockTimeout timeout;
  if (!timeout.parse(call, call.size() - 1)) return;
  take_first(call, call.args.subspan(1, call.size() - 2), timeout, [&call, end](std::string_view key, List& list) {
    call.reply.array(2);
    call.reply.bulk(key);
    pop(list, end, [&call](std::string_view value) { call.reply.bulk(value); });
    popped(call, key, end, list);
    call.effect({of_end(kPopNames, end), key});
  });
}

void blocking_move(Call& call, ListEnd from_end, ListEnd to_end) {
  BlockTimeout timeout;
  if (!timeout.parse(call, call.size() - 1)) return;
  if (call.timed_out) return call.reply.null_array();
  if (call.is_retry) {
    if (List* list = ready_list(call)) move_element(call, *list, call[1], call[2], from_end, to_end);
    return;
  }
  const auto source = call.write<List>(call[1]);
  if (!source) return;
  if (source.value != nullptr) return move_element(call, *source.value, call[1], call[2], from_end, to_end);
  if (!call.block({call[1]}, timeout.value)) call.reply.null();
}

}  // namespace

void blpop(Call& call) { blocking_pop(call, ListEnd::left); }
void brpop(Call& call) { blocking_pop(call, ListEnd::right); }

void blmove(Call& call) {
  const auto from_end = parse_end(call, 3);
  if (!from_end) return;
  const auto to_end = parse_end(call, 4);
  if (to_end) blocking_move(call, *from_end, *to_end);
}

void brpoplpush(Call& call) { blocking_move(call, ListEnd::right, ListEnd::left); }

void blmpop(Call& call) {
  BlockTimeout timeout;
  MultiPop how;
  if (!timeout.parse(call, 1) || !how.parse(call, 2)) return;
  take_first(call, how.keys, timeout,
             [&call, &how](std::string_view key, List& list) { reply_multi_pop(call, key, list, how); });
}

}  // namespace leat::resp
