#include "protocol/resp/commit_gate.h"

namespace leat::resp {

runtime::Task<> CommitGate::stop() {
  stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
}

void CommitGate::hold(Client& client, Offset end) {
  client.held_bytes += client.out.size();
  ++client.held_replies;
  held_.push_back({end, &client, std::move(client.out)});
  client.out.clear();
  wake_.notify_all();
}

void CommitGate::drop(Client& client) {
  if (client.held_replies == 0) return;
  for (Held& held : held_) {
    if (held.client == &client) held.client = nullptr;
  }
}

runtime::Task<> CommitGate::follow() {
  while (!stopping_) {
    if (held_.empty()) {
      co_await wake_.wait();
      continue;
    }
    const bool committed = bool(co_await journal_.committed(held_.front().end));
    if (!committed) {
      // Nobody knows whether it will be there after a restart: who asked must not believe that it will.
      for (Held& held : held_) {
        if (held.client != nullptr) held.client->connection().close(*held.client);
      }
      held_.clear();
      continue;
    }
    while (!held_.empty() && journal_.is_committed(held_.front().end)) {
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
