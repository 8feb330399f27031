#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "keyspace/keyspace.h"
#include "protocol/resp/acl/user.h"

namespace leat::resp {

// What was not allowed, the latest first (https://redis.io/commands/acl-log/).
class AclLog {
 public:
  struct Entry {
    std::string reason;   // command, key, channel, auth
    std::string context;  // toplevel, multi, lua
    std::string object;
    std::string user;
    std::string client;  // as CLIENT LIST has it
    std::uint64_t count = 1;
    keyspace::Millis time = 0;
  };

  // One that is like a recent one is counted with it.
  void add(Entry entry);
  void clear() { entries_.clear(); }
  [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::size_t size_max() const { return size_max_; }
  void set_size_max(std::size_t most);

 private:
  std::deque<Entry> entries_;
  std::size_t size_max_ = 128;
};

}  // namespace leat::resp
