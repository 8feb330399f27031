#include "protocol/http/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace leat::http {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using testing::StartsWith;

// A frame as a client might send it, rightly or not.
struct Frame {
  Opcode opcode = Opcode::text;
  std::string payload;
  bool final = true;
  bool masked = true;
  std::uint8_t reserved = 0;
};

std::string head_of(const Frame& frame, std::uint64_t size) {
  std::string out;
  append_frame_head(out, frame.opcode, size);
  out[0] = static_cast<char>((frame.final ? 0x80 : 0) | frame.reserved << 4 | static_cast<int>(frame.opcode));
  if (frame.masked) out[1] = static_cast<char>(out[1] | 0x80);
  return out;
}

std::string masked(std::string payload) {
  constexpr std::string_view kMask = "\x11\xF2\x83\x3C";
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ kMask[i % 4]);
  return std::string(kMask) + payload;
}

std::string bytes_of(const Frame& frame) {
  return head_of(frame, frame.payload.size()) + (frame.masked ? masked(frame.payload) : frame.payload);
}

std::string bytes_of(std::initializer_list<Frame> frames) {
  std::string out;
  for (const auto& frame : frames) out += bytes_of(frame);
  return out;
}

std::string close_body(int code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + std::string(reason);
}

struct Outcome {
  std::vector<std::pair<bool, std::string>> messages;
  std::string output;
  CloseCode close_code = CloseCode::none;
  std::string fault;
  std::uint64_t pongs = 0;
  bool operator==(const Outcome&) const = default;
};

void feed(WebSocketDecoder& decoder, std::string_view bytes, Outcome& outcome) {
  auto input = as_bytes(bytes);
  while (auto message = decoder.next(input)) outcome.messages.emplace_back(message->is_text, message->payload);
  EXPECT_TRUE(input.empty());
}

Outcome decode(std::string_view bytes, std::size_t piece = std::string_view::npos,
               std::size_t size_max = WebSocketDecoder::kMessageSizeMax) {
  WebSocketDecoder decoder(size_max);
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto next = bytes.substr(at, piece);
    feed(decoder, next, outcome);
    at += next.size();
  }
  outcome.output = decoder.take_output();
  outcome.close_code = decoder.close_code();
  outcome.fault = decoder.fault();
  outcome.pongs = decoder.pong_count();
  EXPECT_EQ(decoder.is_closed(), outcome.close_code != CloseCode::none);
  EXPECT_EQ(decoder.take_output(), "");
  return outcome;
}

// The same outcome however the bytes are cut; returns it.
Outcome decode_in_all_cuts(std::string_view bytes, std::size_t size_max = WebSocketDecoder::kMessageSizeMax) {
  auto whole = decode(bytes, std::string_view::npos, size_max);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 4096U, 4097U})
    EXPECT_EQ(decode(bytes, piece, size_max), whole) << piece;
  return whole;
}

// What a fault looks like: nothing of the rest is read, and the client is told why.
void expect_fault(std::string_view bytes, CloseCode code, std::size_t size_max = WebSocketDecoder::kMessageSizeMax) {
  const auto outcome = decode_in_all_cuts(std::string(bytes) + bytes_of({Frame{.payload = "later"}}), size_max);
  EXPECT_EQ(outcome.close_code, code);
  EXPECT_FALSE(outcome.fault.empty());
  EXPECT_EQ(outcome.output, as_text(encode_close(code, outcome.fault)));
  EXPECT_TRUE(outcome.messages.empty());
}

TEST(WebSocketDecoder, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(decode_in_all_cuts("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").messages,
            (std::vector<std::pair<bool, std::string>>{{true, "Hello"}}));
  const auto ping = decode_in_all_cuts("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_EQ(ping.pongs, 1U);
  EXPECT_EQ(ping.output, "");
}

TEST(WebSocketDecoder, ReadsMessagesOfEverySize) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 4083U, 4096U, 65535U, 65536U, 200000U}) {
    for (const auto opcode : {Opcode::text, Opcode::binary}) {
      const Frame frame{.opcode = opcode, .payload = std::string(size, 'x')};
      const auto outcome = decode_in_all_cuts(bytes_of({frame, frame}));
      const std::pair expected(opcode == Opcode::text, frame.payload);
      EXPECT_THAT(outcome.messages, ElementsAre(expected, expected)) << size;
      EXPECT_EQ(outcome.output, "");
    }
  }
}

