#include "protocol/resp/acl/acl_log.h"

namespace leat::resp {
namespace {

constexpr keyspace::Millis kTogether = 60'000;
constexpr std::size_t kLookedAt = 10;

bool is_like(const AclLog::Entry& a, const AclLog::Entry& b) {
  return a.reason == b.reason && a.context == b.context && a.object == b.object && a.user == b.user;
}

}  // namespace

void AclLog::add(Entry entry) {
  for (std::size_t i = 0; i < entries_.size() && i < kLookedAt; ++i) {
    if (!is_like(entries_[i], entry) || entry.time - entries_[i].time > kTogether) continue;
    entry.count = entries_[i].count + 1;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  entries_.push_front(std::move(entry));
  set_size_max(size_max_);
}

void AclLog::set_size_max(std::size_t most) {
  size_max_ = most;
  if (entries_.size() > most) entries_.resize(most);
}

}  // namespace leat::resp
