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
    {request_throttled, "ThrottlingException", "Throttling", 400, false},
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

}  // namespace

const aws::WireError& wire_error(ErrorCode code) { return kErrors[static_cast<std::size_t>(code)]; }

Fault to_fault(const Error& error) {
  const ErrorCode code = aws::code_of(error.code);
  if (code == queue_does_not_exist) return {topic_not_found, "Topic does not exist"};
  const bool is_parameter = wire_error(code).legacy == wire_error(invalid_parameter_value).legacy;
  return {code, is_parameter ? fmt::format("Invalid parameter: {}", error.message) : error.message};
}

}  // namespace leat::sns