TEST(WebSocketDecoder, BinaryMessagesMayHoldAnything) {
  const std::string payload("\xFF\x00\xC0\x80", 4);
  EXPECT_THAT(decode_in_all_cuts(bytes_of({Frame{.opcode = Opcode::binary, .payload = payload}})).messages,
              ElementsAre(std::pair(false, payload)));
}

TEST(WebSocketDecoder, PutsFragmentsTogetherWithControlFramesBetweenThem) {
  const auto outcome = decode_in_all_cuts(bytes_of({
      {.opcode = Opcode::text, .payload = "one ", .final = false},
      {.opcode = Opcode::ping, .payload = "a"},
      {.opcode = Opcode::continuation, .payload = "", .final = false},
      {.opcode = Opcode::pong, .payload = "b"},
      {.opcode = Opcode::continuation, .payload = "two", .final = false},
      {.opcode = Opcode::continuation},
      {.opcode = Opcode::binary, .payload = "next"},
  }));
  EXPECT_THAT(outcome.messages, ElementsAre(std::pair(true, "one two"), std::pair(false, "next")));
  EXPECT_EQ(outcome.output, as_text(encode_frame(Opcode::pong, "a")));
  EXPECT_EQ(outcome.pongs, 1U);
  EXPECT_EQ(outcome.close_code, CloseCode::none);
}

TEST(WebSocketDecoder, PingsAreAnsweredInOrderWithTheirPayload) {
  const std::string longest(125, 'l');
  const auto outcome = decode_in_all_cuts(bytes_of({{.opcode = Opcode::ping},
                                                    {.opcode = Opcode::ping, .payload = std::string("\xFF\0", 2)},
                                                    {.opcode = Opcode::ping, .payload = longest}}));
  EXPECT_EQ(outcome.output, std::string("\x8A\x00\x8A\x02\xFF\x00", 6).append("\x8A\x7D").append(longest));
}

TEST(WebSocketDecoder, AFloodOfPingsIsAnsweredUpToTheLast) {
  WebSocketDecoder decoder;
  Outcome outcome;
  for (int i = 0; i < 10'000; ++i) {
    feed(decoder, bytes_of({Frame{.opcode = Opcode::ping, .payload = fmt::format("{:05}", i)}}), outcome);
  }
  const auto output = decoder.take_output();
  EXPECT_LE(output.size(), WebSocketDecoder::kPongsSizeMax);
  EXPECT_GE(output.size(), WebSocketDecoder::kPongsSizeMax - 7);
  EXPECT_THAT(output, StartsWith(as_text(encode_frame(Opcode::pong, "00000"))));
  EXPECT_TRUE(output.ends_with(as_text(encode_frame(Opcode::pong, "09999"))));
  feed(decoder, bytes_of({Frame{.opcode = Opcode::ping, .payload = "again"}}), outcome);
  EXPECT_EQ(decoder.take_output(), as_text(encode_frame(Opcode::pong, "again")));
}

TEST(WebSocketDecoder, FramesThatBreakTheRulesEndTheConnection) {
  expect_fault(bytes_of({Frame{.payload = "x", .masked = false}}), CloseCode::protocol_error);
  expect_fault(bytes_of({Frame{.opcode = Opcode::ping, .masked = false}}), CloseCode::protocol_error);
  for (const std::uint8_t reserved : {1, 2, 4, 7}) {
    expect_fault(bytes_of({Frame{.payload = "x", .reserved = reserved}}), CloseCode::protocol_error);
    expect_fault(bytes_of({Frame{.opcode = Opcode::ping, .reserved = reserved}}), CloseCode::protocol_error);
  }
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    expect_fault(bytes_of({Frame{.opcode = Opcode(opcode)}}), CloseCode::protocol_error);
    expect_fault(bytes_of({Frame{.opcode = Opcode(opcode), .payload = "x"}}), CloseCode::protocol_error);
  }
}

