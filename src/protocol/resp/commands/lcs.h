#pragma once

namespace leat::resp {

struct Call;

// LCS: the longest common subsequence of two strings (https://redis.io/commands/lcs/).
void lcs(Call& call);

}  // namespace leat::resp
