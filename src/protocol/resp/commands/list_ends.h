#pragma once

#include <string_view>

#include "keyspace/list.h"
#include "protocol/resp/call.h"

// What the commands that take elements from the ends of lists share: those that wait and those that do not.
namespace leat::resp {

enum class ListEnd : bool { left, right };

// Names by the end: [left], [right].
inline constexpr std::string_view kPopEvents[] = {"lpop", "rpop"};
inline constexpr std::string_view kPushEvents[] = {"lpush", "rpush"};
inline constexpr std::string_view kPopNames[] = {"LPOP", "RPOP"};
inline constexpr std::string_view kPushNames[] = {"LPUSH", "RPUSH"};

template <class Name>
[[nodiscard]] constexpr std::string_view of_end(const Name& names, ListEnd end) {
  return names[static_cast<std::size_t>(end)];
}

inline void push(keyspace::List& list, ListEnd end, std::string_view value) {
  end == ListEnd::left ? list.push_front(value) : list.push_back(value);
}
template <class F>
bool pop(keyspace::List& list, ListEnd end, F&& use) {
  return end == ListEnd::left ? list.pop_front(use) : list.pop_back(use);
}

// Whether an argument is LEFT or RIGHT; when not, a syntax error is the reply.
[[nodiscard]] std::optional<ListEnd> parse_end(Call& call, std::size_t index);

// Tells that elements were popped, after the change; a list that is empty goes.
void popped(Call& call, std::string_view key, ListEnd end, const keyspace::List& list);

// Replies the elements of one end, which go. At most size() of them.
void reply_popped(Call& call, std::string_view key, keyspace::List& list, ListEnd end, std::size_t count);

// LMOVE and RPOPLPUSH, and those that wait, when `from` holds the list `source`: the element is moved, told, journalled and
// replied, unless `to` is not a list.
void move_element(Call& call, keyspace::List& source, std::string_view from, std::string_view to, ListEnd from_end,
                  ListEnd to_end);

// The arguments of LMPOP and BLMPOP.
struct MultiPop {
  Arguments keys;
  ListEnd end = ListEnd::left;
  std::size_t count = 1;

  // From the number of keys on. False: it replied with an error.
  [[nodiscard]] bool parse(Call& call, std::size_t index);
};

// Replies the key and its elements.
void reply_multi_pop(Call& call, std::string_view key, keyspace::List& list, const MultiPop& how);

// In lists_blocking.cc:
void blpop(Call& call);
void brpop(Call& call);
void blmove(Call& call);
void brpoplpush(Call& call);
void blmpop(Call& call);

}  // namespace leat::resp
