#include "queue/push.h"

#include "runtime/shard.h"

namespace leat::queue {
namespace {

constexpr std::size_t kBatchMax = 100;
constexpr Milliseconds kWait{20'000};
constexpr Duration kLook = std::chrono::seconds(1);
constexpr Duration kFailurePause = std::chrono::seconds(1);

}  // namespace

Push::Push(Queues& queues, std::string queue, std::optional<Milliseconds> lease, Take take)
    : queues_(queues), queue_(std::move(queue)), lease_(lease), take_(std::move(take)) {}

void Push::grant(std::size_t messages) {
  credit_ += messages;
  wake_.notify_all();
}

void Push::stop() {
  *stopped_ = true;
  wake_.notify_all();
  if (const QueuePtr queue = queues_.find(queue_)) queues_.end_gone_waits(queue->id);
}

runtime::Task<Status> Push::run() {
  while (!*stopped_) {
    const QueuePtr queue = queues_.find(queue_);
    if (queue == nullptr) co_return fail(Errc::not_found, fmt::format("there is no queue '{}'", queue_));
    if (credit_ == 0) {
      // The queue may go meanwhile.
      co_await wake_.wait_until(runtime::Shard::current().now() + kLook);
      continue;
    }
    ReceiveRequest request;
    request.count_max = std::min(credit_, kBatchMax);
    request.lease = lease_;
    request.wait = kWait;
    request.gone = stopped_;
    auto received = co_await queues_.receive(queue, std::move(request));
    if (!received) {
      if (received.error().code == Errc::cancelled) co_return fail(std::move(received.error()));
      if (!*stopped_) (void)co_await wake_.wait_until(runtime::Shard::current().now() + kFailurePause);
      continue;
    }
    credit_ -= std::min(credit_, received->size());  // it may have been withdrawn meanwhile
    for (Delivery& delivery : *received) take_(std::move(delivery));
  }
  co_return Status{};
}

}  // namespace leat::queue
