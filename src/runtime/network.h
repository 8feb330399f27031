#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/chain.h"
#include "runtime/task.h"

namespace leat::runtime {

// A connected TCP socket. Belongs to one shard, which alone uses it: at most one read and one write at a time.
class Socket {
 public:
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  virtual ~Socket() = default;

  // Waits for bytes and reads at least one; 0 at the end of the peer's stream. Errors: cancelled after close(), io.
  [[nodiscard]] virtual Task<Result<std::size_t>> read_some(MutableBytes into) = 0;
  // Waits for bytes and reads what is there into memory of the shard that the next such read, of any socket, overwrites:
  // for connections that wait long and shall hold no block while they do. Empty at the end of the peer's stream; errors
  // as above.
  [[nodiscard]] virtual Task<Result<BytesView>> read_shared() = 0;
  // Reads exactly into.size() bytes. False when the peer's stream ends before the first byte; io when it ends later.
  [[nodiscard]] Task<Result<bool>> read_exactly(MutableBytes into);
  // Writes all of the chain, file ranges by sendfile. `chain` outlives the await. Errors: cancelled, io (also when a
  // file is shorter than its range: then the stream is broken and must be closed).
  [[nodiscard]] virtual Task<Status> write(const Chain& chain) = 0;
  // Writes what goes out at once, and returns how many bytes did: none too when that is not possible, or an error, which the
  // next write tells. Not while a write is under way.
  [[nodiscard]] virtual std::size_t write_at_once(BytesView bytes) = 0;
  // Ends both directions; what waits returns `cancelled`. May be called twice.
  virtual void close() = 0;
  // "address:port" of the other end.
  [[nodiscard]] virtual std::string peer() const = 0;
  // Whether nobody between the two ends can read or change what they send.
  [[nodiscard]] virtual bool is_secure() const { return false; }
  // Whom the other end's certificate names, once something was read; empty: it showed none.
  [[nodiscard]] virtual std::string_view certified_name() const { return {}; }
  // When that certificate ends.
  [[nodiscard]] virtual Timestamp certified_until() const { return kNoTimestamp; }
};

// A connection that was accepted and not yet given to a shard. Movable between threads.
class Accepted {
 public:
  virtual ~Accepted() = default;
  // Binds it to the current shard.
  [[nodiscard]] virtual std::unique_ptr<Socket> attach() = 0;
};

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  // Waits for a connection. Errors: cancelled after close(); io when the process is out of descriptors (try again later).
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Accepted>>> accept() = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

// One shard's way to the network.
class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  // Listens on a numeric address or host name; port 0 lets the system choose. Error: exists (in use), invalid_argument.
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) = 0;
  // Connects to one of the host's addresses; an attempt to reach one is given up after `patience`. Finding the addresses of a
  // name takes what it takes. Errors: invalid_argument (of the name), timed_out, io.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Socket>>> connect(const std::string& host, std::uint16_t port,
                                                                      Duration patience) = 0;
  // The same, for as long as the system tries.
  [[nodiscard]] Task<Result<std::unique_ptr<Socket>>> connect(const std::string& host, std::uint16_t port);
};

}  // namespace leat::runtime
