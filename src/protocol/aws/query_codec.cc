#include "protocol/aws/query_codec.h"

#include "base/json_text.h"

#include <map>

namespace leat::aws {
namespace {

// Ten messages of ten attributes of three values, and everything else, are far fewer.
constexpr std::size_t kParametersMax = 4000;

std::unexpected<Fault> malformed(const Field& field, std::string_view wanted) {
  return refuse(ErrorCode::malformed_input, fmt::format("{} is not {}", field.query_name, wanted));
}

// Entries of a list by their number, with the parameters that say what each is.
using Entries = std::map<std::int64_t, std::vector<Parameter>>;

class Decoder {
 public:
  explicit Decoder(Arena& arena) : arena_(arena) {}

  Outcome<> object(const std::vector<Parameter>& parameters, const Shape& shape, void* into) {
    for (const Field& field : shape.fields) LEAT_CHECK(decode(parameters, field, field.at(into)));
    return {};
  }

 private:
  Outcome<> decode(const std::vector<Parameter>& parameters, const Field& field, void* into) {
    switch (field.kind) {
      case Kind::text:
      case Kind::integer:
      case Kind::boolean:
      case Kind::blob: {
        const std::string_view value = find_parameter(parameters, field.query_name);
        return is_set(value) ? scalar(value, field, into) : Outcome<>();
      }
      case Kind::texts:
      case Kind::structs: return list(parameters, field, into);
      case Kind::text_map:
      case Kind::struct_map: return map(parameters, field, into);
    }
    return {};
  }

  static Outcome<std::string_view> text(std::string_view value) {
    if (!is_utf8(value)) return refuse(ErrorCode::invalid_message_contents, "Invalid characters found. Text is UTF-8.");
    return value;
  }

  Outcome<> scalar(std::string_view value, const Field& field, void* into) {
    switch (field.kind) {
      case Kind::integer: {
        const auto number = to_integer(value);
        if (!number) return malformed(field, "an integer");
        *static_cast<std::optional<std::int64_t>*>(into) = number;
        return {};
      }
      case Kind::boolean: {
        if (value != "true" && value != "false") return malformed(field, "true or false");
        *static_cast<std::optional<bool>*>(into) = value == "true";
        return {};
      }
      case Kind::blob: {
        auto bytes = from_base64(value);
        if (!bytes) return malformed(field, "base64");
        static_cast<Blob*>(into)->bytes = arena_.keep(std::move(*bytes));
        return {};
      }
      case Kind::text:
      case Kind::texts:
      case Kind::structs:
      case Kind::text_map:
      case Kind::struct_map: {
        LEAT_TRY(*static_cast<std::string_view*>(into), text(value));
        return {};
      }
    }
    return {};
  }

  static Outcome<Entries> entries(const std::vector<Parameter>& parameters, const Field& field) {
    Entries found;
    for (const Parameter& parameter : parameters) {
      std::string_view rest = parameter.name;
      if (!rest.starts_with(field.query_name)) continue;
      rest.remove_prefix(field.query_name.size());
      if (rest.empty()) {
        found[0].push_back({kEmptyText, parameter.value});  // a list of one, without a number
        continue;
      }
      if (rest[0] != '.') continue;
      rest.remove_prefix(1);
      const std::string_view number = rest.substr(0, rest.find('.'));
      const auto index = to_integer(number);
      if (!index || *index < 0) return malformed(field, "followed by a number");
      rest.remove_prefix(std::min(rest.size(), number.size() + 1));
      found[*index].push_back({rest, parameter.value});
    }
    return found;
  }

  Outcome<> list(const std::vector<Parameter>& parameters, const Field& field, void* into) {
    LEAT_TRY(const Entries found, entries(parameters, field));
    for (const auto& [index, inner] : found) {
      void* entry = field.append(into);
      if (field.kind == Kind::texts) {
        LEAT_TRY(*static_cast<std::string_view*>(entry), text(inner.front().value));
      } else {
        LEAT_CHECK(object(inner, *field.shape, entry));
      }
    }
    return {};
  }

  Outcome<> map(const std::vector<Parameter>& parameters, const Field& field, void* into) {
    LEAT_TRY(const Entries found, entries(parameters, field));
    for (const auto& [index, inner] : found) {
      void* entry = field.append(into);
      LEAT_TRY(*field.entry_name(entry), text(find_parameter(inner, field.key_name)));
      if (!is_set(*field.entry_name(entry))) return malformed(field, "complete: a name is missing");
      if (field.kind == Kind::text_map) {
        LEAT_TRY(*static_cast<std::string_view*>(field.entry_value(entry)),
                 text(find_parameter(inner, field.value_name)));
        continue;
      }
      std::vector<Parameter> value;
      for (const Parameter& parameter : inner) {
        if (parameter.name.starts_with(field.value_name) && parameter.name.substr(field.value_name.size(), 1) == ".")
          value.push_back({parameter.name.substr(field.value_name.size() + 1), parameter.value});
      }
      LEAT_CHECK(object(value, *field.shape, field.entry_value(entry)));
    }
    return {};
  }

