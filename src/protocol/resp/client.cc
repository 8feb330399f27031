#include "protocol/resp/client.h"

#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

StoredCommand::StoredCommand(const Command& command, Arguments arguments) : command_(&command) {
  std::size_t size = 0;
  for (const std::string_view argument : arguments) size += argument.size();
  bytes_ = std::make_unique<char[]>(size);
  size_ = size;
  char* at = bytes_.get();
  for (const std::string_view argument : arguments) {
    argument.copy(at, argument.size());
    views_.emplace_back(at, argument.size());
    at += argument.size();
  }
}

Client::Client(Executor& executor, Connection& connection, std::uint64_t id, std::string remote, std::string own)
    : peer(std::move(remote)), local(std::move(own)), executor_(executor), connection_(connection), id_(id) {
  executor.connected(*this);
}

Client::~Client() { executor_.disconnected(*this); }

ClientExtras& Client::with_extras() {
  if (extras == nullptr) extras = std::make_unique<ClientExtras>();
  return *extras;
}

Listener& Client::listener() {
  std::unique_ptr<Listener>& listener = with_extras().listener;
  if (listener == nullptr) listener = std::make_unique<Listener>(executor_.hub(), *this);
  return *listener;
}

std::size_t Client::count_subscriptions() const { return extras->listener == nullptr ? 0 : extras->listener->count(); }

void Client::BlockTimer::fire() { client_.executor().blocking().time_out(client_); }

}  // namespace leat::resp
