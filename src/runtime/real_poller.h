#pragma once

#include <sys/epoll.h>

#include <array>
#include <coroutine>
#include <optional>
#include <utility>
#include <vector>

#include "base/types.h"
#include "runtime/shard.h"

// Inside the real home only: seen by real_*.cc.
namespace leat::runtime {

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// A shard's wait for all of its descriptors: one epoll set, which each of them enters once and for edges (epoll(7)), so that a
// request takes no call for waiting but its share of an epoll_wait (docs/decisions/0027-one-epoll-set-and-edges.md).
class Poller {
 public:
  // Throws std::system_error when the process is out of descriptors.
  explicit Poller(Shard& shard);
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller() = default;

  // Resumes who waits for a descriptor at which something has happened; waits for that at most so long, or for as long as it
  // takes. Returns how many it resumed.
  std::size_t poll(std::optional<Duration> at_most);
  // Ends a poll() that waits, or else the next one. From any thread, and from signal handlers.
  void wake();

 private:
  friend class Watched;

  int wait(std::optional<Duration> at_most);

  Shard& shard_;
  Descriptor epoll_;
  Descriptor waker_;
  std::array<epoll_event, 128> events_{};
  std::vector<std::coroutine_handle<>> told_;
};

// A descriptor of a poller's set, which does not block. Belongs to the poller's shard; at most one coroutine waits for each
// direction. Those that wait do not outlive it: close() first, and let them see it.
class Watched {
 public:
  class Wait;

  // Closed when it cannot enter the set.
  Watched(Poller& poller, Descriptor fd);
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { close(); }

  [[nodiscard]] int get() const { return fd_.get(); }
  [[nodiscard]] bool is_open() const { return fd_.get() >= 0; }

  // co_await: until a read (or accept), or a write, is worth trying; also returns once it is closed.
  [[nodiscard]] Wait readable();
  [[nodiscard]] Wait writable();
  // A read found less than it could have taken, or nothing.
  void set_drained() { input_.is_due = ended_; }
  // A write found no room.
  void set_full() { output_.is_due = false; }

  // Wakes who waits. May be called twice.
  void close();

 private:
  friend class Poller;

  struct Direction {
    bool is_due = false;
    std::coroutine_handle<> waiting;
  };

  void happened(std::uint32_t events);

  Poller& poller_;
  Descriptor fd_;
  Direction input_;
  Direction output_;
  bool ended_ = false;  // the other end sends nothing more: no edge tells of what is left
};

class Watched::Wait {
 public:
  explicit Wait(Direction& direction, bool is_open) : direction_(direction), is_open_(is_open) {}
  bool await_ready() const noexcept { return direction_.is_due || !is_open_; }
  void await_suspend(std::coroutine_handle<> awaiting) { direction_.waiting = awaiting; }
  void await_resume() const noexcept {}

 private:
  Direction& direction_;
  bool is_open_;
};

inline Watched::Wait Watched::readable() { return Wait(input_, is_open()); }
inline Watched::Wait Watched::writable() { return Wait(output_, is_open()); }

}  // namespace leat::runtime
