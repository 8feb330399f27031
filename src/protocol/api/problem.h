#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "protocol/http/message.h"

namespace leat::api {

// What is wrong with a request, as clients are told (RFC 9457).
struct Problem {
  int status = 500;
  std::string kind;     // behind "urn:leat:problem:"
  std::string detail;   // for people
  int retry_after = 0;  // seconds; 0: nothing is said
};
template <class T = void>
using Outcome = std::expected<T, Problem>;

// The problem that an engine's error is to the client.
[[nodiscard]] Problem problem_of(const Error& error);
[[nodiscard]] std::unexpected<Problem> refuse(int status, std::string_view kind, std::string detail);
[[nodiscard]] std::unexpected<Problem> refuse(const Error& error);
// So long a user has to wait whose quota is used up: 429.
[[nodiscard]] Problem quota_exceeded(Duration wait);

// As a member of something larger.
void append_problem(const Problem& problem, std::string& out);
// `instance`: the path of the request; empty: none.
[[nodiscard]] http::HttpResponse problem_response(const Problem& problem, std::string_view instance);

}  // namespace leat::api

// API_TRY(auto x, expression), API_CHECK(expression): as LEAT_CO_TRY and LEAT_CO_CHECK, for a Result in a coroutine that
// returns an Outcome.
#define API_TRY(declaration, expression) API_TRY_INNER(declaration, expression, LEAT_CONCAT(api_try_, __LINE__))
#define API_CHECK(expression)                                     \
  do {                                                            \
    if (auto api_status = (expression); !api_status) [[unlikely]] \
      co_return ::leat::api::refuse(api_status.error());          \
  } while (false)
#define API_TRY_INNER(declaration, expression, result) \
  auto result = (expression);                          \
  if (!result) [[unlikely]]                            \
    co_return ::leat::api::refuse(result.error());     \
  declaration = ::std::move(*result)
