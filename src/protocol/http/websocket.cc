#include "protocol/http/websocket.h"

#include <simdjson.h>
#include <wslay/wslay.h>

#include <array>
#include <new>

namespace leat::http {
namespace {

constexpr std::size_t kControlSizeMax = 125;
constexpr std::size_t kCodeSize = 2;
constexpr std::size_t kShortSizeMax = 125;
constexpr std::uint8_t kSizeOf2Bytes = 126;
constexpr std::uint8_t kSizeOf8Bytes = 127;
constexpr std::uint8_t kFinal = 0x80;

constexpr std::size_t head_size(std::uint64_t payload_size) {
  return payload_size <= kShortSizeMax ? 2 : payload_size <= 0xFFFF ? 4 : 10;
}
constexpr std::size_t kHeadSizeMax = 10;
constexpr std::size_t kMaskSize = 4;
constexpr std::size_t kFrameContextSize = 4256;  // of wslay 1.1

std::size_t write_head(std::byte* out, Opcode opcode, std::uint64_t payload_size) {
  out[0] = static_cast<std::byte>(kFinal | static_cast<std::uint8_t>(opcode));
  const auto size = head_size(payload_size);
  if (size == 2) {
    out[1] = static_cast<std::byte>(payload_size);
  } else if (size == 4) {
    out[1] = std::byte{kSizeOf2Bytes};
    store_be(out + 2, static_cast<std::uint16_t>(payload_size));
  } else {
    out[1] = std::byte{kSizeOf8Bytes};
    store_be(out + 2, payload_size);
  }
  return size;
}

// RFC 6455 section 7.4: codes that a close frame may carry. 1012 to 1014 were registered later.
bool may_be_sent(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

constexpr bool is_inside_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The bytes at the end of `text` that begin a character which goes on behind it, as far as its first byte says.
std::size_t cut_character_size(std::string_view text) {
  for (std::size_t size = 1; size <= 3 && size <= text.size(); ++size) {
    const char first = text[text.size() - size];
    if (is_inside_character(first)) continue;
    const auto whole = static_cast<std::size_t>(std::countl_one(static_cast<unsigned char>(first)));
    return whole > size ? size : 0;
  }
  return 0;
}

// Whether some bytes make a character of what `begun` has of it: if any do, these do.
bool can_become_character(std::string_view begun) {
  const auto whole = static_cast<std::size_t>(std::countl_one(static_cast<unsigned char>(begun.front())));
  const auto padded = [&](char last) { return std::string(begun).append(whole - begun.size(), last); };
  return is_utf8(padded('\x80')) || is_utf8(padded('\xBF'));
}

// Whether `text` begins some UTF-8. The first `checked` bytes are known to be whole characters, more of them afterwards.
bool begins_utf8(std::string_view text, std::size_t& checked) {
  const auto cut = cut_character_size(text.substr(checked));
  const auto end = text.size() - cut;
  if (!is_utf8(text.substr(checked, end - checked))) return false;
  checked = end;
  return cut == 0 || can_become_character(text.substr(end));
}

std::string_view reason_that_fits(std::string_view reason) {
  auto size = std::min(reason.size(), kControlSizeMax - kCodeSize);
  if (size < reason.size()) {
    while (size > 0 && is_inside_character(reason[size])) --size;
  }
  return reason.substr(0, size);
}

// Assigning an empty string would keep the memory.
void release(std::string& text) { std::string().swap(text); }

bool is_control(Opcode opcode) { return opcode >= Opcode::close; }

}  // namespace

// What wslay read of a frame.
struct WebSocketDecoder::Piece {
  explicit Piece(const wslay_frame_iocb& frame)
      : opcode(static_cast<Opcode>(frame.opcode)),
        is_final(frame.fin != 0),
        is_masked(frame.mask != 0),
        has_reserved_bits(frame.rsv != 0),
        frame_size(frame.payload_length),
        data(reinterpret_cast<const char*>(frame.data), frame.data_length) {}

