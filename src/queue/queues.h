#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "queue/message.h"
#include "queue/settings.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::queue {

// A queue as the catalog has it. Immutable; a change makes another one.
struct Queue {
  std::string name;
  QueueId id;
  std::string topic;  // by name
  TopicId topic_id;
  bool owns_topic = false;  // the topic was made for it and goes with it
  QueueSettings settings;
  SettingsMap attributes;  // what protocols store beside it; no meaning here
  SettingsMap tags;
  Timestamp created = kNoTimestamp;
  Timestamp modified = kNoTimestamp;
};
using QueuePtr = std::shared_ptr<const Queue>;

// Where the first message of a new queue on a topic that exists is looked for.
struct StartAt {
  enum class Kind : std::uint8_t { beginning, end, offset, time } kind = Kind::beginning;
  std::int64_t value = 0;  // an offset (of each partition), or milliseconds since the epoch
};

struct NewQueue {
  std::string name;
  std::string topic;            // one that exists; empty: a new topic of the queue's own name, which the queue owns
  std::int32_t partitions = 1;  // of a new topic
  StartAt start;                // on a topic that exists
  QueueSettings settings;
  SettingsMap attributes;
  SettingsMap tags;
};

// What to change of a queue: names, with their new values or nullopt to remove them (settings: for the default). What is
// not named stays as it is when the change is made, whatever else changed meanwhile.
struct QueueChange {
  SettingsPatch settings;
  SettingsPatch attributes;
  SettingsPatch tags;
  // Acknowledges everything that was sent before, first; nothing at all is done when the queue is as wanted already.
  bool purges = false;

  friend bool operator==(const QueueChange&, const QueueChange&) = default;
};
// What makes `before` into `after`, of the three.
[[nodiscard]] QueueChange change_between(const Queue& before, const Queue& after);
// Makes the change. Error: invalid_config.
[[nodiscard]] Status apply_change(const QueueChange& change, Queue& queue);

struct ReceiveRequest {
  std::size_t count_max = 1;
  std::optional<Milliseconds> lease;  // nullopt: the queue's
  std::optional<Milliseconds> wait;   // for the first message; nullopt: the queue's
  std::string attempt_id;             // FIFO: a repeated call with the same one gets the same messages; empty: none
  // Set by the caller once nobody wants the answer any more: then a wait takes no messages. nullptr: somebody always does.
  std::shared_ptr<const bool> gone;
};

struct LeaseChange {
  Receipt receipt;
  Milliseconds lease{0};  // from now on; 0: the message is ready again at once
  std::string reason;     // why it was released, kept for its dead letter
};

// Approximate, as it changes while it is counted.
struct QueueStats {
  std::int64_t ready = 0;
  std::int64_t in_flight = 0;
  std::int64_t delayed = 0;
  std::optional<Timestamp> oldest;  // when the oldest message that is not acknowledged was sent
};

struct Redrive {
  enum class State : std::uint8_t { running, completed, cancelling, cancelled, failed };
  std::string id;
  std::string source;       // a queue's name
  std::string destination;  // a queue's name; empty: each message goes back to where it came from
  double rate_max = 0;      // messages a second; 0: as fast as it goes
  State state = State::running;
  std::int64_t moved = 0;
  std::int64_t to_move = 0;  // when it began
  Timestamp started = kNoTimestamp;
  std::string failure;
};

// Why a receipt was not honoured.
//   not_found: the message is not there (it was acknowledged or purged), or the receipt never was one of this queue
//   stale_epoch: the message was delivered again since, or (FIFO) the lease has run out
//   invalid_argument: set_lease() on a message that is not leased

// What protocols call: queues, from one shard. Every call is made on that shard and may work on others; what it borrows
// outlives it. Errors of all: cancelled (the server stops), offline, disk_full, io, timed_out (not known to be durable).
class Queues {
 public:
  Queues() = default;
  Queues(const Queues&) = delete;
  Queues& operator=(const Queues&) = delete;
  virtual ~Queues() = default;

