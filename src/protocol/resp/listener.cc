#include "protocol/resp/listener.h"

#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

std::string formatted(const pubsub::Message& message, Protocol protocol) {
  std::string text;
  text.reserve(message.pattern.size() + message.channel.size() + message.payload.size() + 64);
  Reply reply(text, protocol);
  const bool by_pattern = message.kind == pubsub::Kind::pattern;
  reply.push(by_pattern ? 4 : 3);
  reply.bulk(by_pattern ? "pmessage" : message.kind == pubsub::Kind::shard ? "smessage" : "message");
  if (by_pattern) reply.bulk(message.pattern);
  reply.bulk(message.channel);
  reply.bulk(message.payload);
  return text;
}

}  // namespace

void Listener::deliver(const pubsub::Message& message) {
  std::string& text = message.formats[client_.protocol == Protocol::resp3 ? 1 : 0];
  if (text.empty()) text = formatted(message, client_.protocol);
  client_.executor().outputs().push_message(client_, text);
}

}  // namespace leat::resp