  Opcode opcode;
  bool is_final;
  bool is_masked;
  bool has_reserved_bits;
  std::uint64_t frame_size;  // of its payload
  std::string_view data;     // until the next read
};

// wslay's reader of frames with its 4 kB of bytes read ahead: too much for every idle connection, so that there is one
// only between the first byte of a frame and its last.
class WebSocketDecoder::FrameReader {
 public:
  FrameReader() {
    const wslay_frame_callbacks callbacks{.send_callback = nullptr, .recv_callback = give, .genmask_callback = nullptr};
    if (wslay_frame_context_init(&context_, &callbacks, this) != 0) throw std::bad_alloc();
  }
  ~FrameReader() { wslay_frame_context_free(context_); }
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  enum class Outcome : std::uint8_t { piece, needs_more, broken };

  // Takes bytes from the front of `input`. wslay refuses lengths that are not written in the shortest form or are above
  // 2^63, and long or fragmented control frames.
  Outcome read(BytesView& input, wslay_frame_iocb& frame) {
    input_ = &input;
    const auto size = wslay_frame_recv(context_, &frame);
    if (size >= 0) return Outcome::piece;
    return size == WSLAY_ERR_WANT_READ && input.empty() ? Outcome::needs_more : Outcome::broken;
  }
  void end_frame(std::uint64_t payload_size) { read_size_ += head_size(payload_size) + kMaskSize + payload_size; }
  // Whether nothing was taken behind the last frame's end.
  [[nodiscard]] bool is_between_frames() const { return taken_size_ == read_size_; }

 private:
  static ssize_t give(std::uint8_t* out, std::size_t size, int, void* self) {
    auto& reader = *static_cast<FrameReader*>(self);
    const auto given = std::min(size, reader.input_->size());
    if (given == 0) return 0;
    std::memcpy(out, reader.input_->data(), given);
    *reader.input_ = reader.input_->subspan(given);
    reader.taken_size_ += given;
    return static_cast<ssize_t>(given);
  }

