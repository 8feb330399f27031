#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "security/tls_socket.h"

namespace leat::security {

// Makes the TLS connections of one listener. Lives as long as the listener; the connections share what they need.
class TlsEndpoint {
 public:
  TlsEndpoint(const std::string& name, bool answers_http, std::size_t shards);

  // The certificate of connections from now on. From any thread.
  void use(std::shared_ptr<const TlsContext> context) { context_.store(std::move(context)); }
  // On the shard that the connection belongs to.
  [[nodiscard]] std::unique_ptr<runtime::Socket> wrap(std::unique_ptr<runtime::Socket> socket);

  [[nodiscard]] const std::string& name() const { return shards_.front()->name; }
  // Of all shards, from any thread.
  [[nodiscard]] std::uint64_t completed() const;
  [[nodiscard]] std::uint64_t failed() const;

 private:
  std::atomic<std::shared_ptr<const TlsContext>> context_;
  std::vector<std::shared_ptr<TlsShard>> shards_;
};

// A listener whose connections speak TLS. `endpoint` outlives it and what it accepted, and has a context.
[[nodiscard]] std::unique_ptr<runtime::Listener> make_tls_listener(std::unique_ptr<runtime::Listener> inner,
                                                                   TlsEndpoint& endpoint);

}  // namespace leat::security
