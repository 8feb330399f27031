#pragma once

#include "log/batch.h"
#include "queue/engine.h"

namespace leat::queue {

// What a queue must know of a record: its group (the key) and what leat's own headers say. A header that makes no sense
// counts as absent. `storage` keeps a group that is too long to be used as it is; the facts borrow from it and from the
// record.
[[nodiscard]] MessageFacts facts_of(const log::RecordView& record, std::string& storage);

// The value of the record's header, or an empty view.
[[nodiscard]] std::string_view header_of(const log::RecordView& record, std::string_view name);

}  // namespace leat::queue
