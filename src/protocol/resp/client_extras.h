#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "protocol/resp/client.h"
#include "protocol/resp/listener.h"

namespace leat::resp {

// What a client asked for with CLIENT TRACKING ON (https://redis.io/commands/client-tracking/).
struct TrackingState {
  std::uint64_t redirect = 0;  // the client that gets the messages; 0: itself
  bool redirect_is_broken = false;
  bool broadcasts = false;
  bool opts_in = false;
  bool opts_out = false;
  bool skips_own = false;
  bool caching = false;            // CLIENT CACHING, for the next command
  std::set<std::string> prefixes;  // when it broadcasts; "" for all keys
};

// The part of a client's state that few clients have.
struct ClientExtras {
  std::unique_ptr<Listener> listener;       // nullptr: no subscriptions
  std::unique_ptr<TrackingState> tracking;  // nullptr: off
  std::unique_ptr<StoredCommand> held;      // waits for the end of a pause
  bool monitors = false;
  std::string library_name;  // CLIENT SETINFO
  std::string library_version;
  // Bytes sent without being asked for, in all, and how many of them when it last had taken all of its output.
  std::uint64_t pushed = 0;
  std::uint64_t pushed_and_taken = 0;
};

}  // namespace leat::resp
