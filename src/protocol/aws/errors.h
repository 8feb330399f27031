#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"

// What goes wrong with a request to a service of AWS. Each service has its own names for it (WireError).
namespace leat::aws {

enum class ErrorCode : std::uint8_t {
  // Of SQS and SNS.
  batch_entry_ids_not_distinct,
  batch_request_too_long,
  empty_batch_request,
  invalid_batch_entry_id,
  request_throttled,
  resource_not_found,
  too_many_entries_in_batch_request,
  // Of SQS.
  invalid_address,
  invalid_attribute_name,
  invalid_attribute_value,
  invalid_message_contents,
  message_not_inflight,
  over_limit,
  purge_queue_in_progress,
  queue_does_not_exist,
  queue_name_exists,
  receipt_handle_is_invalid,
  unsupported_operation,
  // Of SNS.
  tag_limit_exceeded,
  topic_not_found,
  // Of every service.
  access_denied,
  invalid_action,
  invalid_parameter_value,
  malformed_input,
  missing_parameter,
  missing_authentication_token,
  incomplete_signature,
  invalid_client_token_id,
  signature_does_not_match,
  request_expired,
  internal_failure,
  service_unavailable,
};
inline constexpr std::size_t kErrorCodes = static_cast<std::size_t>(ErrorCode::service_unavailable) + 1;

// What an error of the queues is; services word it in their own terms.
[[nodiscard]] ErrorCode code_of(Errc code);

// As it goes over the wire.
struct WireError {
  ErrorCode code;
  std::string_view shape;   // in JSON's "__type", with its namespace before it
  std::string_view legacy;  // in the Query form, and in x-amzn-query-error
  int status;
  bool is_in_model;  // the service declares it; else it is one of every service
};

struct Fault {
  ErrorCode code = ErrorCode::internal_failure;
  std::string message;
};
template <class T = void>
using Outcome = std::expected<T, Fault>;

[[nodiscard]] inline std::unexpected<Fault> refuse(ErrorCode code, std::string message) {
  return std::unexpected(Fault{code, std::move(message)});
}

}  // namespace leat::aws
