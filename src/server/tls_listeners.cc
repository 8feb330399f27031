#include "server/tls_listeners.h"

#include <sys/stat.h>

#include "base/logging.h"
#include "runtime/call.h"

namespace leat::server {
namespace {

using runtime::Task;

constexpr Duration kWatchInterval = std::chrono::seconds(2);

bool is_open_to_others(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && (found.st_mode & S_IRWXO) != 0;
}

}  // namespace

TlsListeners::TlsListeners(const ServerConfig& config, runtime::FileSystem& files, std::size_t shards)
    : config_(config), files_(files), shards_(shards) {}

Task<Status> TlsListeners::start() {
  if (std::ranges::none_of(config_.listeners, &ListenerConfig::is_tls)) co_return Status{};
  loaded_ = co_await runtime::run_blocking([this] { return stamps(); });
  seen_ = loaded_;
  auto loaded = co_await load();
  if (!loaded) {
    co_return fail(loaded.error().code, fmt::format("TLS: {} (tls.certificate, tls.key)", loaded.error().message));
  }
  tasks_.spawn(watch());
  co_return Status{};
}

void TlsListeners::reload() {
  is_asked_ = true;
  wake_.notify_all();
}

Task<> TlsListeners::stop() {
  is_stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
}

std::unique_ptr<runtime::Listener> TlsListeners::wrap(std::unique_ptr<runtime::Listener> listener,
                                                      const ListenerConfig& wanted) {
  if (!wanted.is_tls) return listener;
  const auto name = fmt::format("{}={}:{}", protocol_name(wanted.protocol, true), wanted.host, listener->port());
  auto& endpoint = endpoints_.emplace_back(name, wanted.protocol != ListenerProtocol::kafka, shards_);
  endpoint.use(context_);
  return security::make_tls_listener(std::move(listener), endpoint);
}

void TlsListeners::collect(observe::MetricsPage& page) const {
  if (!context_) return;
  for (const auto& endpoint : endpoints_) {
    const auto add = [&](std::string_view outcome, std::uint64_t count) {
      page.counter("leat_tls_handshakes_total", "TLS handshakes, by how they ended.",
                   {{"listener", endpoint.name()}, {"outcome", outcome}}, static_cast<double>(count));
    };
    add("completed", endpoint.completed());
    add("failed", endpoint.failed());
  }
  page.counter("leat_tls_certificate_reloads_total", "Times the certificate was read again.", {{"outcome", "used"}},
               static_cast<double>(reloads_));
  page.counter("leat_tls_certificate_reloads_total", "Times the certificate was read again.", {{"outcome", "refused"}},
               static_cast<double>(failed_reloads_));
  page.gauge("leat_tls_certificate_end_timestamp_seconds", "When the certificate ends, in seconds since 1970.", {},
             static_cast<double>(context_->not_after().value()) / 1000);
}

TlsListeners::Stamp TlsListeners::stamps() const {
  return {stamp_of(config_.tls.certificate), stamp_of(config_.tls.key), stamp_of(config_.tls.client_ca)};
}

TlsListeners::FileStamp TlsListeners::stamp_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, found.st_size,
          static_cast<std::int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec};
}

Task<Status> TlsListeners::load() {
  const std::string& key = config_.tls.key;
  auto read = co_await runtime::run_blocking([this] {
    return security::TlsContext::load(files_, config_.tls.certificate, config_.tls.key,
                                      {config_.tls.client_ca, config_.tls.require_client_certificate});
  });
  if (!read) co_return fail(read.error());
  const bool is_open = co_await runtime::run_blocking([&key] { return is_open_to_others(key); });
  if (is_open) log_warning("tls", "the key in {} can be read by everyone on this machine: chmod o= {}", key, key);
  context_ = std::move(*read);
  const std::int64_t left_ms = context_->not_after() - runtime::Shard::current().wall_now();
  log_info("tls", "the certificate is that of {}, for {} more days", context_->subject(), left_ms / 86'400'000);
  if (left_ms <= 0) log_warning("tls", "the certificate in {} has ended: clients refuse it", config_.tls.certificate);
  for (auto& endpoint : endpoints_) endpoint.use(context_);
  co_return Status{};
}

Task<> TlsListeners::watch() {
  while (!is_stopping_) {
    (void)co_await wake_.wait_until(runtime::Shard::current().now() + kWatchInterval);
    if (!is_stopping_) co_await look(std::exchange(is_asked_, false));
  }
}

Task<> TlsListeners::look(bool is_asked) {
  const Stamp found = co_await runtime::run_blocking([this] { return stamps(); });
  // Whoever writes the two files needs a while: they are read once they stay the same.
  const bool has_settled = found == std::exchange(seen_, found);
  if (!is_asked && (found == loaded_ || !has_settled)) co_return;
  loaded_ = found;
  const Status loaded = co_await load();
  if (loaded) {
    ++reloads_;
  } else {
    ++failed_reloads_;
    log_warning("tls", "the certificate stays as it was: {}", loaded.error().message);
  }
}

}  // namespace leat::server
