#include <algorithm>
#include <limits>
#include <unordered_set>
#include <vector>

#include "keyspace/numbers.h"
#include "protocol/resp/commands/scan_options.h"
#include "protocol/resp/commands/sorted_sets.h"

namespace leat::resp::sorted_sets {
namespace {

using keyspace::Element;
using keyspace::ZSet;

void reply_score(Call& call, ZSet* set, std::string_view member) {
  const auto score = set == nullptr ? std::nullopt : set->score(member);
  score ? call.reply.real(*score) : call.reply.null();
}

void reply_rank(Call& call, bool from_end) {
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  const auto rank = found.value == nullptr ? std::nullopt : found.value->rank(call[2]);
  if (!rank) return call.reply.null();
  call.reply.integer(static_cast<std::int64_t>(from_end ? found.value->size() - 1 - *rank : *rank));
}

template <class Range>
void reply_count(Call& call, const std::optional<Range>& range) {
  if (!range) return;
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  call.reply.integer(found.value == nullptr ? 0 : static_cast<std::int64_t>(found.value->ranks(*range).count()));
}

// `count` different ranks below `size`, in order.
std::vector<std::size_t> random_ranks(Call& call, std::size_t count, std::size_t size) {
  std::unordered_set<std::size_t> chosen;
  for (std::size_t limit = size - count; limit < size; ++limit) {
    const std::size_t rank = call.keyspace.random() % (limit + 1);
    if (!chosen.insert(rank).second) chosen.insert(limit);
  }
  std::vector<std::size_t> ranks(chosen.begin(), chosen.end());
  std::ranges::sort(ranks);
  return ranks;
}

void reply_random(Call& call, const ZSet& set, std::int64_t count, bool with_scores) {
  MemberWriter writer(call, with_scores ? MemberWriter::Scores::flat : MemberWriter::Scores::none);
  const auto write = [&](std::size_t rank) {
    const ZSet::Entry entry = set.at(rank);
    writer.write(entry.member, entry.score);
  };
  if (count < 0) {
    writer.begin(static_cast<std::size_t>(-count));
    for (; count < 0; ++count) write(call.keyspace.random() % set.size());
    return;
  }
  const auto wanted = static_cast<std::size_t>(count);
  if (wanted >= set.size()) return writer.write(set, {.first = 0, .end = set.size()}, false);
  writer.begin(wanted);
  for (const std::size_t rank : random_ranks(call, wanted, set.size())) write(rank);
}

// A listpack's scores are told as they are kept there.
void collect_pairs(const keyspace::Listpack& pairs, const ScanOptions& options, std::vector<std::string>& elements) {
  for (auto at = pairs.first(); at != keyspace::Listpack::kNone;) {
    keyspace::IntegerText buffer;
    const auto behind = pairs.next(at);
    if (const std::string_view member = text(pairs.at(at), buffer); options.matches(member)) {
      elements.emplace_back(member);
      elements.emplace_back(text(pairs.at(behind), buffer));
    }
    at = pairs.next(behind);
  }
}

}  // namespace

void zcard(Call& call) {
  const auto found = call.read<ZSet>(call[1]);
  if (found) call.reply.integer(found.value == nullptr ? 0 : static_cast<std::int64_t>(found.value->size()));
}

void zscore(Call& call) {
  const auto found = call.read<ZSet>(call[1]);
  if (found) reply_score(call, found.value, call[2]);
}

void zmscore(Call& call) {
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  call.reply.array(call.size() - 2);
  for (const std::string_view member : call.args.subspan(2)) reply_score(call, found.value, member);
}

void zrank(Call& call) { reply_rank(call, false); }
void zrevrank(Call& call) { reply_rank(call, true); }
void zcount(Call& call) { reply_count(call, parse_score_range(call, 2, 3)); }
void zlexcount(Call& call) { reply_count(call, parse_lex_range(call, 2, 3)); }

void zrandmember(Call& call) {
  if (call.size() == 2) {
    const auto found = call.read<ZSet>(call[1]);
    if (!found) return;
    if (found.value == nullptr) return call.reply.null();
    return reply_element(call.reply, found.value->at(call.keyspace.random() % found.value->size()).member);
  }
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const auto count = call.integer(2);
  if (!count) return;
  if (*count < -kMax) {
    return call.reply.error(fmt::format("ERR value is out of range, value must between {} and {}", -kMax, kMax));
  }
  if (call.size() > 4 || (call.size() == 4 && !call.is(3, "WITHSCORES"))) return call.reply.error(errors::kSyntax);
  const bool with_scores = call.size() == 4;
  if (with_scores && (*count < -kMax / 2 || *count > kMax / 2)) {
    return call.reply.error("ERR value is out of range");
  }
  if (*count < -kRepeatsMax) return call.reply.error("ERR value is out of range");
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  if (found.value == nullptr || *count == 0) return call.reply.array(0);
  reply_random(call, *found.value, *count, with_scores);
}

void zscan(Call& call) {
  auto cursor = parse_scan_cursor(call, 2);
  if (!cursor) return;
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return reply_scan(call, 0, {});
  const auto options = parse_scan_options(call, 3);
  if (!options) return;
  std::vector<std::string> elements;
  if (const keyspace::Listpack* pairs = found.value->listpack()) {
    collect_pairs(*pairs, *options, elements);
    cursor = 0;
  } else {
    std::size_t visited = 0;
    const auto collect = [&](Element member, double score) {
      visited += 2;
      if (!options->matches(member.string())) return;
      keyspace::DoubleText buffer;
      elements.emplace_back(member.string());
      elements.emplace_back(keyspace::format_double(score, buffer));
    };
    cursor = scan_some(
        *cursor, *options, [&](std::uint64_t from) { return found.value->scan(from, collect); },
        [&] { return visited; });
  }
  reply_scan(call, *cursor, std::vector<std::string_view>(elements.begin(), elements.end()));
}

}  // namespace leat::resp::sorted_sets
