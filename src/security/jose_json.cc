#include "security/jose_json.h"

namespace leat::security {

using Json = nlohmann::json;

std::optional<Json> parse_jose_object(std::string_view text) {
  std::set<std::string, std::less<>> names;
  bool is_unique = true;
  const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) {
      is_unique = names.insert(parsed.get_ref<const std::string&>()).second && is_unique;
    }
    return true;
  };
  auto parsed = Json::parse(text, look, false);
  if (!is_unique || !parsed.is_object()) return std::nullopt;
  return parsed;
}

const std::string* text_member(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace leat::security
