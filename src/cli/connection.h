#pragma once

#include <array>
#include <memory>

#include "cli/socket.h"
#include "protocol/kafka/messages/api_keys.h"
#include "protocol/kafka/wire.h"

namespace leat::cli {

// An answer and the bytes that its records point into.
template <class Response>
struct Reply {
  Response message;
  Bytes bytes;
};

// One connection to one broker, for one thread. Requests may be sent ahead; answers come in the order of requests. After an
// error the connection is of no further use. Errors: timed_out, io; unsupported, when the two sides have no version of a
// request in common; corrupt_message, when an answer is malformed.
class Connection {
 public:
  static constexpr std::size_t kResponseSizeMax = std::size_t{1} << 30;

  // Connects, asks for the versions that the broker serves, and becomes the address's user, if it names one.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const Address& address, Milliseconds timeout);

  [[nodiscard]] const Address& address() const { return address_; }
  // For callers that do without send() and receive(), or wait for many connections.
  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] bool usable() const { return usable_; }

  template <class Response, class Request>
  [[nodiscard]] Result<Reply<Response>> call(const Request& request, Milliseconds timeout) {
    LEAT_TRY(const std::int16_t version, send(request, timeout));
    return receive<Response>(version, timeout);
  }

  // Returns the version that was used, which receive() of the answer needs.
  template <class Request>
  [[nodiscard]] Result<std::int16_t> send(const Request& request, Milliseconds timeout) {
    LEAT_TRY(const std::int16_t version, choose_version(Request::kApiKey, Request::kVersionMin, Request::kVersionMax));
    kafka::Writer writer;
    start_request(writer, Request::kApiKey, version, version >= Request::kFlexibleFrom);
    encode(writer, version, request);
    LEAT_CHECK(send_frame(writer, timeout));
    return version;
  }

  template <class Response>
  [[nodiscard]] Result<Reply<Response>> receive(std::int16_t version, Milliseconds timeout) {
    Reply<Response> reply;
    LEAT_TRY(reply.bytes, receive_frame(timeout));
    kafka::Reader reader(reply.bytes.view());
    const bool tagged = version >= Response::kFlexibleFrom && Response::kApiKey != kafka::ApiKey::kApiVersions;
    LEAT_CHECK(skip_header(reader, tagged));
    if (const Status decoded = decode(reader, version, reply.message); !decoded) {
      usable_ = false;
      return leat::fail(Errc::corrupt_message, fmt::format("{} sent an answer that cannot be read: {}",
                                                           address_.to_string(), decoded.error().message));
    }
    return reply;
  }

  // The last request that was sent has no answer (a produce with acks=0).
  void expect_no_answer() { ++expected_correlation_; }

  // The greatest version that both sides know and that this client wants to speak.
  [[nodiscard]] Result<std::int16_t> choose_version(kafka::ApiKey key, std::int16_t version_min,
                                                    std::int16_t version_max) const;

 private:
  struct VersionRange {
    std::int16_t min = 0;
    std::int16_t max = -1;
  };

  Connection(Address address, Socket socket) : address_(std::move(address)), socket_(std::move(socket)) {}
  [[nodiscard]] Status learn_versions(Milliseconds timeout);
  void start_request(kafka::Writer& writer, kafka::ApiKey key, std::int16_t version, bool flexible);
  [[nodiscard]] Status send_frame(kafka::Writer& writer, Milliseconds timeout);
  [[nodiscard]] Result<Bytes> receive_frame(Milliseconds timeout);
  [[nodiscard]] Status skip_header(kafka::Reader& reader, bool tagged);
  [[nodiscard]] Error lost(Error error);

  static constexpr std::size_t kApiKeys = 128;
  Address address_;
  Socket socket_;
  std::array<VersionRange, kApiKeys> versions_{};
  std::int32_t next_correlation_ = 0;
  std::int32_t expected_correlation_ = 0;
  bool usable_ = true;
};

}  // namespace leat::cli
