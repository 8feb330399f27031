#include "runtime/real_signals.h"

#include <atomic>
#include <cerrno>
#include <csignal>

namespace leat::runtime {
namespace {

// For the handler, which gets nothing but a number.
std::atomic<Poller*> woken{nullptr};
std::atomic<std::uint64_t> came{0};  // a bit a signal
static_assert(std::atomic<Poller*>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);

void note(int number) {
  const int saved = errno;
  came.fetch_or(std::uint64_t{1} << number);
  if (Poller* poller = woken.load()) poller->wake();
  errno = saved;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  (void)::sigaction(number, &action, nullptr);
}

}  // namespace

Signals::Signals(Poller& poller) { woken.store(&poller); }

Signals::~Signals() {
  for (const auto& [number, on_signal] : watched_) handle(number, SIG_DFL);
  woken.store(nullptr);
}

void Signals::watch(int number, std::function<void(int)> on_signal) {
  watched_[number] = std::move(on_signal);
  handle(number, note);
}

void Signals::deliver() {
  if (came.load(std::memory_order_relaxed) == 0) return;
  const std::uint64_t all = came.exchange(0);
  for (const auto& [number, on_signal] : watched_) {
    if ((all >> number & 1) != 0) on_signal(number);
  }
}

}  // namespace leat::runtime
