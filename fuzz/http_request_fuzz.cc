#include "protocol/http/codec.h"

// The HTTP request parser on any bytes, in any cuts. The first byte says how the rest is cut. What must hold: no piece is
// taken that was not offered, a request that is refused or read stays so, limits hold, and the cuts make no difference to
// what is read.
namespace {

using namespace leat::http;

const ParserLimits kLimits{.head_size_max = 512, .body_size_max = 256};

struct Outcome {
  std::optional<HttpRequest> request;
  std::size_t consumed = 0;
};

void require(bool condition) {
  if (!condition) __builtin_trap();
}

Outcome parse(std::string_view text, std::size_t piece) {
  RequestParser parser(kLimits);
  Outcome outcome;
  std::string pending;
  for (std::size_t at = 0; at < text.size() && !parser.done(); at += piece) {
    pending += text.substr(at, piece);
    while (!parser.done()) {
      const auto consumed = parser.consume(pending);
      if (!consumed) {
        require(consumed.error().status >= 400 && consumed.error().status < 600);
        return {};
      }
      require(*consumed <= pending.size());
      require(!parser.head_done() || parser.body_size_max() <= kLimits.body_size_max);
      pending.erase(0, *consumed);
      outcome.consumed += *consumed;
      if (*consumed == 0) break;
    }
  }
  if (parser.done()) outcome.request = std::move(parser.request());
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto cut = parse(text, data[0] % 64 + 1);
  const auto whole = parse(text, std::max<std::size_t>(1, text.size()));
  if (whole.request) {
    require(whole.request->body.size() <= kLimits.body_size_max);
    require(whole.request->path.size() <= whole.request->target.size() + 1);
  }
  // Cut, a request may be refused that is read as a whole (a limit is noticed later there), but never read differently.
  if (cut.request && whole.request) {
    require(cut.request->body == whole.request->body && cut.request->headers == whole.request->headers);
    require(cut.request->target == whole.request->target && cut.consumed == whole.consumed);
  }
  return 0;
}
