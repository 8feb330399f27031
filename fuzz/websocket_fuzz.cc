#include "protocol/http/websocket.h"

// The decoder of WebSockets on any bytes, in any cuts. The first byte says how the rest is cut. What must hold: the cuts
// make no difference to what is read and answered, limits hold, no text ends within a character, nothing comes from behind
// the end, and what has ended holds no memory.
namespace {

using namespace leat;
using namespace leat::http;

constexpr std::size_t kMessageSizeMax = 2000;
constexpr std::size_t kCloseFrameSizeMax = 127;
// Of wslay's reader, which is there within a frame, and of a control frame and a message that are half read.
constexpr std::size_t kMemorySizeMax = 4400 + 2 * 125 + 2 * kMessageSizeMax;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

struct Outcome {
  std::vector<std::pair<bool, std::string>> messages;
  std::string output;
  CloseCode close_code = CloseCode::none;
  std::string_view fault;
  std::uint64_t pongs = 0;
  bool operator==(const Outcome&) const = default;
};

// The pieces are `piece` bytes long, and each is taken as a whole before the next. Some callers pause after a message.
Outcome decode(BytesView bytes, std::size_t piece, bool pauses) {
  WebSocketDecoder decoder(kMessageSizeMax);
  Outcome outcome;
  while (!bytes.empty()) {
    auto input = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(input.size());
    while (auto message = decoder.next(input)) {
      require(!decoder.is_closed() && message->payload.size() <= kMessageSizeMax);
      outcome.messages.emplace_back(message->is_text, std::move(message->payload));
      auto nothing = BytesView();
      if (!pauses) continue;
      if (auto next = decoder.next(nothing)) outcome.messages.emplace_back(next->is_text, std::move(next->payload));
    }
    require(input.empty());
    require(decoder.memory_size() <= kMemorySizeMax + 2 * WebSocketDecoder::kPongsSizeMax);
  }
  outcome.output = decoder.take_output();
  require(outcome.output.size() <= WebSocketDecoder::kPongsSizeMax + kCloseFrameSizeMax);
  require(!decoder.is_closed() || decoder.memory_size() == 0);
  outcome.close_code = decoder.close_code();
  outcome.fault = decoder.fault();
  outcome.pongs = decoder.pong_count();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const auto whole = decode(bytes, std::max<std::size_t>(1, bytes.size()), false);
  require(decode(bytes, data[0] % 64 + 1, (data[0] & 64) != 0) == whole);
  require(decode(bytes, 1, false) == whole);
  for (const auto& [is_text, payload] : whole.messages) {
    require(!is_text || payload.empty() || static_cast<unsigned char>(payload.back()) < 0xC0);
  }
  if (whole.close_code != CloseCode::none) require(whole.output.find('\x88') != std::string::npos);
  return 0;
}
