#include "keyspace/lock_space.h"

#include <algorithm>

namespace leat::keyspace {

LockSpace::Names::value_type& LockSpace::name(std::string_view key) {
  if (const auto found = names_.find(key); found != names_.end()) return *found;
  return *names_.emplace(String(key), Name()).first;
}

void LockSpace::forget_place(Name& name) {
  if (!std::exchange(name.is_remembered, false)) return;
  remembered_.erase(name.place);
}

void LockSpace::settle(Names::iterator at) {
  Name& name = at->second;
  if (name.holder != nullptr || !name.waiters.empty()) return;
  if (name.newest == 0) {
    names_.erase(at);
    return;
  }
  forget_place(name);
  name.place = remembered_.insert(remembered_.end(), at->first);
  name.is_remembered = true;
  if (remembered_.size() <= remembered_max_) return;
  const auto oldest = names_.find(remembered_.front());
  remembered_.pop_front();
  names_.erase(oldest);
}

void LockSpace::apply(const LockEvent& event) {
  switch (event.kind) {
    case LockEvent::Kind::acquired: return acquire(event);
    case LockEvent::Kind::released: return release(event.token);
    case LockEvent::Kind::remembered:
      for (const std::string& key : event.keys) remember(key, event.token);
      return;
    case LockEvent::Kind::extended: break;
  }
  const auto found = holders_.find(event.token);
  if (found == holders_.end()) return;
  by_time_.erase({found->second.until, event.token});
  found->second.until = event.until;
  by_time_.emplace(event.until, event.token);
}

void LockSpace::acquire(const LockEvent& event) {
  const auto [at, is_new] = holders_.try_emplace(event.token);
  if (!is_new) return;  // a snapshot repeats it
  LockHolder& holder = at->second;
  holder.token = event.token;
  holder.until = event.until;
  holder.until_closed = event.until_closed;
  holder.owner = event.owner;
  for (const std::string& key : event.keys) {
    auto& [own_key, name] = this->name(key);
    if (name.holder == &holder) continue;  // it was named twice
    forget_place(name);
    name.holder = &holder;
    name.newest = event.token;
    holder.keys.push_back(own_key);
  }
  by_time_.emplace(event.until, event.token);
}

void LockSpace::release(LockToken token) {
  const auto found = holders_.find(token);
  if (found == holders_.end()) return;
  for (const String& key : found->second.keys) {
    const auto at = names_.find(std::string_view(key));
    if (at->second.holder != &found->second) continue;
    at->second.holder = nullptr;
    settle(at);
  }
  by_time_.erase({found->second.until, token});
  holders_.erase(found);
}

void LockSpace::remember(std::string_view key, LockToken token) {
  auto& [own_key, name] = this->name(key);
  if (name.newest >= token) return;
  name.newest = token;
  settle(names_.find(std::string_view(own_key)));
}

bool LockSpace::is_available(Keys keys, WaiterId waiter) const {
  return std::ranges::all_of(keys, [&](std::string_view key) {
    const auto found = names_.find(key);
    if (found == names_.end()) return true;
    const Name& name = found->second;
    return name.holder == nullptr && (name.waiters.empty() || name.waiters.front() == waiter);
  });
}

const LockHolder* LockSpace::holder(std::string_view key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? nullptr : found->second.holder;
}

const LockHolder* LockSpace::holder(std::string_view key, LockToken token) const {
  const LockHolder* found = holder(key);
  return found != nullptr && found->token == token ? found : nullptr;
}

const LockHolder* LockSpace::next_to_expire() const {
  return by_time_.empty() ? nullptr : &holders_.at(by_time_.begin()->second);
}

LockToken LockSpace::newest(std::string_view key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? 0 : found->second.newest;
}

void LockSpace::wait(WaiterId waiter, Keys keys) {
  for (const std::string_view key : keys) {
    Name& name = this->name(key).second;
    // A key that was named twice.
    if (!name.waiters.empty() && name.waiters.back() == waiter) continue;
    forget_place(name);
    name.waiters.push_back(waiter);
  }
}

void LockSpace::stop_waiting(WaiterId waiter, Keys keys) {
  for (const std::string_view key : keys) {
    const auto found = names_.find(key);
    if (found == names_.end() || std::erase(found->second.waiters, waiter) == 0) continue;
    settle(found);
  }
}

std::size_t LockSpace::waiting(std::string_view key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? 0 : found->second.waiters.size();
}

void LockSpace::for_each_event(const std::function<void(const LockEvent&)>& event) const {
  for (const std::string_view key : remembered_) {
    event({.kind = LockEvent::Kind::remembered, .token = newest(key), .keys = {std::string(key)}});
  }
  // Free now, and waited for: whoever comes next is not here any more after a restart.
  for (const auto& [key, name] : names_) {
    if (name.holder == nullptr && !name.is_remembered && name.newest != 0)
      event({.kind = LockEvent::Kind::remembered, .token = name.newest, .keys = {std::string(key)}});
  }
  for (const auto& [token, holder] : holders_) {
    event({.kind = LockEvent::Kind::acquired,
           .token = token,
           .until = holder.until,
           .until_closed = holder.until_closed,
           .owner = std::string(holder.owner),
           .keys = {holder.keys.begin(), holder.keys.end()}});
  }
}

}  // namespace leat::keyspace
