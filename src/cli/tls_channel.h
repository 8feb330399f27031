#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "security/tls_engine.h"

namespace leat::cli {

// TLS over a connected, non-blocking descriptor, which stays the caller's. It trusts whom LEAT_CA says (a PEM file), or whom the
// system trusts, and shows LEAT_CLIENT_CERTIFICATE with LEAT_CLIENT_KEY (or the key in the same file), if that is set. Errors: io; invalid_config, of
// those files; unsupported, when the two ends do not agree or trust each other. After an error it is of no further use.
class TlsChannel {
 public:
  // A connection to that host.
  [[nodiscard]] static Result<std::unique_ptr<TlsChannel>> make(int descriptor, const std::string& host);

  // Goes on with the handshake: true once it is done, false while the descriptor has to be waited for.
  [[nodiscard]] Result<bool> handshake();
  // Takes a piece of the first parts, unless what it took before has not gone out: 0. It goes out at once, or later.
  [[nodiscard]] Result<std::size_t> send_some(std::span<const BytesView> parts);
  [[nodiscard]] bool has_output() const { return !output_.empty(); }
  // Some of what has come, or nothing: nullopt. 0 at the end of the stream.
  [[nodiscard]] Result<std::optional<std::size_t>> receive_some(MutableBytes into);
  // Whether receive_some() may have something although the descriptor is not readable.
  [[nodiscard]] bool has_input() const { return engine_.has_input(); }

 private:
  TlsChannel(int descriptor, std::shared_ptr<const security::TlsContext> context, const std::string& host)
      : descriptor_(descriptor), engine_(std::move(context), host) {}
  // Sends on, as far as the descriptor takes it.
  [[nodiscard]] Status flush();
  // What has come goes to the engine, which has nothing left: how much, as above.
  [[nodiscard]] Result<std::optional<std::size_t>> fill();

  int descriptor_;
  security::TlsEngine engine_;
  Bytes output_;  // from output_begin_ on; empty once all of it went out
  std::size_t output_begin_ = 0;
  Bytes input_;
  Bytes piece_;
};

}  // namespace leat::cli