  Arena& arena_;
};

void append_tag(std::string_view name, bool is_end, std::string& out) {
  out += is_end ? "</" : "<";
  out += name;
  out += '>';
}
void append_element(std::string_view name, std::string_view text, std::string& out) {
  append_tag(name, false, out);
  append_xml_text(text, out);
  append_tag(name, true, out);
}

// The element of one entry; "List.entry" has an element List around all of them.
std::string_view entry_tag(const Field& field) { return field.query_name.substr(field.query_name.find('.') + 1); }

void encode_entry(const Field& field, void* entry, std::string& out) {
  const std::string_view tag = entry_tag(field);
  switch (field.kind) {
    case Kind::texts: append_element(tag, *static_cast<const std::string_view*>(entry), out); return;
    case Kind::structs:
      append_tag(tag, false, out);
      encode_xml(*field.shape, entry, out);
      append_tag(tag, true, out);
      return;
    case Kind::text_map:
    case Kind::struct_map:
      append_tag(tag, false, out);
      append_element(field.key_name, *field.entry_name(entry), out);
      if (field.kind == Kind::text_map) {
        append_element(field.value_name, *static_cast<const std::string_view*>(field.entry_value(entry)), out);
      } else {
        append_tag(field.value_name, false, out);
        encode_xml(*field.shape, field.entry_value(entry), out);
        append_tag(field.value_name, true, out);
      }
      append_tag(tag, true, out);
      return;
    case Kind::text:
    case Kind::integer:
    case Kind::boolean:
    case Kind::blob: return;
  }
}

void encode_entries(const Field& field, const void* list, std::string& out) {
  const std::size_t size = field.size(list);
  const auto dot = field.query_name.find('.');
  const std::string_view around = dot == std::string_view::npos ? std::string_view() : field.query_name.substr(0, dot);
  if (!around.empty() && size == 0 && !field.is_required) return;
  if (!around.empty()) append_tag(around, false, out);
  for (std::size_t i = 0; i < size; ++i) encode_entry(field, field.entry(const_cast<void*>(list), i), out);
  if (!around.empty()) append_tag(around, true, out);
}

}  // namespace

Outcome<> parse_form(std::string_view form, Arena& arena, std::vector<Parameter>& parameters) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (parameters.size() >= kParametersMax) return refuse(ErrorCode::malformed_input, "too many parameters");
    const std::string_view name = pair.substr(0, pair.find('='));
    const std::string_view value = name.size() == pair.size() ? kEmptyText : pair.substr(name.size() + 1);
    parameters.push_back({form_decoded(name, arena), form_decoded(value, arena)});
  }
  return {};
}

std::string_view find_parameter(const std::vector<Parameter>& parameters, std::string_view name) {
  std::string_view found;
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) found = parameter.value;
  }
  return found;
}

Outcome<> decode_query(const Shape& shape, void* object, const std::vector<Parameter>& parameters, Arena& arena) {
  return Decoder(arena).object(parameters, shape, object);
}

void encode_xml(const Shape& shape, const void* object, std::string& out) {
  for (const Field& field : shape.fields) {
    const void* value = field.in(object);
    switch (field.kind) {
      case Kind::text:
        if (const auto text = *static_cast<const std::string_view*>(value); is_set(text))
          append_element(field.query_name, text, out);
        break;
      case Kind::integer:
        if (const auto& number = *static_cast<const std::optional<std::int64_t>*>(value))
          append_element(field.query_name, fmt::to_string(*number), out);
        break;
      case Kind::boolean:
        if (const auto& flag = *static_cast<const std::optional<bool>*>(value))
          append_element(field.query_name, *flag ? "true" : "false", out);
        break;
      case Kind::blob:
        if (const auto bytes = static_cast<const Blob*>(value)->bytes; is_set(bytes))
          append_element(field.query_name, to_base64(bytes), out);
        break;
      case Kind::texts:
      case Kind::structs:
      case Kind::text_map:
      case Kind::struct_map: encode_entries(field, value, out); break;
    }
  }
}

void append_xml_text(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#xD;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' ? '?' : c;
    }
  }
}

}  // namespace leat::aws
