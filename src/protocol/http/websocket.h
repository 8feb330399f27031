#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

// WebSocket messages (RFC 6455 sections 5 to 7) from and to bytes, as a server has them: what comes is masked, what goes
// is not. No extension is spoken. The handshake is in websocket_handshake.h.
namespace leat::http {

// RFC 6455 section 11.8.
enum class Opcode : std::uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA };

// RFC 6455 section 7.4.1 and IANA's registry. Clients may send others: 3000 to 4999 belong to libraries and applications.
enum class CloseCode : std::uint16_t {
  none = 0,  // still open
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // a close frame without a code; on the wire it is an empty body
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  internal_error = 1011,
  try_again_later = 1013,
};

struct WebSocketMessage {
  bool is_text = false;  // then the payload is UTF-8
  std::string payload;
};

// Reads what one client sends, puts fragments together and answers pings and closes. While nothing is half read it owns
// no memory but itself.
class WebSocketDecoder {
 public:
  static constexpr std::size_t kMessageSizeMax = std::size_t{1} << 20;
  // Of pongs that wait in the output; beyond, the last one gives way to the next (RFC 6455 section 5.5.3).
  static constexpr std::size_t kPongsSizeMax = std::size_t{4} << 10;

  // Messages above that many bytes end the connection with message_too_big, before memory is taken for them.
  explicit WebSocketDecoder(std::size_t message_size_max = kMessageSizeMax);
  ~WebSocketDecoder();
  WebSocketDecoder(WebSocketDecoder&&) noexcept;
  WebSocketDecoder& operator=(WebSocketDecoder&&) noexcept;
  WebSocketDecoder(const WebSocketDecoder&) = delete;
  WebSocketDecoder& operator=(const WebSocketDecoder&) = delete;

  // The next message. Takes bytes from the front of `input` (also some behind the message, which it keeps); call it until
  // it returns nullopt: then all of `input` is taken. A caller that has to pause may do so between messages, and resume
  // with what is left of `input`, even if that is nothing.
  [[nodiscard]] std::optional<WebSocketMessage> next(BytesView& input);

  // What is to be sent: pongs, and at the end a close frame. Empty when there is nothing. It is small: at most
  // kPongsSizeMax and two frames, however long nobody takes it.
  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }

  // Puts a close frame into the output, unless there was one. What the client still sends is read and dropped until it
  // closes too; nothing may be sent after that output. For `reason` see encode_close().
  void close(CloseCode code, std::string_view reason);

  // Nothing more is read: the client closed, or broke the rules. Close the connection once the output is sent.
  [[nodiscard]] bool is_closed() const { return close_code_ != CloseCode::none; }
  // Why it is closed: the client's code, or what it was told if it broke the rules; none while it is open.
  [[nodiscard]] CloseCode close_code() const { return close_code_; }
  // Which rule the client broke; empty when it broke none.
  [[nodiscard]] std::string_view fault() const { return fault_; }

  // Pongs that arrived so far, asked for or not.
  [[nodiscard]] std::uint64_t pong_count() const { return pong_count_; }
  // Bytes of the heap that the decoder holds, for whoever limits them.
  [[nodiscard]] std::size_t memory_size() const;

 private:
  class FrameReader;
  struct Piece;

  std::optional<WebSocketMessage> take_piece(const Piece& piece);
  bool check_frame_start(const Piece& piece);
  bool append_data(std::string_view data);
  std::optional<WebSocketMessage> end_message();
  void end_control(Opcode opcode);
  void end_close();
  void append_pong();
  void append_close(CloseCode code, std::string_view reason);
  void fail(CloseCode code, std::string_view fault);
  void stop(CloseCode code);

  std::unique_ptr<FrameReader> reader_;  // only within a frame
  std::string message_;                  // what there is of it
  std::string control_;                  // the body of a control frame, as far as it is there
  std::string output_;
  std::string_view fault_;  // outlives everything
  std::size_t message_size_max_;
  std::size_t checked_ = 0;         // bytes of message_ that are whole characters
  std::uint64_t frame_offset_ = 0;  // payload bytes of the current frame that were read
  std::size_t last_pong_at_ = 0;    // in output_
  std::uint64_t pong_count_ = 0;
  CloseCode close_code_ = CloseCode::none;
  Opcode kind_ = Opcode::continuation;  // of the message; continuation: there is none
  bool close_sent_ = false;
};

// The head of a final, unmasked frame; `payload_size` bytes have to follow it.
void append_frame_head(std::string& out, Opcode opcode, std::uint64_t payload_size);
// A whole frame in one block, which many connections may share.
[[nodiscard]] Bytes encode_frame(Opcode opcode, std::string_view payload);
// A close frame. Of `reason`, which is UTF-8, the first 123 bytes are sent, less a character that would be cut.
// no_status sends neither code nor reason.
[[nodiscard]] Bytes encode_close(CloseCode code, std::string_view reason);

}  // namespace leat::http
