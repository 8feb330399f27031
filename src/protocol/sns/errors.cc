#include "protocol/sns/errors.h"

namespace leat::sns {
namespace {

using enum ErrorCode;

// What only SQS tells apart is an invalid parameter here.
constexpr aws::WireError kErrors[] = {
    {batch_entry_ids_not_distinct, "BatchEntryIdsNotDistinctException", "BatchEntryIdsNotDistinct", 400, true},
    {batch_request_too_long, "BatchRequestTooLongException", "BatchRequestTooLong", 400, true},
    {empty_batch_request, "EmptyBatchRequestException", "EmptyBatchRequest", 400, true},
    {invalid_batch_entry_id, "InvalidBatchEntryIdException", "InvalidBatchEntryId", 400, true},
    {request_throttled, "ThrottledException", "Throttled", 429, true},
    {resource_not_found, "ResourceNotFoundException", "ResourceNotFound", 404, true},
    {too_many_entries_in_batch_request, "TooManyEntriesInBatchRequestException", "TooManyEntriesInBatchRequest", 400,
     true},
    {invalid_address, "InvalidParameterException", "InvalidParameter", 400, true},
    {invalid_attribute_name, "InvalidParameterException", "InvalidParameter", 400, true},
    {invalid_attribute_value, "InvalidParameterException", "InvalidParameter", 400, true},
    {invalid_message_contents, "InvalidParameterException", "InvalidParameter", 400, true},
    {message_not_inflight, "InvalidParameterException", "InvalidParameter", 400, true},
    {over_limit, "InvalidParameterException", "InvalidParameter", 400, true},
    {purge_queue_in_progress, "InvalidParameterException", "InvalidParameter", 400, true},
    {queue_does_not_exist, "InvalidParameterException", "InvalidParameter", 400, true},
    {queue_name_exists, "InvalidParameterException", "InvalidParameter", 400, true},
    {receipt_handle_is_invalid, "InvalidParameterException", "InvalidParameter", 400, true},
    {unsupported_operation, "InvalidParameterException", "InvalidParameter", 400, true},
    {tag_limit_exceeded, "TagLimitExceededException", "TagLimitExceeded", 400, true},
    {topic_not_found, "NotFoundException", "NotFound", 404, true},
    {access_denied, "AuthorizationErrorException", "AuthorizationError", 403, true},
    {invalid_action, "InvalidAction", "InvalidAction", 400, false},
    {invalid_parameter_value, "InvalidParameterException", "InvalidParameter", 400, true},
    {malformed_input, "MalformedInput", "MalformedInput", 400, false},
    {missing_parameter, "ValidationException", "ValidationError", 400, false},
    {missing_authentication_token, "MissingAuthenticationToken", "MissingAuthenticationToken", 403, false},
    {incomplete_signature, "IncompleteSignature", "IncompleteSignature", 400, false},
    {invalid_client_token_id, "InvalidClientTokenId", "InvalidClientTokenId", 403, false},
    {signature_does_not_match, "SignatureDoesNotMatch", "SignatureDoesNotMatch", 403, false},
    {request_expired, "RequestExpired", "RequestExpired", 400, false},
    {internal_failure, "InternalErrorException", "InternalError", 500, true},
    {service_unavailable, "ServiceUnavailable", "ServiceUnavailable", 503, false},
};
static_assert(std::size(kErrors) == aws::kErrorCodes);
static_assert(std::ranges::is_sorted(kErrors, {}, &aws::WireError::code));

ErrorCode code_of(Errc code) {
  switch (code) {
    case Errc::cancelled:
    case Errc::offline:
    case Errc::not_owner:
    case Errc::io:
    case Errc::timed_out:
    case Errc::disk_full: return service_unavailable;
    case Errc::not_found: return topic_not_found;
    case Errc::permission_denied: return access_denied;
    case Errc::would_block: return request_throttled;
    case Errc::exists:
    case Errc::too_large:
    case Errc::unsupported:
    case Errc::invalid_argument:
    case Errc::invalid_config:
    case Errc::invalid_name:
    case Errc::invalid_record:
    case Errc::invalid_timestamp:
    case Errc::offset_out_of_range:
    case Errc::message_too_large: return invalid_parameter_value;
    case Errc::stale_epoch:
    case Errc::corrupt:
    case Errc::corrupt_message:
    case Errc::duplicate_sequence:
    case Errc::internal:
    case Errc::out_of_order_sequence:
    case Errc::producer_fenced:
    case Errc::unknown_epoch:
    case Errc::unknown_producer:
    case Errc::unsupported_codec:
    case Errc::unsupported_format:
    case Errc::version_conflict: return internal_failure;
  }
  return internal_failure;
}

}  // namespace

const aws::WireError& wire_error(ErrorCode code) { return kErrors[static_cast<std::size_t>(code)]; }

Fault to_fault(const Error& error) {
  const ErrorCode code = code_of(error.code);
  if (code == topic_not_found) return {code, "Topic does not exist"};
  return {code, code == invalid_parameter_value ? fmt::format("Invalid parameter: {}", error.message) : error.message};
}

}  // namespace leat::sns
