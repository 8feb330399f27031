#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keyspace/stream.h"
#include "protocol/resp/call.h"

// What the commands on streams share.
namespace leat::resp::streams {

inline constexpr std::string_view kInvalidId = "ERR Invalid stream ID specified as stream command argument";

// A text as errors show it: up to its first zero byte.
[[nodiscard]] inline std::string_view shown(std::string_view text) { return text.substr(0, text.find('\0')); }

// The text of an id, as an argument of an effect or a reply.
class IdText {
 public:
  explicit IdText(keyspace::StreamId id) : text_(keyspace::format_stream_id(id, buffer_)) {}
  IdText(const IdText&) = delete;
  IdText& operator=(const IdText&) = delete;
  operator std::string_view() const { return text_; }  // NOLINT(google-explicit-constructor)

 private:
  keyspace::StreamIdText buffer_;
  std::string_view text_;
};

// An id of an entry: "ms-sequence" or "ms" alone, when the sequence is `missing`. Another text gets the error as the reply.
[[nodiscard]] std::optional<keyspace::StreamId> parse_id(Call& call, std::string_view text, std::uint64_t missing = 0);
// The same, but without a reply.
[[nodiscard]] std::optional<keyspace::StreamId> try_parse_id(std::string_view text);
// As XADD takes it: "ms-*" leaves the sequence open.
struct NewId {
  keyspace::StreamId id;
  bool has_sequence = true;
};
[[nodiscard]] std::optional<NewId> parse_new_id(Call& call, std::string_view text);
// The ends of a range: "-", "+", an id, or one that is not in the range itself, behind "(".
[[nodiscard]] std::optional<keyspace::StreamId> parse_range_start(Call& call, std::string_view text);
[[nodiscard]] std::optional<keyspace::StreamId> parse_range_end(Call& call, std::string_view text);

// "-", "+", or an id.
[[nodiscard]] std::optional<keyspace::StreamId> parse_limit(Call& call, std::string_view text,
                                                            std::uint64_t missing = 0);

void reply_id(Reply& reply, keyspace::StreamId id);
void reply_entry(Reply& reply, const keyspace::Stream::Entry& entry);

// The value changed in a way that watching clients need not know of: only the event is told. The caller gives the effects.
void touched(Call& call, std::string_view event, std::string_view key);

// The consumer of that name, who is seen now. If there is none it is created, which is told and journalled.
keyspace::StreamGroup::Consumer& seen_consumer(Call& call, std::string_view key, std::string_view group_name,
                                               keyspace::StreamGroup& group, std::string_view name);

// Gathers entries as they are given to a consumer, for the journal: commands XCLAIM, one for each run of equal ones.
class Deliveries {
 public:
  Deliveries(Call& call, std::string_view key, std::string_view group, std::string_view consumer)
      : call_(call), key_(key), group_(group), consumer_(consumer) {}
  void add(const keyspace::PendingEntries::value_type& entry);
  // Those that are gathered so far.
  void flush();

 private:
  Call& call_;
  std::string_view key_;
  std::string_view group_;
  std::string_view consumer_;
  std::vector<std::string> ids_;
  std::int64_t delivered_at_ = 0;
  std::uint64_t deliveries_ = 0;
};

// Journals how far a group is.
void add_position(Call& call, std::string_view key, std::string_view name, const keyspace::StreamGroup& group);

// The reply where a group is not there.
void reply_no_group(Call& call, std::string_view key, std::string_view group);

void xack(Call& call);
void xautoclaim(Call& call);
void xclaim(Call& call);
void xgroup_create(Call& call);
void xgroup_createconsumer(Call& call);
void xgroup_delconsumer(Call& call);
void xgroup_destroy(Call& call);
void xgroup_help(Call& call);
void xgroup_setid(Call& call);
void xinfo_consumers(Call& call);
void xinfo_groups(Call& call);
void xinfo_help(Call& call);
void xinfo_stream(Call& call);
void xpending(Call& call);
void xread(Call& call);
void xreadgroup(Call& call);

}  // namespace leat::resp::streams
