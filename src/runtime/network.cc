#include "runtime/network.h"

namespace leat::runtime {

Task<Result<std::unique_ptr<Socket>>> Network::connect(const std::string& host, std::uint16_t port) {
  return connect(host, port, std::chrono::hours(1));
}

Task<Result<bool>> Socket::read_exactly(MutableBytes into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const Result<std::size_t> count = co_await read_some(into.subspan(done));
    if (!count) co_return fail(count.error());
    if (*count == 0) {
      if (done == 0) co_return false;
      co_return fail(Errc::io, fmt::format("{} ended its stream after {} of {} bytes", peer(), done, into.size()));
    }
    done += *count;
  }
  co_return true;
}

}  // namespace leat::runtime
