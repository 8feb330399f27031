#include "protocol/api/problem.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "protocol/http/codec.h"

namespace leat::api {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";
constexpr int kRetryAfter = 1;

int status_of(Errc code) {
  switch (code) {
    case Errc::corrupt_message:
    case Errc::invalid_argument:
    case Errc::invalid_config:
    case Errc::invalid_name:
    case Errc::invalid_record:
    case Errc::invalid_timestamp:
    case Errc::unsupported:
    case Errc::unsupported_codec:
    case Errc::unsupported_format: return 400;
    case Errc::permission_denied: return 403;
    case Errc::not_found: return 404;
    case Errc::duplicate_sequence:
    case Errc::exists:
    case Errc::out_of_order_sequence:
    case Errc::producer_fenced:
    case Errc::stale_epoch:
    case Errc::unknown_epoch:
    case Errc::unknown_producer:
    case Errc::version_conflict: return 409;
    case Errc::message_too_large: return 413;
    case Errc::offset_out_of_range: return 416;
    case Errc::too_large:
    case Errc::would_block: return 429;
    case Errc::corrupt:
    case Errc::internal: return 500;
    case Errc::cancelled:
    case Errc::io:
    case Errc::not_owner:
    case Errc::offline: return 503;
    case Errc::timed_out: return 504;
    case Errc::disk_full: return 507;
  }
  return 500;
}

// As people write it: "not-found".
std::string kind_of(Errc code) {
  std::string kind(to_string(code));
  for (char& c : kind) {
    if (c == '_' || c == ' ') c = '-';
  }
  return kind;
}

void append_members(const Problem& problem, std::string& out) {
  out += R"({"type":"urn:leat:problem:)";
  out += problem.kind;
  out += R"(","title":)";
  append_json_text(http::reason_of(problem.status), out);
  fmt::format_to(std::back_inserter(out), R"(,"status":{},"detail":)", problem.status);
  append_json_text(is_utf8(problem.detail) ? std::string_view(problem.detail) : "it names what is no text", out);
}

}  // namespace

Problem problem_of(const Error& error) {
  const int status = status_of(error.code);
  return {status, kind_of(error.code), error.message, status == 429 || status == 503 ? kRetryAfter : 0};
}

std::unexpected<Problem> refuse(int status, std::string_view kind, std::string detail) {
  return std::unexpected(Problem{status, std::string(kind), std::move(detail), 0});
}
std::unexpected<Problem> refuse(const Error& error) { return std::unexpected(problem_of(error)); }

Problem quota_exceeded(Duration wait) {
  return {429, "quota-exceeded", "the quota of the user is used up",
          static_cast<int>(std::chrono::ceil<std::chrono::seconds>(wait).count())};
}

void append_problem(const Problem& problem, std::string& out) {
  append_members(problem, out);
  out += '}';
}

http::HttpResponse problem_response(const Problem& problem, std::string_view instance) {
  http::HttpResponse response;
  response.status = problem.status;
  response.content_type = kProblemType;
  append_members(problem, response.body);
  if (!instance.empty() && is_utf8(instance)) {
    response.body += R"(,"instance":)";
    append_json_text(instance, response.body);
  }
  response.body += "}\n";
  if (problem.retry_after > 0) response.headers.emplace_back("Retry-After", fmt::format("{}", problem.retry_after));
  return response;
}

}  // namespace leat::api
