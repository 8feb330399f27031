#include "protocol/resp/call.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

void del(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    keyspace::Entry* entry = call.database.peek(key);
    if (entry == nullptr) continue;
    call.database.erase(*entry);
    call.changed(EventClass::generic, "del", key);
    ++count;
  }
  call.reply.integer(count);
}

void exists(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    if (call.database.read(key) != nullptr) ++count;
  }
  call.reply.integer(count);
}

constexpr std::string_view kDelTips[] = {"request_policy:multi_shard", "response_policy:agg_sum"};
constexpr std::string_view kExistsTips[] = {"request_policy:multi_shard", "response_policy:agg_sum"};
constexpr std::string_view kUnlinkTips[] = {"request_policy:multi_shard", "response_policy:agg_sum"};

constexpr Command kGenericCommands[] = {
    {.name = "del",
     .handler = del,
     .arity = -2,
     .flags = kWrite,
     .categories = kKeyspace,
     .keys = kRange < kKeyRm | kKeyDelete,
     1,
     -1 >
     , .tips = kDelTips, .group = "generic", .since = "1.0.0", .summary = "Deletes keys.", .complexity = "O(N)"},
    {.name = "exists",
     .handler = exists,
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kKeyspace,
     .keys = kRange<kKeyRo, 1, -1>,
     .tips = kExistsTips,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Counts which of the keys are there.",
     .complexity = "O(N)"},
    {.name = "unlink",
     .handler = del,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kKeyspace,
     .keys = kRange < kKeyRm | kKeyDelete,
     1,
     -1 >,
     .tips = kUnlinkTips,
     .group = "generic",
     .since = "4.0.0",
     .summary = "Deletes keys; large values are freed later.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> generic_commands() { return kGenericCommands; }

}  // namespace leat::resp
