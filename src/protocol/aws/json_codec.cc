#include "protocol/aws/json_codec.h"

#include <simdjson.h>

#include <cmath>

#include "base/json_text.h"
#include "protocol/http/message.h"

namespace leat::aws {
namespace {

namespace dom = simdjson::dom;

static_assert(http::HttpRequest::kBodyPadding >= simdjson::SIMDJSON_PADDING);

// A parser keeps memory for the largest document it has seen.
constexpr std::size_t kKeptParserCapacityMax = std::size_t{1} << 20;

// Of all lists and maps together: an entry takes far more memory than it may take on the wire. As many as the Query form
// has parameters.
constexpr std::size_t kEntriesMax = 4000;

std::unexpected<Fault> malformed(std::string_view what) {
  return refuse(ErrorCode::malformed_input, std::string(what));
}
std::unexpected<Fault> wrong_type(const Field& field, std::string_view wanted) {
  return malformed(fmt::format("{} is not {}", field.name, wanted));
}

class Decoder {
 public:
  Decoder(Arena& arena, std::size_t size) : arena_(arena), free_(arena.allocate(size)) {}

  Outcome<> object(dom::object object, const Shape& shape, void* into) {
    for (const auto member : object) {
      const auto field = std::ranges::find(shape.fields, member.key, &Field::name);
      if (field == shape.fields.end() || member.value.is_null()) continue;
      LEAT_CHECK(decode(member.value, *field, field->at(into)));
    }
    return {};
  }

