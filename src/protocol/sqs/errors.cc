#include "protocol/sqs/errors.h"

namespace leat::sqs {
namespace {

using enum ErrorCode;

constexpr aws::WireError kErrors[] = {
    {batch_entry_ids_not_distinct, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400,
     true},
    {batch_request_too_long, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400, true},
    {empty_batch_request, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400, true},
    {invalid_batch_entry_id, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400, true},
    {request_throttled, "RequestThrottled", "RequestThrottled", 403, true},
    {resource_not_found, "ResourceNotFoundException", "ResourceNotFoundException", 404, true},
    {too_many_entries_in_batch_request, "TooManyEntriesInBatchRequest",
     "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400, true},
    {invalid_address, "InvalidAddress", "InvalidAddress", 404, true},
    {invalid_attribute_name, "InvalidAttributeName", "InvalidAttributeName", 400, true},
    {invalid_attribute_value, "InvalidAttributeValue", "InvalidAttributeValue", 400, true},
    {invalid_message_contents, "InvalidMessageContents", "InvalidMessageContents", 400, true},
    {message_not_inflight, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400, true},
    {over_limit, "OverLimit", "OverLimit", 403, true},
    {purge_queue_in_progress, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403, true},
    {queue_does_not_exist, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400, true},
    {queue_name_exists, "QueueNameExists", "QueueAlreadyExists", 400, true},
    {receipt_handle_is_invalid, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404, true},
    {unsupported_operation, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400, true},
    {tag_limit_exceeded, "InternalFailure", "InternalFailure", 500, false},  // SNS's
    {topic_not_found, "InternalFailure", "InternalFailure", 500, false},     // SNS's
    {access_denied, "AccessDeniedException", "AccessDenied", 403, false},
    {invalid_action, "UnknownOperationException", "InvalidAction", 400, false},
    {invalid_parameter_value, "InvalidParameterValueException", "InvalidParameterValue", 400, false},
    {malformed_input, "SerializationException", "MalformedInput", 400, false},
    {missing_parameter, "MissingRequiredParameterException", "MissingParameter", 400, false},
    {missing_authentication_token, "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403, false},
    {incomplete_signature, "IncompleteSignatureException", "IncompleteSignature", 403, false},
    {invalid_client_token_id, "UnrecognizedClientException", "InvalidClientTokenId", 403, false},
    {signature_does_not_match, "InvalidSignatureException", "SignatureDoesNotMatch", 403, false},
    {request_expired, "RequestExpired", "RequestExpired", 403, false},
    {internal_failure, "InternalFailure", "InternalFailure", 500, false},
    {service_unavailable, "ServiceUnavailable", "ServiceUnavailable", 503, false},
};
static_assert(std::size(kErrors) == aws::kErrorCodes);
static_assert(std::ranges::is_sorted(kErrors, {}, &aws::WireError::code));

}  // namespace

const aws::WireError& wire_error(ErrorCode code) { return kErrors[static_cast<std::size_t>(code)]; }

Fault to_fault(const Error& error) {
  const ErrorCode code = aws::code_of(error.code);
  // SDKs know this one by its text too.
  if (code == queue_does_not_exist) return {code, "The specified queue does not exist."};
  return {code, error.message};
}

}  // namespace leat::sqs
