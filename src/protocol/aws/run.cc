#include "protocol/aws/run.h"

namespace leat::aws {
namespace {

std::unexpected<Fault> missing(std::string_view parameter) {
  return refuse(ErrorCode::missing_parameter, fmt::format("The request must contain the parameter {}.", parameter));
}

// Whether everything is there that must be; `prefix` leads to the object.
Outcome<> check_required(const Shape& shape, const void* object, std::string_view prefix) {
  for (const Field& field : shape.fields) {
    const void* value = field.in(object);
    bool is_there = true;
    if (field.kind == Kind::text) is_there = !static_cast<const std::string_view*>(value)->empty();
    if (field.kind == Kind::integer) is_there = static_cast<const std::optional<std::int64_t>*>(value)->has_value();
    if (field.size != nullptr) is_there = field.size(value) > 0;
    if (field.is_required && !is_there) return missing(fmt::format("{}{}", prefix, field.name));
    if (field.kind != Kind::structs) continue;
    for (std::size_t i = 0; i < field.size(value); ++i) {
      LEAT_CHECK(check_required(*field.shape, field.entry(const_cast<void*>(value), i),
                                fmt::format("{}.{}.", field.query_name, i + 1)));
    }
  }
  return {};
}

}  // namespace

Outcome<> decode_input(const Shape& shape, void* object, const Form& form, Arena& arena) {
  LEAT_CHECK(form.is_json ? decode_json(shape, object, form.json, arena)
                          : decode_query(shape, object, form.parameters, arena));
  if (!form.is_json && form.path.size() > 1 && !shape.fields.empty() && shape.fields[0].name == "QueueUrl") {
    auto& url = *static_cast<std::string_view*>(shape.fields[0].at(object));
    if (!is_set(url)) url = form.path;
  }
  // An empty batch has an error of its own, which the handler knows.
  return check_required(shape, object, "");
}

void encode_output(const Shape& shape, const void* object, const Form& form, std::string& body) {
  constexpr std::size_t kUsualSize = 400;
  if (form.is_json) {
    body.reserve(kUsualSize);
    encode_json(shape, object, body);
  } else {
    encode_xml(shape, object, body);
  }
}

}  // namespace leat::aws