 private:
  // The parser's own copy ends with the next document.
  std::string_view keep(std::string_view text) {
    if (text.empty()) return kEmptyText;
    char* at = std::exchange(free_, free_ + text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  Outcome<std::string_view> text(const Field& field, dom::element value) {
    std::string_view found;
    if (value.get_string().get(found)) return wrong_type(field, "a string");
    return keep(found);
  }

  Outcome<> decode(dom::element value, const Field& field, void* into) {
    switch (field.kind) {
      case Kind::text: {
        LEAT_TRY(*static_cast<std::string_view*>(into), text(field, value));
        return {};
      }
      case Kind::integer: return integer(value, field, *static_cast<std::optional<std::int64_t>*>(into));
      case Kind::boolean: {
        bool is_true = false;
        if (value.get_bool().get(is_true)) return wrong_type(field, "a Boolean");
        *static_cast<std::optional<bool>*>(into) = is_true;
        return {};
      }
      case Kind::blob: {
        std::string_view encoded;
        if (value.get_string().get(encoded)) return wrong_type(field, "a string");
        auto bytes = from_base64(encoded);
        if (!bytes) return wrong_type(field, "base64");
        static_cast<Blob*>(into)->bytes = arena_.keep(std::move(*bytes));
        return {};
      }
      case Kind::texts:
      case Kind::structs: return list(value, field, into);
      case Kind::text_map:
      case Kind::struct_map: return map(value, field, into);
    }
    return {};
  }

  static Outcome<> integer(dom::element value, const Field& field, std::optional<std::int64_t>& into) {
    std::int64_t number = 0;
    double fraction = 0;
    if (!value.get_int64().get(number)) {
      into = number;
    } else if (!value.get_double().get(fraction) && std::abs(fraction) < 1e15 && std::trunc(fraction) == fraction) {
      into = static_cast<std::int64_t>(fraction);
    } else {
      return wrong_type(field, "an integer");
    }
    return {};
  }

  Outcome<void*> append(const Field& field, void* into) {
    if (++entries_ > kEntriesMax) return malformed("the request has too many entries of lists and maps");
    return field.append(into);
  }

  Outcome<> list(dom::element value, const Field& field, void* into) {
    dom::array array;
    if (value.get_array().get(array)) return wrong_type(field, "a list");
    for (const dom::element element : array) {
      LEAT_TRY(void* const entry, append(field, into));
      if (field.kind == Kind::texts) {
        LEAT_TRY(*static_cast<std::string_view*>(entry), text(field, element));
        continue;
      }
      dom::object members;
      if (element.get_object().get(members)) return wrong_type(field, "a list of structures");
      LEAT_CHECK(object(members, *field.shape, entry));
    }
    return {};
  }

  Outcome<> map(dom::element value, const Field& field, void* into) {
    dom::object entries;
    if (value.get_object().get(entries)) return wrong_type(field, "a map");
    for (const auto member : entries) {
      LEAT_TRY(void* const entry, append(field, into));
      *field.entry_name(entry) = keep(member.key);
      if (field.kind == Kind::text_map) {
        LEAT_TRY(*static_cast<std::string_view*>(field.entry_value(entry)), text(field, member.value));
        continue;
      }
      dom::object members;
      if (member.value.get_object().get(members)) return wrong_type(field, "a map of structures");
      LEAT_CHECK(object(members, *field.shape, field.entry_value(entry)));
    }
    return {};
  }

  Arena& arena_;
  std::size_t entries_ = 0;
  char* free_;  // where the next text goes: all of them together are shorter than the document
};

void encode_value(const Field& field, const void* value, std::string& out);

void encode_entries(const Field& field, const void* list, std::string& out) {
  const bool is_map = field.kind == Kind::text_map || field.kind == Kind::struct_map;
  out += is_map ? '{' : '[';
  const std::size_t size = field.size(list);
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) out += ',';
    void* entry = field.entry(const_cast<void*>(list), i);
    if (is_map) {
      append_json_text(*field.entry_name(entry), out);
      out += ':';
      entry = field.entry_value(entry);
    }
    if (field.kind == Kind::texts || field.kind == Kind::text_map) {
      append_json_text(*static_cast<const std::string_view*>(entry), out);
    } else {
      encode_json(*field.shape, entry, out);
    }
  }
  out += is_map ? '}' : ']';
}

bool is_present(const Field& field, const void* value) {
  switch (field.kind) {
    case Kind::text: return is_set(*static_cast<const std::string_view*>(value));
    case Kind::integer: return static_cast<const std::optional<std::int64_t>*>(value)->has_value();
    case Kind::boolean: return static_cast<const std::optional<bool>*>(value)->has_value();
    case Kind::blob: return is_set(static_cast<const Blob*>(value)->bytes);
    case Kind::texts:
    case Kind::structs:
    case Kind::text_map:
    case Kind::struct_map: return field.is_required || field.size(value) > 0;
  }
  return false;
}

void encode_value(const Field& field, const void* value, std::string& out) {
  switch (field.kind) {
    case Kind::text: append_json_text(*static_cast<const std::string_view*>(value), out); break;
    case Kind::integer: out += fmt::format_int(**static_cast<const std::optional<std::int64_t>*>(value)).c_str(); break;
    case Kind::boolean: out += **static_cast<const std::optional<bool>*>(value) ? "true" : "false"; break;
    case Kind::blob: append_json_text(to_base64(static_cast<const Blob*>(value)->bytes), out); break;
    case Kind::texts:
    case Kind::structs:
    case Kind::text_map:
    case Kind::struct_map: encode_entries(field, value, out); break;
  }
}

}  // namespace

Outcome<> decode_json(const Shape& shape, void* object, std::string_view body, Arena& arena) {
  if (body.empty()) return {};
  thread_local dom::parser parser;
  dom::element document;
  dom::object root;
  Outcome<> outcome;
  if (parser.parse(body.data(), body.size(), false).get(document) || document.get_object().get(root)) {
    outcome = malformed("the body is not a JSON object");
  } else {
    outcome = Decoder(arena, body.size()).object(root, shape, object);
  }
  if (parser.capacity() > kKeptParserCapacityMax) parser = dom::parser();
  return outcome;
}

void encode_json(const Shape& shape, const void* object, std::string& out) {
  out += '{';
  bool is_first = true;
  for (const Field& field : shape.fields) {
    const void* value = field.in(object);
    if (!is_present(field, value)) continue;
    if (!std::exchange(is_first, false)) out += ',';
    out += '"';
    out += field.name;
    out += "\":";
    encode_value(field, value, out);
  }
  out += '}';
}

}  // namespace leat::aws
