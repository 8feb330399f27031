#include <cstdio>
#include <cstdlib>

#include "protocol/resp/topic_channels.h"

// Any name behind topic: is refused or understood, and what was understood is named so that it is understood as the same.
namespace leat::resp {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

std::string name_of(const TopicChannel& channel) {
  std::string name = "topic:" + channel.topic;
  if (channel.start.earliest) return name + "@earliest";
  char separator = '@';
  for (const auto& [partition, offset] : channel.start.offsets) {
    name += fmt::format("{}{}:{}", separator, partition, offset);
    separator = ',';
  }
  return name;
}

void check(std::string_view input) {
  const std::string name = "topic:" + std::string(input);
  must(is_topic_channel(name), "it names a topic");
  const auto channel = parse_topic_channel(name);
  if (!channel) {
    must(channel.error().code == Errc::invalid_argument, "a name can only be wrong");
    return;
  }
  must(!channel->topic.empty() && channel->topic.find('@') == std::string::npos, "the topic has a name");
  must(!channel->start.earliest || channel->start.offsets.empty(), "earliest says it all");
  for (const auto& [partition, offset] : channel->start.offsets)
    must(partition >= 0 && offset >= 0, "positions are not negative");
  const auto again = parse_topic_channel(name_of(*channel));
  must(again.has_value() && again->topic == channel->topic && again->start.earliest == channel->start.earliest &&
           again->start.offsets == channel->start.offsets,
       "it is understood the same way again");
}

}  // namespace
}  // namespace leat::resp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leat::resp::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
