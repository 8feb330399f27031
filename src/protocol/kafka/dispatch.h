#pragma once

#include <optional>

#include "base/result.h"
#include "protocol/kafka/request.h"
#include "runtime/chain.h"
#include "runtime/task.h"

namespace leat::kafka {

struct Reply {
  std::optional<runtime::Chain> frame;  // with its size before it; nullopt: the request has no answer (acks=0)
  bool close = false;                   // end the connection after this
};

// Decodes the body that follows in `reader`, has the API's handler serve it, and encodes the answer. Errors end the
// connection, as Kafka's brokers do it: unsupported (an API or version that is not served), invalid_argument (bytes that
// are no such request). `request` has everything from the header; it and the bytes outlive the task.
runtime::Task<Result<Reply>> dispatch(Request& request, Reader reader);

}  // namespace leat::kafka
