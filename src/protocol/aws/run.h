#pragma once

#include "protocol/aws/api.h"
#include "protocol/aws/json_codec.h"

// From a handler of typed input and output to one of forms and bodies.
namespace leat::aws {

// Fills the input of an action and checks that everything that it must have is there. Errors: malformed_input,
// missing_parameter, invalid_message_contents.
[[nodiscard]] Outcome<> decode_input(const Shape& shape, void* object, const Form& form, Arena& arena);
void encode_output(const Shape& shape, const void* object, const Form& form, std::string& body);

using Answer = runtime::Task<Outcome<>>;

// Runner<Handler>::run for a handler Answer(Call&, const Input&, Output&), whatever its service's Call is.
template <auto Handler>
struct Runner;
template <class Call, class Input, class Output, Answer (*Handler)(Call&, const Input&, Output&)>
struct Runner<Handler> {
  static Answer run(const Message& message, Call& call, const Form& form, std::string& body) {
    Input input;
    LEAT_CO_CHECK(decode_input(message.input, &input, form, call.arena));
    Output output;
    LEAT_CO_CHECK(co_await Handler(call, input, output));
    encode_output(message.output, &output, form, body);
    co_return Outcome<>();
  }
};

// An action's name and what does it.
template <class Call>
struct Row {
  std::string_view action;
  Answer (*run)(const Message& message, Call& call, const Form& form, std::string& body);
};

// Where the action is in rows that are in the order of their names; nullopt: nowhere.
template <class Call>
[[nodiscard]] std::optional<std::size_t> find_row(std::span<const Row<Call>> rows, std::string_view action) {
  const auto found = std::ranges::lower_bound(rows, action, {}, &Row<Call>::action);
  if (found == rows.end() || found->action != action) return std::nullopt;
  return static_cast<std::size_t>(found - rows.begin());
}

}  // namespace leat::aws
