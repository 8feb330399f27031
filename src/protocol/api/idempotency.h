#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "protocol/http/message.h"
#include "runtime/sync.h"

namespace leat::api {

// The answers of requests that came with an idempotency key, for those who send the same request again. Each key has one home
// shard; everything is called there. What is remembered goes with the process, and before, oldest first, above its limits.
class IdempotencyStore {
 public:
  static constexpr std::size_t kEntriesMax = 50'000;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;  // an answer above it is forgotten at once
  static constexpr Milliseconds kFor{3'600'000};

  struct Stored {
    int status = 200;
    std::string body;
    std::string content_type;
    http::Headers headers;
  };
  enum class Claim : std::uint8_t {
    first,     // go on, and call complete() or abandon()
    answered,  // it was done: `stored`
    differs,   // another request has this key
    busy,      // the first one is still under way, after a while
  };
  struct Claimed {
    Claim claim = Claim::first;
    std::shared_ptr<const Stored> stored;
  };

  IdempotencyStore() = default;
  IdempotencyStore(const IdempotencyStore&) = delete;
  IdempotencyStore& operator=(const IdempotencyStore&) = delete;

  // `key`: with whom it belongs to. `fingerprint`: of what is asked for. Waits while the first one is under way.
  runtime::Task<Claimed> claim(std::string key, std::string fingerprint);
  void complete(const std::string& key, std::shared_ptr<const Stored> stored);
  // The request was not done: another one may try.
  void abandon(const std::string& key);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string fingerprint;
    std::shared_ptr<const Stored> stored;  // nullptr: under way
    std::uint64_t number = 0;
  };
  struct Age {
    MonoTime until;
    std::string key;
    std::uint64_t number = 0;
  };
  void forget_old();

  std::map<std::string, Entry> entries_;
  std::deque<Age> ages_;  // of answers
  std::size_t bytes_ = 0;
  std::uint64_t last_number_ = 0;
  runtime::Notifier done_;
};

}  // namespace leat::api
