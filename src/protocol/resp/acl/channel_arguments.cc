#include "protocol/resp/acl/channel_arguments.h"

#include <utility>

namespace leat::resp {
namespace {

using pubsub::Kind;

constexpr std::pair<std::string_view, ChannelArguments> kKnown[] = {
    {"subscribe", {.all = true}},
    {"ssubscribe", {.all = true, .kind = Kind::shard}},
    {"psubscribe", {.all = true, .kind = Kind::pattern}},
    {"publish", {.publishes = true}},
    {"spublish", {.publishes = true, .kind = Kind::shard}},
};

}  // namespace

// Subcommands of PUBSUB have other names.
const ChannelArguments* channel_arguments(const Command& command) {
  if (!command.is(kPubsub)) return nullptr;
  for (const auto& [name, arguments] : kKnown) {
    if (command.name == name) return &arguments;
  }
  return nullptr;
}

}  // namespace leat::resp
