#pragma once

#include <cstdint>

#include "base/result.h"
#include "keyspace/journal.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::resp {

class Executor;

// Keeps the journal short: writes the whole keyspace into it now and then, a little at a time between the commands of
// clients, and frees what came before. docs/formats/keyspace-journal.md says why that is enough.
class Snapshotter {
 public:
  Snapshotter(Executor& executor, keyspace::Journal& journal);

  void start() { tasks_.spawn(run()); }
  // The one under way is given up.
  runtime::Task<> stop();

  // Takes one now, if none is under way.
  void request();
  // Databases changed places: the walk under way begins anew, or it would miss keys.
  void databases_moved() { ++moves_; }
  [[nodiscard]] bool is_running() const { return running_; }
  // When the last one was complete; before that, when this was made.
  [[nodiscard]] keyspace::Millis last_taken() const { return last_taken_; }

 private:
  runtime::Task<> run();
  [[nodiscard]] bool is_due() const;
  // Error: cancelled, when it has to stop; those of the journal.
  runtime::Task<Status> take();
  void write_functions();
  void write_users();
  runtime::Task<Status> walk(std::uint32_t database);
  void write_slice(std::uint32_t database, std::uint64_t& cursor);

  Executor& executor_;
  keyspace::Journal& journal_;
  std::uint64_t since_ = 0;  // journal_.appended_bytes() when the last one ended
  std::uint64_t before_;     // bytes that the journal had at the start, until the first one ends
  std::uint64_t moves_ = 0;
  bool requested_ = false;
  bool running_ = false;
  bool stopping_ = false;
  keyspace::Millis last_taken_ = 0;
  runtime::Notifier wake_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