  wslay_frame_context_ptr context_ = nullptr;
  BytesView* input_ = nullptr;
  std::uint64_t taken_size_ = 0;
  std::uint64_t read_size_ = 0;
};

WebSocketDecoder::WebSocketDecoder(std::size_t message_size_max) : message_size_max_(message_size_max) {}
WebSocketDecoder::~WebSocketDecoder() = default;
WebSocketDecoder::WebSocketDecoder(WebSocketDecoder&&) noexcept = default;
WebSocketDecoder& WebSocketDecoder::operator=(WebSocketDecoder&&) noexcept = default;

std::optional<WebSocketMessage> WebSocketDecoder::next(BytesView& input) {
  while (!is_closed()) {
    if (!reader_) {
      if (input.empty()) return std::nullopt;
      reader_ = std::make_unique<FrameReader>();
    }
    wslay_frame_iocb frame{};
    const auto outcome = reader_->read(input, frame);
    if (outcome == FrameReader::Outcome::broken) {
      fail(CloseCode::protocol_error, "a frame's length is not one that it may have");
    } else if (outcome == FrameReader::Outcome::needs_more) {
      if (reader_->is_between_frames()) reader_.reset();
      return std::nullopt;
    } else if (auto message = take_piece(Piece(frame))) {
      return message;
    }
  }
  input = {};
  return std::nullopt;
}

std::optional<WebSocketMessage> WebSocketDecoder::take_piece(const Piece& piece) {
  if (frame_offset_ == 0 && !check_frame_start(piece)) return std::nullopt;
  frame_offset_ += piece.data.size();
  if (is_control(piece.opcode)) {
    control_ += piece.data;
  } else if (!append_data(piece.data)) {
    return std::nullopt;
  }
  if (frame_offset_ < piece.frame_size) return std::nullopt;
  frame_offset_ = 0;
  reader_->end_frame(piece.frame_size);
  if (is_control(piece.opcode)) {
    end_control(piece.opcode);
  } else if (piece.is_final) {
    return end_message();
  }
  return std::nullopt;
}

bool WebSocketDecoder::check_frame_start(const Piece& piece) {
  const auto broken = [this](std::string_view rule) {
    fail(CloseCode::protocol_error, rule);
    return false;
  };
  if (!piece.is_masked) return broken("a client's frames have to be masked");
  if (piece.has_reserved_bits) return broken("a reserved bit is set, and no extension was agreed on");
  switch (piece.opcode) {
    case Opcode::ping:
    case Opcode::pong: return true;
    case Opcode::close: return piece.frame_size != 1 || broken("a close frame has half a code");
    case Opcode::continuation:
      if (kind_ == Opcode::continuation) return broken("there is no message to continue");
      break;
    case Opcode::text:
    case Opcode::binary:
      if (kind_ != Opcode::continuation) return broken("a message begins within another one");
      kind_ = piece.opcode;
      break;
    default: return broken("a frame has a reserved opcode");
  }
  if (piece.frame_size <= message_size_max_ - message_.size()) return true;
  fail(CloseCode::message_too_big, "the message is too big");
  return false;
}

bool WebSocketDecoder::append_data(std::string_view data) {
  if (close_sent_) return true;
  message_ += data;
  if (kind_ != Opcode::text || begins_utf8(message_, checked_)) return true;
  fail(CloseCode::invalid_payload, "the text is not UTF-8");
  return false;
}

std::optional<WebSocketMessage> WebSocketDecoder::end_message() {
  const auto kind = std::exchange(kind_, Opcode::continuation);
  if (close_sent_) return std::nullopt;
  if (kind == Opcode::text && checked_ != message_.size()) {
    fail(CloseCode::invalid_payload, "the text ends within a character");
    return std::nullopt;
  }
  checked_ = 0;
  return WebSocketMessage{.is_text = kind == Opcode::text, .payload = std::exchange(message_, {})};
}

void WebSocketDecoder::end_control(Opcode opcode) {
  if (opcode == Opcode::close) {
    end_close();
  } else if (opcode == Opcode::pong) {
    ++pong_count_;
  } else if (!close_sent_) {
    append_pong();
  }
  release(control_);
}

void WebSocketDecoder::end_close() {
  if (control_.empty()) {
    append_close(CloseCode::no_status, {});
    return stop(CloseCode::no_status);
  }
  const auto code = load_be<std::uint16_t>(as_bytes(control_).data());
  if (!may_be_sent(code)) return fail(CloseCode::protocol_error, "a close frame has a code that none may have");
  if (!is_utf8(std::string_view(control_).substr(kCodeSize))) {
    return fail(CloseCode::invalid_payload, "the reason of a close frame is not UTF-8");
  }
  append_close(CloseCode{code}, {});
  stop(CloseCode{code});
}

void WebSocketDecoder::append_pong() {
  if (output_.size() + head_size(control_.size()) + control_.size() > kPongsSizeMax) output_.resize(last_pong_at_);
  last_pong_at_ = output_.size();
  append_frame_head(output_, Opcode::pong, control_.size());
  output_ += control_;
}

void WebSocketDecoder::append_close(CloseCode code, std::string_view reason) {
  if (std::exchange(close_sent_, true)) return;
  output_ += as_text(encode_close(code, reason));
}

void WebSocketDecoder::close(CloseCode code, std::string_view reason) {
  append_close(code, reason);
  release(message_);
}

void WebSocketDecoder::fail(CloseCode code, std::string_view fault) {
  fault_ = fault;
  append_close(code, fault);
  stop(code);
}

void WebSocketDecoder::stop(CloseCode code) {
  close_code_ = code;
  release(message_);
  release(control_);
  reader_.reset();
}

std::size_t WebSocketDecoder::memory_size() const {
  const std::size_t inside = std::string().capacity();
  std::size_t size = reader_ ? sizeof(FrameReader) + kFrameContextSize : 0;
  for (const auto* text : {&message_, &control_, &output_})
    size += text->capacity() > inside ? text->capacity() + 1 : 0;
  return size;
}

void append_frame_head(std::string& out, Opcode opcode, std::uint64_t payload_size) {
  std::array<std::byte, kHeadSizeMax> head{};
  out += as_text({head.data(), write_head(head.data(), opcode, payload_size)});
}

Bytes encode_frame(Opcode opcode, std::string_view payload) {
  auto out = Bytes::uninitialized(head_size(payload.size()) + payload.size());
  const auto size = write_head(out.data(), opcode, payload.size());
  std::ranges::copy(as_bytes(payload), out.data() + size);
  return out;
}

Bytes encode_close(CloseCode code, std::string_view reason) {
  if (code == CloseCode::no_status) return encode_frame(Opcode::close, {});
  const auto number = static_cast<std::uint16_t>(code);
  std::string body{static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
  body += reason_that_fits(reason);
  return encode_frame(Opcode::close, body);
}

}  // namespace leat::http
