#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "keyspace/numbers.h"
#include "protocol/resp/commands/sorted_sets.h"

namespace leat::resp::sorted_sets {
namespace {

using keyspace::Element;
using keyspace::LexBound;

struct ScoreBound {
  double score;
  bool exclusive;
};

// As strtod() reads it, which is what clients may rely on: blanks before it, nothing at all (0), and what comes behind a zero
// byte.
std::optional<ScoreBound> parse_score_bound(std::string_view text) {
  const bool exclusive = text.starts_with('(');
  if (exclusive) text.remove_prefix(1);
  if (const auto plain = keyspace::parse_float(text)) return ScoreBound{*plain, exclusive};
  const std::string copy(text);
  char* end = nullptr;
  const double score = std::strtod(copy.c_str(), &end);
  if (*end != '\0' || std::isnan(score)) return std::nullopt;
  return ScoreBound{score, exclusive};
}

std::optional<LexBound> parse_lex_bound(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == '(' || kind == '[') {
    return LexBound{.kind = LexBound::Kind::member, .member = text, .exclusive = kind == '('};
  }
  if ((kind != '-' && kind != '+') || (!text.empty() && text.front() != '\0')) return std::nullopt;
  return LexBound{.kind = kind == '-' ? LexBound::Kind::min : LexBound::Kind::max};
}

// The journal gets the members, whatever they were computed from.
void journal_members(Call& call, std::string_view key, const keyspace::ZSet& set) {
  std::vector<std::string> texts;
  texts.reserve(set.size() * 2);
  set.for_each([&](Element member, double score) {
    keyspace::DoubleText score_text;
    keyspace::IntegerText member_text;
    texts.emplace_back(keyspace::format_double(score, score_text));
    texts.emplace_back(text(member, member_text));
  });
  std::vector<std::string_view> words = {"ZADD", key};
  words.insert(words.end(), texts.begin(), texts.end());
  call.effect(Arguments(words));
}

}  // namespace

void MemberWriter::begin(std::size_t count) {
  call_.reply.array(scores_ != Scores::none && !has_pairs() ? count * 2 : count);
}

void MemberWriter::write(Element member, double score) {
  if (has_pairs()) call_.reply.array(2);
  reply_element(call_.reply, member);
  if (scores_ != Scores::none) call_.reply.real(score);
}

void MemberWriter::write(const keyspace::ZSet& set, keyspace::RankRange range, bool downwards) {
  begin(range.count());
  if (scores_ == Scores::none) {
    set.for_each(range, downwards, [this](Element member) { reply_element(call_.reply, member); });
  } else {
    set.for_each(range, downwards, [this](Element member, double score) { write(member, score); });
  }
}

std::optional<keyspace::ScoreRange> parse_score_range(Call& call, std::size_t min, std::size_t max) {
  const auto from = parse_score_bound(call[min]);
  const auto to = parse_score_bound(call[max]);
  if (!from || !to) {
    call.reply.error("ERR min or max is not a float");
    return std::nullopt;
  }
  return keyspace::ScoreRange{
      .min = from->score, .max = to->score, .min_exclusive = from->exclusive, .max_exclusive = to->exclusive};
}

std::optional<keyspace::LexRange> parse_lex_range(Call& call, std::size_t min, std::size_t max) {
  const auto from = parse_lex_bound(call[min]);
  const auto to = parse_lex_bound(call[max]);
  if (!from || !to) {
    call.reply.error("ERR min or max not valid string range item");
    return std::nullopt;
  }
  return keyspace::LexRange{.min = *from, .max = *to};
}

keyspace::RankRange clamp_ranks(std::int64_t first, std::int64_t last, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  if (first < 0) first = std::max<std::int64_t>(first + count, 0);
  if (last < 0) last += count;
  last = std::min(last, count - 1);
  if (first > last) return {};
  return {.first = static_cast<std::size_t>(first), .end = static_cast<std::size_t>(last) + 1};
}

void store(Call& call, std::string_view key, keyspace::ZSet found, std::string_view event) {
  const std::size_t size = found.size();
  if (size != 0) {
    call.effect({"DEL", key});
    journal_members(call, key, found);
    call.database.put(key, std::move(found));
    call.changed(EventClass::zset, event, key);
  } else if (call.database.erase(key)) {
    call.effect({"DEL", key});
    call.changed(EventClass::generic, "del", key);
  }
  call.reply.integer(static_cast<std::int64_t>(size));
}

}  // namespace leat::resp::sorted_sets
