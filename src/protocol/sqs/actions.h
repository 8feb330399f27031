#pragma once

#include "protocol/sqs/handlers.h"
#include "protocol/sqs/query_codec.h"

// Which handler does what. With the tables of fields in model.cc this is all that an action is.
namespace leat::sqs {

// The body of a request, in whichever form it came.
struct Form {
  bool is_json = true;
  std::string_view json;
  std::vector<Parameter> parameters;
  std::string_view path;  // of the request: in the Query form it may name the queue
};

struct Action {
  const Message* message = nullptr;
  std::size_t index = 0;  // in messages(); kActions of leat's own
  // Decodes the input, does it, and appends the output to `body`, in the form's own terms.
  runtime::Task<Outcome<>> (*run)(const Action& action, Call& call, const Form& form, std::string& body) = nullptr;
};

// nullptr: no such action.
[[nodiscard]] const Action* find_action(std::string_view name);
// One of leat's own actions.
[[nodiscard]] const Action* find_own_action(std::string_view name);

}  // namespace leat::sqs
