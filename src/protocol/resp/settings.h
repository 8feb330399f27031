#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "keyspace/eviction.h"
#include "protocol/resp/output_limits.h"
#include "protocol/resp/parser.h"
#include "runtime/task.h"

namespace leat::security {
class Policies;
struct Account;
}  // namespace leat::security

namespace leat::resp {

// What is promised of a database's changes.
enum class Durability : std::uint8_t {
  none,      // nothing: they are gone after a restart
  interval,  // journalled before the reply: they survive the end of the process, and a power loss but for the last second
  commit,    // on the disk before the reply
};

// What the operator sets and CONFIG SET may change. Belongs to the executor's shard.
struct Settings {
  std::uint32_t databases = 16;
  std::vector<Durability> durability;  // of each database
  std::uint64_t memory_max = 0;        // bytes of data and clients' buffers; 0: no limit
  keyspace::EvictionPolicy eviction = keyspace::EvictionPolicy::noeviction;
  std::size_t connections_max = 10'000;
  std::size_t local_calls_max = 10'000;  // under way at once: see LocalCommands
  std::string password;                  // of the default user; empty: none is asked for
  // leat's users and grants, which hold here too from the first user on; nullptr: there are none.
  std::shared_ptr<security::Policies> policies;
  // How they are changed: PolicyService::change_account. Empty only if there are none.
  using AccountChange = std::function<Status(security::Account&)>;
  std::function<runtime::Task<Result<security::Account>>(std::string name, AccountChange change)> change_account;
  std::uint32_t event_classes = 0;
  OutputLimits output_limits;
  SlowSubscriber slow_subscriber = SlowSubscriber::disconnect;
  std::size_t tracking_keys_max = 1'000'000;  // that are remembered for clients that cache; 0: no limit
  std::function<void()> request_stop;         // ends the process in order (SHUTDOWN); empty: it cannot be ended so
  ParserLimits limits;
  std::uint32_t idle_seconds_max = 0;       // then a client is cut off that sends nothing; 0: never
  Milliseconds busy_reply_threshold{5000};  // a script that takes longer lets others be told so; 0: never
};

}  // namespace leat::resp