TEST(WebSocketDecoder, FragmentsThatBreakTheRulesEndTheConnection) {
  expect_fault(bytes_of({Frame{.opcode = Opcode::continuation, .payload = "x"}}), CloseCode::protocol_error);
  expect_fault(bytes_of({Frame{.opcode = Opcode::continuation, .final = false}}), CloseCode::protocol_error);
  for (const auto opcode : {Opcode::text, Opcode::binary}) {
    const Frame started{.opcode = Opcode::text, .payload = "x", .final = false};
    expect_fault(bytes_of({started, {.opcode = opcode, .payload = "y"}}), CloseCode::protocol_error);
    expect_fault(bytes_of({started, {.opcode = Opcode::ping, .payload = "p", .final = false}}),
                 CloseCode::protocol_error);
  }
  // After a message's end there is nothing to continue.
  const auto outcome =
      decode_in_all_cuts(bytes_of({{.payload = "x"}, {.opcode = Opcode::continuation, .payload = "y"}}));
  EXPECT_THAT(outcome.messages, SizeIs(1));
  EXPECT_EQ(outcome.close_code, CloseCode::protocol_error);
}

TEST(WebSocketDecoder, ControlFramesAreShortAndWhole) {
  for (const auto opcode : {Opcode::ping, Opcode::pong, Opcode::close}) {
    const auto body = opcode == Opcode::close ? close_body(1000) : std::string();
    expect_fault(bytes_of({Frame{.opcode = opcode, .payload = body + std::string(126, 'x')}}),
                 CloseCode::protocol_error);
    expect_fault(bytes_of({Frame{.opcode = opcode, .payload = body + std::string(70'000, 'x')}}),
                 CloseCode::protocol_error);
    expect_fault(bytes_of({Frame{.opcode = opcode, .payload = body, .final = false}}), CloseCode::protocol_error);
  }
}

TEST(WebSocketDecoder, LengthsAreWrittenInTheShortestForm) {
  expect_fault(std::string("\x82\xFE\x00\x7D", 4) + masked(std::string(125, 'x')), CloseCode::protocol_error);
  expect_fault(std::string("\x82\xFF\0\0\0\0\0\0\xFF\xFF", 10) + masked(std::string(65535, 'x')),
               CloseCode::protocol_error);
  expect_fault(head_of(Frame{}, std::uint64_t{1} << 63), CloseCode::protocol_error);
}

// It is known at once: nothing has to follow.
TEST(WebSocketDecoder, TextThatIsNotUtf8EndsTheConnection) {
  const std::string_view faults[] = {"\xC0\x80",
                                     "\xC1",
                                     "\x80",
                                     "a\xBF",
                                     "\xE0\x80\x80",
                                     "\xED\xA0\x80",
                                     "\xED\xBF\xBF",
                                     "\xF0\x80\x80\x80",
                                     "\xF4\x90",
                                     "\xF5",
                                     "\xF8\x88\x80\x80\x80",
                                     "\xFE",
                                     "\xFF",
                                     "\xC3\x28",
                                     "\xE2\x82\x28",
                                     "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80 edited"};
  for (const auto text : faults) {
    SCOPED_TRACE(testing::PrintToString(text));
    expect_fault(bytes_of({Frame{.payload = std::string(text)}}), CloseCode::invalid_payload);
    expect_fault(bytes_of({Frame{.payload = std::string(text), .final = false}}), CloseCode::invalid_payload);
    expect_fault(bytes_of({{.payload = std::string(text.substr(0, 1)), .final = false},
                           {.opcode = Opcode::continuation, .payload = std::string(text.substr(1))}}),
                 CloseCode::invalid_payload);
  }
}

// Table 3-7 of the Unicode standard.
bool is_well_formed(std::string_view text) {
  struct Row {
    unsigned first_min, first_max, second_min, second_max;
    std::size_t size;
  };
  constexpr Row kRows[] = {{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                           {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
                           {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
  while (!text.empty()) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
    const auto* row =
        std::ranges::find_if(kRows, [&](const Row& r) { return byte(0) >= r.first_min && byte(0) <= r.first_max; });
    if (row == std::end(kRows) || text.size() < row->size) return false;
    for (std::size_t i = 1; i < row->size; ++i) {
      const auto [low, high] = i == 1 ? std::pair(row->second_min, row->second_max) : std::pair(0x80U, 0xBFU);
      if (byte(i) < low || byte(i) > high) return false;
    }
    text.remove_prefix(row->size);
  }
  return true;
}

TEST(WebSocketDecoder, TakesExactlyWellFormedText) {
  constexpr std::string_view kBytes = "A\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xE0\xE1\xED\xF0\xF1\xF4\xF5";
  std::size_t taken = 0;
  for (std::size_t number = 0; number < kBytes.size() * kBytes.size() * kBytes.size() * kBytes.size(); ++number) {
    std::string text;
    for (std::size_t rest = number; text.size() < 4; rest /= kBytes.size()) text += kBytes[rest % kBytes.size()];
    const bool expected = is_well_formed(text);
    taken += expected ? 1 : 0;
    for (const std::size_t piece : {std::size_t{1}, std::string_view::npos}) {
      const auto outcome = decode(bytes_of({Frame{.payload = text}}), piece);
      ASSERT_EQ(outcome.messages.size(), expected ? 1U : 0U) << testing::PrintToString(text);
      ASSERT_EQ(outcome.close_code, expected ? CloseCode::none : CloseCode::invalid_payload);
    }
  }
  EXPECT_GT(taken, 50U);
}

TEST(WebSocketDecoder, TextThatEndsWithinACharacterEndsTheConnection) {
  for (const std::string_view text : {"\xC3", "a\xE2\x82", "\xF0\x9F\x98"}) {
    expect_fault(bytes_of({Frame{.payload = std::string(text)}}), CloseCode::invalid_payload);
    expect_fault(bytes_of({{.payload = std::string(text), .final = false}, {.opcode = Opcode::continuation}}),
                 CloseCode::invalid_payload);
  }
}

TEST(WebSocketDecoder, CharactersMayBeCutByFragments) {
  const std::string text = "h\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF \xED\x9F\xBF \xEF\xBF\xBF";
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bytes += bytes_of({Frame{.opcode = i == 0 ? Opcode::text : Opcode::continuation,
                             .payload = text.substr(i, 1),
                             .final = i + 1 == text.size()}});
  }
  EXPECT_THAT(decode_in_all_cuts(bytes).messages, ElementsAre(std::pair(true, text)));
}

TEST(WebSocketDecoder, MessagesThatAreTooBigEndTheConnection) {
  constexpr std::size_t kMax = 1000;
  const Frame largest{.payload = std::string(kMax, 'x')};
  EXPECT_THAT(decode_in_all_cuts(bytes_of(largest), kMax).messages, SizeIs(1));
  expect_fault(bytes_of({Frame{.payload = std::string(kMax + 1, 'x')}}), CloseCode::message_too_big, kMax);
  std::string many;
  for (std::size_t i = 0; i <= kMax / 10; ++i) {
    many += bytes_of({Frame{
        .opcode = i == 0 ? Opcode::binary : Opcode::continuation, .payload = std::string(10, 'x'), .final = false}});
  }
  expect_fault(many, CloseCode::message_too_big, kMax);
  // The limit is for each message, not for all.
  EXPECT_THAT(decode_in_all_cuts(bytes_of({largest, largest, largest}), kMax).messages, SizeIs(3));
}

TEST(WebSocketDecoder, AnnouncedSizesTakeNoMemory) {
  const auto announcement = head_of(Frame{}, (std::uint64_t{1} << 63) - 1) + masked("x");
  expect_fault(announcement, CloseCode::message_too_big);
  WebSocketDecoder decoder;
  Outcome outcome;
  feed(decoder, head_of(Frame{}, WebSocketDecoder::kMessageSizeMax) + masked("x"), outcome);
  EXPECT_EQ(decoder.close_code(), CloseCode::none);
  EXPECT_LT(decoder.memory_size(), 5000U);
}

TEST(WebSocketDecoder, AnIdleConnectionTakesLittleMemory) {
  static_assert(sizeof(WebSocketDecoder) < 256);
  WebSocketDecoder decoder;
  Outcome outcome;
  EXPECT_EQ(decoder.memory_size(), 0U);
  const auto bytes = bytes_of({{.payload = std::string(100'000, 'x'), .final = false},
                               {.opcode = Opcode::ping, .payload = std::string(100, 'p')},
                               {.opcode = Opcode::pong, .payload = std::string(100, 'p')},
                               {.opcode = Opcode::continuation, .payload = "end"}});
  for (std::size_t at = 0; at < bytes.size(); at += 1000) {
    feed(decoder, std::string_view(bytes).substr(at, 1000), outcome);
    if (at + 1000 < bytes.size()) EXPECT_GT(decoder.memory_size(), at);
  }
  EXPECT_EQ(decoder.take_output(), as_text(encode_frame(Opcode::pong, std::string(100, 'p'))));
  EXPECT_THAT(outcome.messages, SizeIs(1));
  EXPECT_EQ(decoder.memory_size(), 0U);
}

TEST(WebSocketDecoder, AConnectionThatEndedHoldsNoMemory) {
  const Frame half{.payload = std::string(10'000, 'x'), .final = false};
  for (const auto& end : {Frame{.opcode = Opcode::close}, Frame{.opcode = Opcode::continuation, .payload = "\xFF"}}) {
    WebSocketDecoder decoder;
    Outcome outcome;
    feed(decoder, bytes_of({half, end, {.payload = "later"}}), outcome);
    EXPECT_TRUE(decoder.is_closed());
    EXPECT_FALSE(decoder.take_output().empty());
    EXPECT_EQ(decoder.memory_size(), 0U);
  }
  WebSocketDecoder decoder;
  Outcome outcome;
  feed(decoder, bytes_of(half), outcome);
  decoder.close(CloseCode::going_away, {});
  EXPECT_FALSE(decoder.take_output().empty());
  EXPECT_EQ(decoder.memory_size(), 0U);
}

TEST(WebSocketDecoder, ACloseIsAnsweredWithItsCodeAndEndsAll) {
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999}) {
    for (const std::string_view reason : {"", "bye \xE2\x82\xAC"}) {
      const auto outcome = decode_in_all_cuts(bytes_of({{.payload = "first"},
                                                        {.payload = "half", .final = false},
                                                        {.opcode = Opcode::ping, .payload = "p"},
                                                        {.opcode = Opcode::close, .payload = close_body(code, reason)},
                                                        {.opcode = Opcode::ping, .payload = "q"},
                                                        {.opcode = Opcode::continuation, .payload = "later"}}));
      EXPECT_THAT(outcome.messages, ElementsAre(std::pair(true, "first")));
      EXPECT_EQ(outcome.close_code, CloseCode(code));
      EXPECT_EQ(outcome.fault, "");
      EXPECT_EQ(outcome.output,
                std::string(as_text(encode_frame(Opcode::pong, "p"))).append("\x88\x02").append(close_body(code)));
    }
  }
}

TEST(WebSocketDecoder, ACloseWithoutACodeIsAnsweredWithout) {
  const auto outcome = decode_in_all_cuts(bytes_of({{.opcode = Opcode::close}, {.payload = "later"}}));
  EXPECT_EQ(outcome.close_code, CloseCode::no_status);
  EXPECT_EQ(outcome.output, std::string_view("\x88\x00", 2));
  EXPECT_TRUE(outcome.messages.empty());
}

TEST(WebSocketDecoder, ClosesThatBreakTheRulesAreFaults) {
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    expect_fault(bytes_of({Frame{.opcode = Opcode::close, .payload = close_body(code)}}), CloseCode::protocol_error);
  }
  for (const auto half : {"\x03", "\x0C"}) {
    expect_fault(bytes_of({Frame{.opcode = Opcode::close, .payload = half}}), CloseCode::protocol_error);
  }
  for (const auto reason : {"\xC3", "\xED\xA0\x80", "abc\xFF"}) {
    expect_fault(bytes_of({Frame{.opcode = Opcode::close, .payload = close_body(1000, reason)}}),
                 CloseCode::invalid_payload);
  }
}

TEST(WebSocketDecoder, AfterTheServersCloseNothingIsDeliveredUntilTheClientCloses) {
  WebSocketDecoder decoder;
  Outcome outcome;
  feed(decoder, bytes_of({Frame{.payload = "\xC3", .final = false}}), outcome);
  decoder.close(CloseCode::going_away, "restart");
  decoder.close(CloseCode::normal, "twice");
  EXPECT_EQ(decoder.take_output(), as_text(encode_close(CloseCode::going_away, "restart")));
  feed(decoder,
       bytes_of(
           {{.opcode = Opcode::continuation, .payload = "\xA4 late"}, {.payload = "later"}, {.opcode = Opcode::ping}}),
       outcome);
  EXPECT_FALSE(decoder.is_closed());
  EXPECT_EQ(decoder.memory_size(), 0U);
  feed(decoder, bytes_of({Frame{.opcode = Opcode::close, .payload = close_body(1001)}}), outcome);
  EXPECT_TRUE(decoder.is_closed());
  EXPECT_EQ(decoder.close_code(), CloseCode::going_away);
  EXPECT_EQ(decoder.take_output(), "");
  EXPECT_TRUE(outcome.messages.empty());
}

TEST(WebSocketDecoder, AFaultAfterTheServersCloseIsNotAnsweredAgain) {
  WebSocketDecoder decoder;
  Outcome outcome;
  decoder.close(CloseCode::normal, {});
  EXPECT_EQ(decoder.take_output(), as_text(encode_close(CloseCode::normal, {})));
  feed(decoder, bytes_of({Frame{.payload = "x", .masked = false}}), outcome);
  EXPECT_EQ(decoder.close_code(), CloseCode::protocol_error);
  EXPECT_EQ(decoder.take_output(), "");
}

TEST(WebSocketDecoder, ACallerMayPauseBetweenMessages) {
  WebSocketDecoder decoder;
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += bytes_of({Frame{.payload = fmt::format("message {}", i)}});
  auto input = as_bytes(bytes);
  for (int i = 0; i < 2000; ++i) {
    auto nothing = BytesView();
    // What was read ahead comes without more input.
    auto message = decoder.next(nothing);
    if (!message) message = decoder.next(input);
    ASSERT_TRUE(message) << i;
    EXPECT_EQ(message->payload, fmt::format("message {}", i));
  }
  EXPECT_FALSE(decoder.next(input));
  EXPECT_EQ(decoder.memory_size(), 0U);
}

// Characters of one to four bytes.
std::string random_text(std::mt19937& random, std::size_t size) {
  constexpr std::string_view kCharacters[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  std::string text;
  while (text.size() < size) text += kCharacters[random() % 4];
  return text;
}

TEST(WebSocketDecoder, ReadsWhatWasSentHoweverItIsFragmentedAndCut) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    Outcome expected;
    std::string bytes;
    const auto maybe_control = [&] {
      if (random() % 3 == 0) {
        const auto payload = random_text(random, random() % 100);
        bytes += bytes_of({Frame{.opcode = Opcode::ping, .payload = payload}});
        expected.output += as_text(encode_frame(Opcode::pong, payload));
      } else if (random() % 3 == 0) {
        bytes += bytes_of({Frame{.opcode = Opcode::pong, .payload = random_text(random, random() % 100)}});
        ++expected.pongs;
      }
    };
    for (auto count = random() % 8; count > 0; --count) {
      const bool is_text = random() % 2 == 0;
      const auto payload = random_text(random, random() % (random() % 4 == 0 ? 70'000 : 300));
      expected.messages.emplace_back(is_text, payload);
      auto opcode = is_text ? Opcode::text : Opcode::binary;
      for (std::size_t at = 0; opcode != Opcode::continuation || at < payload.size();) {
        maybe_control();
        const auto part = payload.substr(at, random() % 2 == 0 ? payload.size() : random() % (payload.size() + 1));
        at += part.size();
        bytes += bytes_of({Frame{.opcode = opcode, .payload = part, .final = at == payload.size()}});
        opcode = Opcode::continuation;
      }
    }
    if (random() % 2 == 0) {
      bytes += bytes_of({Frame{.opcode = Opcode::close, .payload = close_body(4000, "bye")}});
      expected.output += as_text(encode_close(CloseCode{4000}, {}));
      expected.close_code = CloseCode{4000};
    }
    EXPECT_EQ(decode(bytes), expected) << seed;
    EXPECT_EQ(decode(bytes, 1), expected) << seed;
    EXPECT_EQ(decode(bytes, random() % 5000 + 1), expected) << seed;
  }
}

TEST(WebSocketFrames, HeadsAreAsShortAsTheirLengthAllows) {
  const auto head = [](std::uint64_t size) {
    std::string out = "kept";
    append_frame_head(out, Opcode::binary, size);
    return out;
  };
  EXPECT_EQ(head(0), std::string_view("kept\x82\x00", 6));
  EXPECT_EQ(head(125), "kept\x82\x7D");
  EXPECT_EQ(head(126), std::string_view("kept\x82\x7E\x00\x7E", 8));
  EXPECT_EQ(head(65535), "kept\x82\x7E\xFF\xFF");
  EXPECT_EQ(head(65536), std::string_view("kept\x82\x7F\0\0\0\0\0\x01\0\0", 14));
}

TEST(WebSocketFrames, AFrameIsItsHeadAndItsPayload) {
  EXPECT_EQ(as_text(encode_frame(Opcode::text, "Hello")), "\x81\x05Hello");
  EXPECT_EQ(as_text(encode_frame(Opcode::ping, "")), std::string_view("\x89\x00", 2));
  const std::string large(70'000, 'x');
  std::string expected;
  append_frame_head(expected, Opcode::text, large.size());
  EXPECT_EQ(as_text(encode_frame(Opcode::text, large)), expected + large);
}

TEST(WebSocketFrames, AReasonIsCutBetweenCharacters) {
  const auto reason_sent = [](const std::string& reason) {
    const auto frame = encode_close(CloseCode::normal, reason);
    EXPECT_EQ(frame.size(), 2U + static_cast<std::size_t>(frame.data()[1]));
    EXPECT_EQ(as_text(frame).substr(2, 2), close_body(1000));
    return std::string(as_text(frame).substr(4));
  };
  EXPECT_EQ(reason_sent(""), "");
  EXPECT_EQ(reason_sent(std::string(123, 'x')), std::string(123, 'x'));
  EXPECT_EQ(reason_sent(std::string(124, 'x')), std::string(123, 'x'));
  for (std::size_t before = 119; before <= 123; ++before) {
    const auto start = std::string(before, 'x');
    EXPECT_EQ(reason_sent(start + "\xF0\x9F\x98\x80"), before == 119 ? start + "\xF0\x9F\x98\x80" : start);
  }
  EXPECT_EQ(as_text(encode_close(CloseCode::no_status, "unsaid")), std::string_view("\x88\x00", 2));
}

}  // namespace
}  // namespace leat::http
