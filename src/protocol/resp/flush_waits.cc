#include "protocol/resp/flush_waits.h"

#include <algorithm>

#include "protocol/resp/executor.h"

namespace leat::resp {

runtime::Task<> FlushWaits::stop() {
  stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
}

bool FlushWaits::is_flushed(const Client& client) const { return journal_.is_flushed(client.changes_end); }

void FlushWaits::wait(const Client& client, bool answers) {
  waiting_.push_back({client.id(), client.changes_end, answers});
  executor_.schedule_turn_end();
}

void FlushWaits::forget(const Client& client) {
  std::erase_if(waiting_, [&](const Waiting& each) { return each.client == client.id(); });
}

bool FlushWaits::can_flush() const {
  return std::ranges::any_of(waiting_, [this](const Waiting& each) { return each.end <= journal_.end(); });
}

runtime::Task<> FlushWaits::follow() {
  while (!stopping_) {
    if (journal_.failure() && !waiting_.empty()) fail_all(*journal_.failure());
    if (!can_flush()) {
      co_await wake_.wait();
      continue;
    }
    const Status flushed = co_await journal_.flush();
    if (stopping_) co_return;
    flushed ? serve() : fail_all(flushed.error());
  }
}

void FlushWaits::serve() {
  const auto is_done = [this](const Waiting& each) { return journal_.is_flushed(each.end); };
  std::vector<Waiting> done;
  std::ranges::copy_if(waiting_, std::back_inserter(done), is_done);
  std::erase_if(waiting_, is_done);
  for (const Waiting& each : done) {
    Client* client = each.answers ? executor_.find_client(each.client) : nullptr;
    if (client == nullptr) continue;
    executor_.answer(*client, [](Reply& reply) {
      reply.array(2);
      reply.integer(1);
      reply.integer(0);
    });
  }
}

void FlushWaits::fail_all(const Error& error) {
  for (const Waiting& each : std::exchange(waiting_, {})) {
    Client* client = executor_.find_client(each.client);
    if (client == nullptr) continue;
    executor_.answer(*client, [&](Reply& reply) {
      reply.error(fmt::format("MISCONF It is not known whether the changes are on the disk: {}", error.message));
    });
  }
}

}  // namespace leat::resp
