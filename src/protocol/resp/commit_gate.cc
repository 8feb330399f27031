#include "protocol/resp/commit_gate.h"

namespace leat::resp {

runtime::Task<> CommitGate::stop() {
  stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
}

void CommitGate::hold(Client& client, Offset end, Offset locks_end) {
  client.held_bytes += client.out.size();
  ++client.held_replies;
  held_.push_back({end, locks_end, &client, std::move(client.out)});
  client.out.clear();
  wake_.notify_all();
}

void CommitGate::drop(Client& client) {
  if (client.held_replies == 0) return;
  for (Held& held : held_) {
    if (held.client == &client) held.client = nullptr;
  }
}

bool CommitGate::may_go(const Held& held) const {
  return journal_.is_committed(held.end) && locks_.is_committed(held.locks_end);
}

runtime::Task<Status> CommitGate::committed(Offset end, Offset locks_end) {
  LEAT_CO_CHECK(co_await journal_.committed(end));
  if (!locks_.is_committed(locks_end)) co_return co_await locks_.committed(locks_end);
  co_return Status{};
}

runtime::Task<> CommitGate::follow() {
  while (!stopping_) {
    if (held_.empty()) {
      co_await wake_.wait();
      continue;
    }
    const Held& first = held_.front();
    if (const Status status = co_await committed(first.end, first.locks_end); !status) {
      // Nobody knows whether it will be there after a restart: who asked must not believe that it will.
      for (Held& held : held_) {
        if (held.client != nullptr) held.client->connection().close(*held.client);
      }
      held_.clear();
      continue;
    }
    while (!held_.empty() && may_go(held_.front())) {
      Held held = std::move(held_.front());
      held_.pop_front();
      release(std::move(held));
    }
  }
}

void CommitGate::release(Held held) {
  if (held.client == nullptr) return;
  --held.client->held_replies;
  held.client->held_bytes -= held.bytes.size();
  held.client->connection().send(*held.client, held.bytes);
}

}  // namespace leat::resp
