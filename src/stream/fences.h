#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "log/batch.h"
#include "runtime/task.h"

namespace leat::stream {

// The name of the header by which a record says under which lock it was made, on topics with leat.fence: the lock's key, a
// colon, and the fencing token.
inline constexpr std::string_view kFenceHeader = "leat-fence";

struct Fence {
  std::string lock;
  std::int64_t token = 0;
  friend bool operator==(const Fence&, const Fence&) = default;
};

// Asks those who give out tokens, from any shard. Error: invalid_record: a newer token is known, or the token is not known.
using CheckFences = std::function<runtime::Task<Status>(const std::vector<Fence>&)>;

// The fences of a valid batch, each once. Errors: invalid_record: a header is no fence.
[[nodiscard]] Result<std::vector<Fence>> fences_of(BytesView batch, std::size_t decompressed_size_max);

// The newest tokens that a partition has let pass: between asking and appending, somebody with a newer one may have come.
// Remembers as many as can come in that time.
class SeenFences {
 public:
  // Error: invalid_record: a newer token of one of the locks has passed.
  [[nodiscard]] Status pass(const std::vector<Fence>& fences);

 private:
  static constexpr std::size_t kMax = 1024;
  std::unordered_map<std::string, std::int64_t> tokens_;
  std::deque<std::string> order_;  // in which they came
};

}  // namespace leat::stream
