#pragma once

#include "base/result.h"
#include "protocol/aws/errors.h"

// What SQS calls what went wrong.
namespace leat::sqs {

using aws::ErrorCode;
using aws::Fault;
using aws::Outcome;
using aws::refuse;

[[nodiscard]] const aws::WireError& wire_error(ErrorCode code);

// An error of the queues as SQS tells it to its clients.
[[nodiscard]] Fault to_fault(const Error& error);

}  // namespace leat::sqs
