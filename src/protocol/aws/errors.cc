#include "protocol/aws/errors.h"

namespace leat::aws {

ErrorCode code_of(Errc code) {
  using enum ErrorCode;
  switch (code) {
    case Errc::cancelled:
    case Errc::offline:
    case Errc::not_owner:
    case Errc::io:
    case Errc::timed_out:
    case Errc::disk_full: return service_unavailable;
    case Errc::exists: return queue_name_exists;
    case Errc::not_found: return queue_does_not_exist;
    case Errc::permission_denied: return access_denied;
    case Errc::too_large: return over_limit;
    case Errc::would_block: return request_throttled;
    case Errc::unsupported: return unsupported_operation;
    case Errc::invalid_argument:
    case Errc::invalid_config:
    case Errc::invalid_name:
    case Errc::invalid_record:
    case Errc::invalid_timestamp:
    case Errc::offset_out_of_range:
    case Errc::message_too_large: return invalid_parameter_value;
    case Errc::stale_epoch: return receipt_handle_is_invalid;
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

}  // namespace leat::aws
