#include "protocol/resp/commands/lcs.h"

#include <algorithm>
#include <vector>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"

namespace leat::resp {
namespace {

// The table of lengths has a number for each pair of positions.
constexpr std::uint64_t kCellsMax = (std::uint64_t{512} << 20) / sizeof(std::uint32_t);

struct LcsOptions {
  bool length_only = false;
  bool ranges = false;
  bool with_lengths = false;
  std::int64_t length_min = 0;
};

// Where a run of common bytes is in both strings.
struct Match {
  std::size_t a_first, a_last, b_first, b_last;
  [[nodiscard]] std::size_t length() const { return a_last - a_first + 1; }
};

class Table {
 public:
  Table(std::string_view a, std::string_view b) : columns_(b.size() + 1), cells_((a.size() + 1) * columns_) {
    for (std::size_t i = 1; i <= a.size(); ++i) {
      for (std::size_t j = 1; j <= b.size(); ++j)
        cell(i, j) = a[i - 1] == b[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
    }
  }
  [[nodiscard]] std::uint32_t at(std::size_t i, std::size_t j) const { return cells_[i * columns_ + j]; }

 private:
  std::uint32_t& cell(std::size_t i, std::size_t j) { return cells_[i * columns_ + j]; }
  std::size_t columns_;
  std::vector<std::uint32_t> cells_;
};

// Walks back from the ends: the common bytes, and their runs, last first.
void walk(const Table& table, std::string_view a, std::string_view b, std::string& common,
          std::vector<Match>& matches) {
  common.resize(table.at(a.size(), b.size()));
  std::size_t left = common.size();
  bool open = false;
  for (std::size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] != b[j - 1]) {
      open = false;
      if (table.at(i - 1, j) > table.at(i, j - 1)) {
        --i;
      } else {
        --j;
      }
      continue;
    }
    common[--left] = a[i - 1];
    if (open) {
      --matches.back().a_first;
      --matches.back().b_first;
    } else {
      matches.push_back({i - 1, i - 1, j - 1, j - 1});
      open = true;
    }
    --i;
    --j;
  }
}

bool parse(Call& call, LcsOptions& options) {
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (call.is(i, "IDX")) {
      options.ranges = true;
    } else if (call.is(i, "LEN")) {
      options.length_only = true;
    } else if (call.is(i, "WITHMATCHLEN")) {
      options.with_lengths = true;
    } else if (call.is(i, "MINMATCHLEN") && i + 1 < call.size()) {
      const auto length = call.integer(++i);
      if (!length) return false;
      options.length_min = std::max<std::int64_t>(*length, 0);
    } else {
      call.reply.error(errors::kSyntax);
      return false;
    }
  }
  if (options.length_only && options.ranges) {
    call.reply.error("ERR If you want both the length and indexes, please just use IDX.");
    return false;
  }
  return true;
}

void reply_range(Reply& reply, std::size_t first, std::size_t last) {
  reply.array(2);
  reply.integer(static_cast<std::int64_t>(first));
  reply.integer(static_cast<std::int64_t>(last));
}

void reply_ranges(Reply& reply, std::vector<Match> matches, std::size_t length, const LcsOptions& options) {
  std::erase_if(matches,
                [&](const Match& match) { return static_cast<std::int64_t>(match.length()) < options.length_min; });
  reply.map(2);
  reply.bulk("matches");
  reply.array(matches.size());
  for (const Match& match : matches) {
    reply.array(options.with_lengths ? 3 : 2);
    reply_range(reply, match.a_first, match.a_last);
    reply_range(reply, match.b_first, match.b_last);
    if (options.with_lengths) reply.integer(static_cast<std::int64_t>(match.length()));
  }
  reply.bulk("len");
  reply.integer(static_cast<std::int64_t>(length));
}

}  // namespace

void lcs(Call& call) {
  std::string texts[2];
  for (const std::size_t i : {0, 1}) {
    const keyspace::Entry* entry = call.database.read(call[i + 1]);
    if (entry == nullptr) continue;
    if (entry->type() != keyspace::Type::string)
      return call.reply.error("ERR The specified keys must contain string values");
    keyspace::IntegerText buffer;
    texts[i] = entry->text(buffer);
  }
  LcsOptions options;
  if (!parse(call, options)) return;
  if ((texts[0].size() + 1) * (texts[1].size() + 1) > kCellsMax)
    return call.reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  const Table table(texts[0], texts[1]);
  const std::size_t length = table.at(texts[0].size(), texts[1].size());
  if (options.length_only) return call.reply.integer(static_cast<std::int64_t>(length));
  std::string common;
  std::vector<Match> matches;
  walk(table, texts[0], texts[1], common, matches);
  if (!options.ranges) return call.reply.bulk(common);
  reply_ranges(call.reply, std::move(matches), length, options);
}

}  // namespace leat::resp
