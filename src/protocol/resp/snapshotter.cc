#include "protocol/resp/snapshotter.h"

#include <algorithm>

#include "base/logging.h"
#include "keyspace/entry_effect.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/scripting/scripting.h"

namespace leat::resp {
namespace {

// The journal may grow by this, or by what twice the data takes, before the data is written anew.
constexpr std::uint64_t kGrowthMin = std::uint64_t{64} << 20;
constexpr std::chrono::seconds kLook(1);
// Clients wait for a slice at most this long (but for one large value), and have as long after it.
constexpr auto kSliceTime = std::chrono::microseconds(500);
constexpr std::size_t kKeysPerLook = 16;

}  // namespace

Snapshotter::Snapshotter(Executor& executor, keyspace::Journal& journal)
    : executor_(executor),
      journal_(journal),
      before_(journal.size_bytes()),
      last_taken_(executor.shard().wall_now().value()) {}

runtime::Task<> Snapshotter::stop() {
  stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
}

void Snapshotter::request() {
  requested_ = true;
  wake_.notify_all();
}

bool Snapshotter::is_due() const {
  const std::uint64_t grown = before_ + journal_.appended_bytes() - since_;
  return requested_ || grown > std::max(kGrowthMin, 2 * executor_.memory_used());
}

runtime::Task<> Snapshotter::run() {
  while (!stopping_) {
    co_await wake_.wait_until(executor_.shard().now() + kLook);
    if (stopping_ || journal_.failure() || !is_due()) continue;
    requested_ = false;
    running_ = true;
    const MonoTime begun = executor_.shard().now();
    const Status taken = co_await take();
    running_ = false;
    since_ = journal_.appended_bytes();
    before_ = 0;
    if (taken) {
      last_taken_ = executor_.shard().wall_now().value();
      const auto took = std::chrono::duration_cast<Milliseconds>(executor_.shard().now() - begun);
      log_info("resp", "the keyspace is written anew into its journal, which has {} bytes, in {} ms",
               journal_.size_bytes(), took.count());
    } else if (taken.error().code != Errc::cancelled) {
      log_warning("resp", "the keyspace's journal is not shortened: {}", taken.error().message);
    }
  }
}

runtime::Task<Status> Snapshotter::take() {
  LEAT_CO_CHECK(journal_.append());
  LEAT_CO_TRY(const Offset begun, journal_.begin_segment());
  write_functions();
  write_users();
  while (true) {
    const std::uint64_t moves = moves_;
    for (std::uint32_t i = 0; i < executor_.keyspace().databases() && moves == moves_; ++i) {
      if (executor_.durability(i) != Durability::none) LEAT_CO_CHECK(co_await walk(i));
    }
    if (moves == moves_) break;
  }
  LEAT_CO_CHECK(journal_.append());
  LEAT_CO_CHECK(co_await journal_.flush());
  co_return co_await journal_.free_below(begun);
}

void Snapshotter::write_functions() {
  keyspace::Effects effects;
  for (const auto& [name, library] : executor_.scripting().libraries().all())
    effects.add(0, {"FUNCTION", "LOAD", "REPLACE", library->code});
  if (!effects.empty()) journal_.add({executor_.keyspace().now(), effects.bytes()});
}

void Snapshotter::write_users() {
  keyspace::Effects effects;
  executor_.users().write(effects);
  if (!effects.empty()) journal_.add({executor_.keyspace().now(), effects.bytes()});
}

runtime::Task<Status> Snapshotter::walk(std::uint32_t database) {
  const std::uint64_t moves = moves_;
  std::uint64_t cursor = 0;
  do {
    while (executor_.is_suspended() && !stopping_) co_await wake_.wait_until(executor_.shard().now() + kSliceTime);
    write_slice(database, cursor);
    LEAT_CO_CHECK(journal_.append());
    co_await wake_.wait_until(executor_.shard().now() + kSliceTime);
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
  } while (cursor != 0 && moves == moves_);
  co_return Status{};
}

void Snapshotter::write_slice(std::uint32_t database, std::uint64_t& cursor) {
  executor_.begin_batch();
  executor_.begin_unit();
  const MonoTime end = executor_.shard().now() + kSliceTime;
  keyspace::Database& walked = executor_.keyspace().database(database);
  keyspace::Effects& effects = executor_.keyspace().effects();
  do {
    std::size_t visited = 0;
    do {
      cursor = walked.table().scan(cursor, [&](const keyspace::Entry& entry) {
        keyspace::add_entry(effects, walked, entry);
        ++visited;
      });
    } while (cursor != 0 && visited < kKeysPerLook);
  } while (cursor != 0 && executor_.shard().now() < end);
  executor_.end_unit();
}

}  // namespace leat::resp
