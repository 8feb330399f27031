#include "protocol/resp/acl/wants.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/resp/acl/channel_arguments.h"
#include "protocol/resp/key_finder.h"

namespace leat::resp {
namespace {

// What neither categories nor flags tell.
constexpr std::pair<std::string_view, Want> kExceptions[] = {
    // Harmless, though of commands that are not.
    {"acl|cat", Want::nothing},
    {"acl|genpass", Want::nothing},
    {"acl|whoami", Want::nothing},
    {"lolwut", Want::nothing},
    {"punsubscribe", Want::nothing},
    {"sunsubscribe", Want::nothing},
    {"time", Want::nothing},
    {"unsubscribe", Want::nothing},
    // Where the server is: clients of clusters ask for it before anything else.
    {"cluster|info", Want::nothing},
    {"cluster|keyslot", Want::nothing},
    {"cluster|links", Want::nothing},
    {"cluster|myid", Want::nothing},
    {"cluster|nodes", Want::nothing},
    {"cluster|shards", Want::nothing},
    {"cluster|slots", Want::nothing},
    // What they tell or do is more than it seems.
    {"client|tracking", Want::broadcasts},
    {"cluster|countkeysinslot", Want::every_key},
    {"cluster|getkeysinslot", Want::every_key},
    {"keys", Want::every_key},
    {"migrate", Want::alter_cluster},
    {"pubsub|numsub", Want::known_channels},
    {"pubsub|shardnumsub", Want::known_channels},
    {"script|exists", Want::some_key},
    {"script|load", Want::some_key},
    {"watch", Want::watched_keys},
    // Of those for administrators, they only tell.
    {"client|list", Want::describe_cluster},
    {"cluster|count-failure-reports", Want::describe_cluster},
    {"cluster|replicas", Want::describe_cluster},
    {"cluster|slaves", Want::describe_cluster},
    {"config|get", Want::describe_cluster},
    {"function|dump", Want::describe_cluster},
    {"function|list", Want::describe_cluster},
    {"function|stats", Want::describe_cluster},
    {"info", Want::describe_cluster},
    {"lastsave", Want::describe_cluster},
    {"latency|doctor", Want::describe_cluster},
    {"latency|graph", Want::describe_cluster},
    {"latency|histogram", Want::describe_cluster},
    {"latency|history", Want::describe_cluster},
    {"latency|latest", Want::describe_cluster},
    {"memory|doctor", Want::describe_cluster},
    {"memory|malloc-stats", Want::describe_cluster},
    {"memory|stats", Want::describe_cluster},
    {"module|list", Want::describe_cluster},
    {"role", Want::describe_cluster},
    {"slowlog|get", Want::describe_cluster},
    {"slowlog|len", Want::describe_cluster},
};

Want derived(const RuledCommand& ruled) {
  const Command& command = *ruled.command;
  const auto is_of = [&](std::uint32_t categories) { return (ruled.categories & categories) != 0; };
  if (ruled.container != nullptr && command.name == "help") return Want::nothing;
  if (command.group == "locks") return Want::locks;
  if (channel_arguments(command) != nullptr) return Want::channels;
  if (is_of(kAdminCategory)) return Want::alter_cluster;
  if (is_of(kConnection | kTransaction)) return Want::nothing;
  if (has_keys(command)) return is_of(kScripting) ? Want::some_key : Want::keys;
  if (is_of(kPubsubCategory)) return Want::every_channel;
  return is_of(kRead) && !is_of(kDangerous) ? Want::every_key : Want::alter_cluster;
}

// Of all commands, by their ids.
std::vector<Want> all_wants() {
  std::vector<Want> wants;
  for (const RuledCommand& command : ruled_commands()) wants.push_back(want_of(command));
  return wants;
}

}  // namespace

std::string_view to_string(Want want) {
  switch (want) {
    case Want::nothing: return "nothing";
    case Want::keys: return "keys";
    case Want::watched_keys: return "watched keys";
    case Want::every_key: return "every key";
    case Want::broadcasts: return "broadcasts";
    case Want::some_key: return "some key";
    case Want::locks: return "locks";
    case Want::channels: return "channels";
    case Want::known_channels: return "known channels";
    case Want::every_channel: return "every channel";
    case Want::describe_cluster: return "describe cluster";
    case Want::alter_cluster: return "alter cluster";
  }
  return "unknown";
}

Want want_of(const RuledCommand& command) {
  const auto found = std::ranges::find(kExceptions, command.name, &std::pair<std::string_view, Want>::first);
  return found != std::end(kExceptions) ? found->second : derived(command);
}

Want want_of(const Command& command) {
  static const std::vector<Want> wants = all_wants();
  const auto id = ruled_command_id(command);
  return id ? wants[*id] : Want::alter_cluster;
}

}  // namespace leat::resp
