#include "base/json_text.h"
#include "protocol/aws/run.h"
#include "protocol/http/message.h"
#include "protocol/sns/model.h"

// SNS's Query shapes, whose lists and maps are not flattened, on any bytes: whatever is read can be written in both forms,
// and JSON is then read the same.
namespace {

using namespace leat::sns;
using namespace leat::aws;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

template <class Input>
void read(std::string_view action, Input input, const std::vector<Parameter>& parameters, Arena& arena) {
  const auto message = std::ranges::find(messages(), action, &Message::action);
  require(message != messages().end());
  const Shape& shape = message->input;
  const Form form{.is_json = false, .json = {}, .parameters = parameters, .path = "/"};
  Input checked;
  const bool is_whole = decode_input(shape, &checked, form, arena).has_value();
  const bool is_read = decode_query(shape, &input, parameters, arena).has_value();
  require(is_read || !is_whole);
  if (!is_read) return;
  std::string xml;
  encode_xml(shape, &input, xml);
  require(leat::is_utf8(xml));
  std::string json;
  encode_json(shape, &input, json);
  json.reserve(json.size() + leat::http::HttpRequest::kBodyPadding);
  Arena other;
  Input again;
  require(decode_json(shape, &again, json, other).has_value());
  std::string json_again;
  encode_json(shape, &again, json_again);
  require(json == json_again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Arena arena;
  std::vector<Parameter> parameters;
  if (!parse_form({reinterpret_cast<const char*>(data), size}, arena, parameters)) return 0;
  read("CreateTopic", CreateTopicInput(), parameters, arena);
  read("Subscribe", SubscribeInput(), parameters, arena);
  read("Publish", PublishInput(), parameters, arena);
  read("PublishBatch", PublishBatchInput(), parameters, arena);
  read("SetSubscriptionAttributes", SetSubscriptionAttributesInput(), parameters, arena);
  read("TagResource", TagResourceInput(), parameters, arena);
  read("UntagResource", UntagResourceInput(), parameters, arena);
  return 0;
}
