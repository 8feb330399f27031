#include "runtime/real_poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace leat::runtime {
namespace {

constexpr std::chrono::hours kLongestWait{1};  // in whole milliseconds, before it looks again

Descriptor opened(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::system_category(), what);
  return Descriptor(fd);
}

bool enter(const Descriptor& epoll, int fd, std::uint32_t events, Watched* watched) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.ptr = watched;
  return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Poller::Poller(Shard& shard)
    : shard_(shard),
      epoll_(opened(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      waker_(opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  // Each write to it is an edge: nobody has to read it.
  if (!enter(epoll_, waker_.get(), EPOLLIN, nullptr))
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
}

void Poller::wake() {
  const std::uint64_t one = 1;
  (void)!::write(waker_.get(), &one, sizeof one);
}

int Poller::wait(std::optional<Duration> at_most) {
  const auto size = static_cast<int>(events_.size());
  if (!at_most) return ::epoll_wait(epoll_.get(), events_.data(), size, -1);
  if (*at_most <= Duration(0)) return ::epoll_wait(epoll_.get(), events_.data(), size, 0);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*at_most);
  const timespec timeout{seconds.count(), std::chrono::nanoseconds(*at_most - seconds).count()};
  const int count = ::epoll_pwait2(epoll_.get(), events_.data(), size, &timeout, nullptr);
  if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
  // Older than Linux 5.11, or what confines the process is: it waits for whole milliseconds.
  const auto rounded = std::chrono::ceil<Milliseconds>(std::min<Duration>(*at_most, kLongestWait));
  return ::epoll_wait(epoll_.get(), events_.data(), size, static_cast<int>(rounded.count()));
}

std::size_t Poller::poll(std::optional<Duration> at_most) {
  const int count = wait(at_most);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "epoll_wait");
  // Nobody runs before everything is noted: none of what the events point at goes away meanwhile.
  told_.clear();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (auto* watched = static_cast<Watched*>(event.data.ptr)) watched->happened(event.events);
  }
  for (const std::coroutine_handle<> coroutine : told_) coroutine.resume();
  return told_.size();
}

Watched::Watched(Poller& poller, Descriptor fd) : poller_(poller), fd_(std::move(fd)) {
  if (fd_.get() >= 0 && !enter(poller.epoll_, fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, this)) fd_ = Descriptor();
}

void Watched::happened(std::uint32_t events) {
  const auto tell = [this](Direction& direction) {
    direction.is_due = true;
    if (direction.waiting) poller_.told_.push_back(std::exchange(direction.waiting, nullptr));
  };
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (failed || (events & EPOLLRDHUP) != 0) ended_ = true;
  if (ended_ || (events & EPOLLIN) != 0) tell(input_);
  if (failed || (events & EPOLLOUT) != 0) tell(output_);
}

void Watched::close() {
  if (!is_open()) return;
  fd_ = Descriptor();
  for (Direction* direction : {&input_, &output_}) {
    if (direction->waiting) poller_.shard_.resume_later(std::exchange(direction->waiting, nullptr));
  }
}

}  // namespace leat::runtime
