#pragma once

#include <string>
#include <string_view>

#include "protocol/aws/errors.h"
#include "protocol/aws/shape.h"
#include "protocol/aws/text.h"

// AWS JSON 1.0 (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html), as the shapes say.
namespace leat::aws {

// Fills `object`, of that shape, with what `body` says; HttpRequest::kBodyPadding bytes behind it may be read. Members that
// nobody declared are skipped. Error: malformed_input.
[[nodiscard]] Outcome<> decode_json(const Shape& shape, void* object, std::string_view body, Arena& arena);

void encode_json(const Shape& shape, const void* object, std::string& out);

}  // namespace leat::aws
