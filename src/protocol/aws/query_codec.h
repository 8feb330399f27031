#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/aws/errors.h"
#include "protocol/aws/shape.h"
#include "protocol/aws/text.h"

// The AWS Query form (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html): parameters of a form in, XML out. Lists
// and maps are flattened ("Name.1"), as SQS has them, or not ("Names.member.1"): their fields' names say so.
namespace leat::aws {

struct Parameter {
  std::string_view name;
  std::string_view value;
};

// Adds the parameters of "a=b&c=d", decoded. Error: malformed_input (there are too many).
[[nodiscard]] Outcome<> parse_form(std::string_view form, Arena& arena, std::vector<Parameter>& parameters);
// The last of that name; not set when there is none.
[[nodiscard]] std::string_view find_parameter(const std::vector<Parameter>& parameters, std::string_view name);

// Fills `object`, of that shape. Parameters that nobody declared are skipped. Errors: malformed_input,
// invalid_message_contents (what is not UTF-8).
[[nodiscard]] Outcome<> decode_query(const Shape& shape, void* object, const std::vector<Parameter>& parameters,
                                     Arena& arena);

// The fields, without anything around them.
void encode_xml(const Shape& shape, const void* object, std::string& out);

// What XML cannot hold becomes a question mark.
void append_xml_text(std::string_view text, std::string& out);

}  // namespace leat::aws
