#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

#include "observe/metrics_page.h"
#include "runtime/file.h"
#include "runtime/network.h"
#include "runtime/sync.h"
#include "security/tls_endpoint.h"
#include "server/config/config.h"

namespace leat::server {

// The listeners that speak TLS, and the one certificate that they share: read at the start, on SIGHUP, and when its files
// have changed. Connections keep the certificate that they began with. On one shard.
class TlsListeners {
 public:
  // `config` outlives it.
  TlsListeners(const ServerConfig& config, runtime::FileSystem& files, std::size_t shards);

  // Reads the certificate if a listener needs one, and watches it from then on. Errors name the file that is wrong.
  runtime::Task<Status> start();
  // Reads the certificate again now. One that cannot be used is logged and changes nothing.
  void reload();
  runtime::Task<> stop();

  // `listener` itself, unless `wanted` is to speak TLS.
  [[nodiscard]] std::unique_ptr<runtime::Listener> wrap(std::unique_ptr<runtime::Listener> listener,
                                                        const ListenerConfig& wanted);
  void collect(observe::MetricsPage& page) const;

 private:
  // What tells one content of the two files from another.
  struct FileStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
  };
  using Stamp = std::array<FileStamp, 3>;
  [[nodiscard]] Stamp stamps() const;
  static FileStamp stamp_of(const std::string& path);

  runtime::Task<Status> load();
  runtime::Task<> watch();
  runtime::Task<> look(bool is_asked);

  const ServerConfig& config_;
  runtime::FileSystem& files_;
  std::size_t shards_;
  std::shared_ptr<const security::TlsContext> context_;
  std::deque<security::TlsEndpoint> endpoints_;
  Stamp seen_{};
  Stamp loaded_{};
  std::uint64_t reloads_ = 0;
  std::uint64_t failed_reloads_ = 0;
  runtime::TaskScope tasks_;
  runtime::Notifier wake_;
  bool is_asked_ = false;
  bool is_stopping_ = false;
};

}  // namespace leat::server
