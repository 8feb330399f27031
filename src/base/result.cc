#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace leat {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::cancelled: return "cancelled";
    case Errc::corrupt: return "corrupt";
    case Errc::corrupt_message: return "corrupt_message";
    case Errc::disk_full: return "disk_full";
    case Errc::duplicate_sequence: return "duplicate_sequence";
    case Errc::exists: return "exists";
    case Errc::internal: return "internal";
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::invalid_config: return "invalid_config";
    case Errc::invalid_name: return "invalid_name";
    case Errc::invalid_record: return "invalid_record";
    case Errc::invalid_timestamp: return "invalid_timestamp";
    case Errc::io: return "io";
    case Errc::message_too_large: return "message_too_large";
    case Errc::not_found: return "not_found";
    case Errc::not_owner: return "not_owner";
    case Errc::offline: return "offline";
    case Errc::offset_out_of_range: return "offset_out_of_range";
    case Errc::out_of_order_sequence: return "out_of_order_sequence";
    case Errc::permission_denied: return "permission_denied";
    case Errc::producer_fenced: return "producer_fenced";
    case Errc::stale_epoch: return "stale_epoch";
    case Errc::timed_out: return "timed_out";
    case Errc::too_large: return "too_large";
    case Errc::unknown_epoch: return "unknown_epoch";
    case Errc::unknown_producer: return "unknown_producer";
    case Errc::unsupported: return "unsupported";
    case Errc::unsupported_codec: return "unsupported_codec";
    case Errc::unsupported_format: return "unsupported_format";
    case Errc::version_conflict: return "version_conflict";
    case Errc::would_block: return "would_block";
  }
  return "unknown";
}

Error system_error(std::string_view what, int error_number) {
  Errc code = Errc::io;
  if (error_number == ENOSPC || error_number == EDQUOT) code = Errc::disk_full;
  if (error_number == ENOENT) code = Errc::not_found;
  if (error_number == EEXIST) code = Errc::exists;
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS) code = Errc::permission_denied;
  if (error_number == EAGAIN) code = Errc::would_block;
  return {code, std::string(what) + ": " + std::strerror(error_number)};
}

}  // namespace leat
