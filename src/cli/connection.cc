#include "cli/connection.h"

#include "cli/login.h"

#include "protocol/kafka/messages/api_versions.h"
#include "protocol/kafka/messages/header.h"

namespace leat::cli {
namespace {

using kafka::ApiKey;

constexpr std::string_view kClientId = "leat-cli";

// The last version that names topics and groups as this client does: later ones use topic ids or lists of groups.
std::int16_t wanted_max(ApiKey key, std::int16_t declared) {
  switch (key) {
    case ApiKey::kProduce: return 12;
    case ApiKey::kFetch: return 12;
    case ApiKey::kOffsetFetch: return 7;
    case ApiKey::kOffsetCommit: return 9;
    case ApiKey::kFindCoordinator: return 3;
    case ApiKey::kDeleteTopics: return 5;
    default: return declared;
  }
}

std::string_view api_name(ApiKey key) {
  for (const kafka::DeclaredApi& api : kafka::kDeclaredApis)
    if (api.key == key) return api.name;
  return "this request";
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const Address& address, Milliseconds timeout) {
  auto socket = Socket::connect(address, timeout);
  if (!socket && socket.error().code == Errc::invalid_config) return leat::fail(socket.error());
  if (!socket && socket.error().code == Errc::unsupported)
    return leat::fail(
        Errc::unsupported,
        fmt::format("no TLS with {}: {}. Is TLS spoken on that port? LEAT_CA names a file of those who vouch for "
                    "its certificate, if the system does not trust them",
                    address.to_string(), socket.error().message));
  if (!socket)
    return leat::fail(
        socket.error().code,
        fmt::format("cannot reach {}: {}. Is a server running there? Start one with `leat serve`, or name "
                    "another with --server HOST:PORT",
                    address.to_string(), socket.error().message));
  std::unique_ptr<Connection> connection(new Connection(address, std::move(*socket)));
  connection->versions_[static_cast<std::size_t>(ApiKey::kApiVersions)] = {0, 3};
  LEAT_CHECK(connection->learn_versions(timeout));
  if (!address.user.empty()) LEAT_CHECK(log_in(*connection, address.user, timeout));
  return connection;
}

Status Connection::learn_versions(Milliseconds timeout) {
  kafka::ApiVersionsRequest request;
  request.client_software_name = kClientId;
  request.client_software_version = "1";
  auto reply = call<kafka::ApiVersionsResponse>(request, timeout);
  if (!reply)
    return leat::fail(reply.error().code,
                      fmt::format("{} accepted the connection but does not speak the Kafka protocol: {}. "
                                  "Check the port, and whether TLS is spoken there (tls://HOST:PORT) or not",
                                  address_.to_string(), reply.error().message));
  if (reply->message.error_code != kafka::ErrorCode::kNone)
    return leat::fail(Errc::unsupported, fmt::format("{} refuses to tell its versions: {}", address_.to_string(),
                                                     to_string(reply->message.error_code)));
  for (const auto& api : reply->message.api_keys) {
    if (api.api_key >= 0 && static_cast<std::size_t>(api.api_key) < kApiKeys)
      versions_[static_cast<std::size_t>(api.api_key)] = {api.min_version, api.max_version};
  }
  return {};
}

Result<std::int16_t> Connection::choose_version(ApiKey key, std::int16_t version_min, std::int16_t version_max) const {
  const VersionRange& served = versions_[static_cast<std::size_t>(key)];
  const std::int16_t version = std::min({served.max, version_max, wanted_max(key, version_max)});
  if (version < std::max(served.min, version_min))
    return leat::fail(Errc::unsupported,
                      fmt::format("{} does not serve {} in a version that this client speaks (it serves {} to {})",
                                  address_.to_string(), api_name(key), served.min, served.max));
  return version;
}

void Connection::start_request(kafka::Writer& writer, ApiKey key, std::int16_t version, bool flexible) {
  kafka::RequestHeader header;
  header.request_api_key = static_cast<std::int16_t>(key);
  header.request_api_version = version;
  header.correlation_id = next_correlation_++;
  header.client_id = kClientId;
  writer.start_frame();
  encode(writer, flexible ? 2 : 1, header);
}

Status Connection::send_frame(kafka::Writer& writer, Milliseconds timeout) {
  LEAT_TRY(const Bytes frame, writer.take());
  if (const Status sent = socket_.send(frame.view(), std::chrono::steady_clock::now() + timeout); !sent)
    return leat::fail(lost(sent.error()));
  return {};
}

Result<Bytes> Connection::receive_frame(Milliseconds timeout) {
  const MonoTime deadline = std::chrono::steady_clock::now() + timeout;
  std::array<std::byte, 4> prefix;
  if (const Status received = socket_.receive(prefix, deadline); !received) return leat::fail(lost(received.error()));
  const auto size = load_be<std::uint32_t>(prefix.data());
  if (size < 4 || size > kResponseSizeMax)
    return leat::fail(lost({Errc::corrupt_message, fmt::format("an answer of {} bytes", size)}));
  Bytes frame = Bytes::uninitialized(size);
  if (const Status received = socket_.receive(frame.mutable_view(), deadline); !received)
    return leat::fail(lost(received.error()));
  return frame;
}

Status Connection::skip_header(kafka::Reader& reader, bool tagged) {
  const std::int32_t correlation = reader.i32();
  if (tagged) reader.skip_tags();
  if (!reader.ok() || correlation != expected_correlation_++)
    return leat::fail(lost({Errc::corrupt_message, "an answer to something that was not asked"}));
  return {};
}

Error Connection::lost(Error error) {
  usable_ = false;
  error.message = fmt::format("lost the connection to {}: {}", address_.to_string(), error.message);
  return error;
}

}  // namespace leat::cli
