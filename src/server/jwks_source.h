#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "protocol/http/outgoing_client.h"
#include "runtime/file.h"
#include "runtime/sync.h"
#include "security/jwk.h"

namespace leat::server {

// How often a JwksSource looks.
struct JwksIntervals {
  Duration file = std::chrono::seconds(2);  // a file
  Duration url = std::chrono::minutes(10);  // a URL, while it answers
  // After a failure of a URL's, from the first to the last, each twice the one before.
  Duration retry_first = std::chrono::seconds(1);
  Duration retry_max = std::chrono::seconds(60);
  Duration asked = std::chrono::seconds(30);  // at most so often because of ask()
};

// Where the keys come from that tokens (security/jwt.h) are verified with: a file or a URL of http or https that has a JWK set, read
// again and again. What cannot be read, or used, is logged, and the keys stay as they were. Lives on shard 0.
//
// A server makes one with a callback that gives the keys to its shards, awaits start() before it listens, and stop() after
// its sessions have ended. Whoever gets a token for which security::names_unknown_key() is true calls ask().
class JwksSource {
 public:
  using Keys = std::shared_ptr<const security::JsonWebKeys>;

  // Whether it is a URL; else it is a file's path.
  [[nodiscard]] static bool is_url(std::string_view location);

  // Made on shard 0. `files` and `client` outlive it. `use` is called there with the first keys and whenever they have changed; it
  // does not wait.
  JwksSource(std::string location, runtime::FileSystem& files, http::OutgoingClient& client,
             std::function<void(Keys)> use, const JwksIntervals& intervals = {});
  JwksSource(const JwksSource&) = delete;
  JwksSource& operator=(const JwksSource&) = delete;

  // Reads the keys, and goes on reading them. A file has been used when it returns; a URL as well if it answered within
  // kUrlTimeout. Errors: a file cannot be read or used; a URL is none.
  runtime::Task<Status> start();
  // A token named a key that is not there: looks soon, if it has not done so lately because of another one. From any shard
  // between start() and stop().
  void ask();
  // Waits for what is being read: a URL at most kUrlTimeout, or until OutgoingClient::stop(). Fine without start().
  runtime::Task<> stop();

  static constexpr Duration kUrlTimeout = std::chrono::seconds(10);

  // What has been read, whether it was new or not, and failures to.
  struct Stats {
    Counter succeeded;
    Counter failed;
  };
  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  // ask(), on its way to shard 0.
  struct Asking : runtime::Work {
    explicit Asking(JwksSource& its_source) : source(its_source) {}
    JwksSource& source;
    std::atomic<bool> is_sent = false;
  };

  runtime::Task<> follow();
  runtime::Task<Status> look();
  runtime::Task<Result<std::string>> read();
  runtime::Task<Status> use(std::string text);
  void looked(const Status& outcome);
  void asked();

  const std::string location_;
  const bool is_url_;
  runtime::FileSystem& files_;
  http::OutgoingClient& client_;
  const std::function<void(Keys)> use_;
  const JwksIntervals intervals_;
  runtime::Shard& home_;

  std::string used_;     // the text of the keys that are used; empty: there are none yet
  std::string problem_;  // what was wrong the last time: it is logged once
  Duration retry_;
  MonoTime next_{};
  MonoTime next_asked_{};  // from when on ask() counts
  bool is_asked_ = false;
  bool is_stopping_ = false;
  Asking asking_{*this};
  Stats stats_;
  runtime::Notifier wake_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::server