  // As of the last change that this shard heard of, which includes its own. nullptr: none.
  [[nodiscard]] virtual QueuePtr find(std::string_view name) const = 0;
  // In name order, beginning after `after`.
  [[nodiscard]] virtual std::vector<QueuePtr> list(std::string_view prefix, std::string_view after,
                                                   std::size_t count_max) const = 0;
  // Notified whenever find() and list() may answer something new.
  [[nodiscard]] virtual runtime::Notifier& changed() = 0;

  // Errors: exists (a queue of that name), invalid_name, invalid_config, not_found (no such topic), invalid_argument.
  virtual runtime::Task<Result<QueuePtr>> create(NewQueue queue) = 0;
  virtual runtime::Task<Result<QueuePtr>> alter(std::string name, QueueChange change) = 0;
  // With everything in it; the topic goes too when the queue owns it and no other queue is on it. Error: not_found.
  virtual runtime::Task<Status> remove(std::string name) = 0;

  // One outcome a message, in their order; each that succeeds is durable on return. Messages of one call and one group
  // keep their order. Errors of each: too_large (a message above message_size_max, or the queue is at its limit and
  // rejects: Errc::would_block), not_found (the queue was removed).
  virtual runtime::Task<std::vector<Result<Sent>>> send(QueuePtr queue, std::span<const NewMessage> messages) = 0;

  // At most count_max messages, none when there were none in time. Their delivery counts are durable on return.
  // Errors: too_large (in_flight_max reached on an unordered queue), not_found.
  virtual runtime::Task<Result<std::vector<Delivery>>> receive(QueuePtr queue, ReceiveRequest request) = 0;

  // Those receives from the queue that wait on this shard, and whose caller is gone (ReceiveRequest::gone), return now.
  virtual void end_gone_waits(const QueueId& queue) = 0;

  // One outcome a receipt, durable on return. See above for their errors.
  virtual runtime::Task<std::vector<Status>> acknowledge(QueuePtr queue, std::span<const Receipt> receipts) = 0;
  virtual runtime::Task<std::vector<Status>> set_lease(QueuePtr queue, std::span<const LeaseChange> changes) = 0;

  // Acknowledges everything that was sent before the call, leased or not.
  virtual runtime::Task<Status> purge(QueuePtr queue) = 0;
  // Forgets all states from `to` on in every partition: what retention kept is delivered again.
  virtual runtime::Task<Status> rewind(QueuePtr queue, StartAt to) = 0;
  // The first `count_max` messages that are not acknowledged, without leasing them; no more than are `bytes_max` together, but
  // for the first.
  virtual runtime::Task<Result<Browsed>> browse(QueuePtr queue, std::size_t count_max, std::size_t bytes_max) = 0;
  virtual runtime::Task<Result<QueueStats>> stats(QueuePtr queue) = 0;

  // Queues whose dead letters go to this one.
  [[nodiscard]] virtual std::vector<QueuePtr> dead_letter_sources(std::string_view name) const = 0;
  // Begins to move what is in `source` back to where it came from, or to `destination`; returns its id.
  // Errors: not_found, exists (one runs already for the source), invalid_argument.
  virtual runtime::Task<Result<std::string>> start_redrive(std::string source, std::string destination,
                                                           double rate_max) = 0;
  // Moves these of its messages, now; one outcome each. Errors of each: not_found (it is not there, or does not say where it
  // came from, or there is no such destination), would_block (a consumer has it).
  virtual runtime::Task<std::vector<Status>> redrive_messages(std::string source, std::string destination,
                                                              std::vector<MessageAt> messages) = 0;
  // Returns how many it had moved. Errors: not_found, invalid_argument (it does not run any more).
  virtual runtime::Task<Result<std::int64_t>> cancel_redrive(std::string id) = 0;
  // The latest first; of all queues when `source` is empty.
  virtual runtime::Task<Result<std::vector<Redrive>>> redrives(std::string source, std::size_t count_max) = 0;
};

}  // namespace leat::queue
