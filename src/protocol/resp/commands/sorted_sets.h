#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "keyspace/zset.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/elements.h"

// What the files of the family of sorted sets share; its rows are in sorted_sets.cc.
namespace leat::resp::sorted_sets {

// Writes members, each with its score if asked for.
class MemberWriter {
 public:
  // flat: the score behind its member, in RESP3 both in an array of their own; nested: such arrays in RESP2, too.
  enum class Scores : std::uint8_t { none, flat, nested };

  MemberWriter(Call& call, Scores scores) : call_(call), scores_(scores) {}
  // The head of the array that `count` members make.
  void begin(std::size_t count);
  void write(keyspace::Element member, double score);
  // All of these ranks, with the head.
  void write(const keyspace::ZSet& set, keyspace::RankRange range, bool downwards);

 private:
  [[nodiscard]] bool has_pairs() const {
    return scores_ == Scores::nested || (scores_ == Scores::flat && call_.reply.is_resp3());
  }
  Call& call_;
  Scores scores_;
};

// Ends of ranges among the arguments; nullopt: it replied with an error.
[[nodiscard]] std::optional<keyspace::ScoreRange> parse_score_range(Call& call, std::size_t min, std::size_t max);
[[nodiscard]] std::optional<keyspace::LexRange> parse_lex_range(Call& call, std::size_t min, std::size_t max);
// Ranks from `first` to `last`, both in the range and, when negative, counted from the end.
[[nodiscard]] keyspace::RankRange clamp_ranks(std::int64_t first, std::int64_t last, std::size_t size);

// Makes `key` hold what a command found, or nothing when that is empty; tells, journals and replies how many members.
void store(Call& call, std::string_view key, keyspace::ZSet found, std::string_view event);

// ZADD from the arguments behind the key, which GEOADD also makes. Replies.
struct AddOptions {
  bool if_absent = false;
  bool if_present = false;
  bool if_greater = false;
  bool if_less = false;
  bool count_changed = false;
  bool increment = false;
};
struct NewMember {
  double score;
  std::string_view member;
};
void add_members(Call& call, const AddOptions& options, std::span<const NewMember> members);

// sorted_sets_add.cc
void zadd(Call& call);
void zincrby(Call& call);
void zrem(Call& call);
void zremrangebylex(Call& call);
void zremrangebyrank(Call& call);
void zremrangebyscore(Call& call);

// sorted_sets_range.cc
void zrange(Call& call);
void zrangebylex(Call& call);
void zrangebyscore(Call& call);
void zrangestore(Call& call);
void zrevrange(Call& call);
void zrevrangebylex(Call& call);
void zrevrangebyscore(Call& call);

// sorted_sets_lookup.cc
void zcard(Call& call);
void zcount(Call& call);
void zlexcount(Call& call);
void zmscore(Call& call);
void zrandmember(Call& call);
void zrank(Call& call);
void zrevrank(Call& call);
void zscan(Call& call);
void zscore(Call& call);

// sorted_sets_combine.cc
void zdiff(Call& call);
void zdiffstore(Call& call);
void zinter(Call& call);
void zintercard(Call& call);
void zinterstore(Call& call);
void zunion(Call& call);
void zunionstore(Call& call);

// sorted_sets_pop.cc
void bzmpop(Call& call);
void bzpopmax(Call& call);
void bzpopmin(Call& call);
void zmpop(Call& call);
void zpopmax(Call& call);
void zpopmin(Call& call);

}  // namespace leat::resp::sorted_sets
