#pragma once

#include <string>
#include <string_view>

#include "protocol/http/message.h"
#include "protocol/aws/json_codec.h"
#include "protocol/sqs/model.h"
#include "protocol/aws/query_codec.h"

// Decoding any action's input from fuzzed bytes, for the fuzz targets of both codecs.
namespace leat::sqs::fuzz {

using aws::decode_json;
using aws::encode_json;
using aws::encode_xml;

inline const Message* find_message(std::string_view action) {
  const auto found = std::ranges::find(messages(), action, &Message::action);
  return found == messages().end() ? nullptr : &*found;
}

inline void require(bool condition) {
  if (!condition) __builtin_trap();
}

// What an input of an action looks like again in JSON and in XML; a decoded input can always be written.
template <class Input>
void write_again(const Shape& shape, const Input& input) {
  std::string json;
  encode_json(shape, &input, json);
  std::string xml;
  encode_xml(shape, &input, xml);
  // What was written is read again as it was.
  json.reserve(json.size() + http::HttpRequest::kBodyPadding);
  Arena arena;
  Input again;
  require(decode_json(shape, &again, json, arena).has_value());
  std::string json_again;
  encode_json(shape, &again, json_again);
  require(json == json_again);
}

// The inputs that hold every kind of field.
template <class Read>
void read_each(const Read& read) {
  read(find_message("SendMessageBatch")->input, SendMessageBatchInput());
  read(find_message("SendMessage")->input, SendMessageInput());
  read(find_message("ReceiveMessage")->input, ReceiveMessageInput());
  read(find_message("CreateQueue")->input, CreateQueueInput());
  read(find_message("AddPermission")->input, AddPermissionInput());
}

}  // namespace leat::sqs::fuzz
