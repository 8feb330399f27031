#include "protocol/resp/scripting/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <boost/context/detail/fcontext.hpp>
#include <new>

#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#endif

namespace leat::resp {

namespace context = boost::context::detail;

// What the sanitizers must be told around each change of the stack.
struct Fiber::Switch {
  static void before_enter([[maybe_unused]] Fiber& fiber) {
#if __has_feature(address_sanitizer)
    __sanitizer_start_switch_fiber(&fiber.outer_fake_stack_, fiber.stack_, fiber.stack_size_);
#endif
#if __has_feature(thread_sanitizer)
    fiber.outer_tsan_ = __tsan_get_current_fiber();
    if (fiber.inner_tsan_ == nullptr) fiber.inner_tsan_ = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(fiber.inner_tsan_, 0);
#endif
  }
  static void entered([[maybe_unused]] Fiber& fiber) {
#if __has_feature(address_sanitizer)
    __sanitizer_finish_switch_fiber(fiber.inner_fake_stack_, &fiber.outer_stack_, &fiber.outer_stack_size_);
#endif
  }
  static void before_leave([[maybe_unused]] Fiber& fiber) {
#if __has_feature(address_sanitizer)
    __sanitizer_start_switch_fiber(&fiber.inner_fake_stack_, fiber.outer_stack_, fiber.outer_stack_size_);
#endif
#if __has_feature(thread_sanitizer)
    __tsan_switch_to_fiber(fiber.outer_tsan_, 0);
#endif
  }
  static void left([[maybe_unused]] Fiber& fiber) {
#if __has_feature(address_sanitizer)
    __sanitizer_finish_switch_fiber(fiber.outer_fake_stack_, nullptr, nullptr);
#endif
  }
};

Fiber::~Fiber() {
  if (stack_ == nullptr) return;
#if __has_feature(thread_sanitizer)
  if (inner_tsan_ != nullptr) __tsan_destroy_fiber(inner_tsan_);
#endif
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  munmap(static_cast<char*>(stack_) - page, stack_size_ + page);
}

// Pages that are never touched take no memory; the one below the stack must not be touched.
void Fiber::make() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, stack_size_ + page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory) + page;
  inner_ = context::make_fcontext(static_cast<char*>(stack_) + stack_size_, stack_size_, [](context::transfer_t from) {
    Fiber& fiber = *static_cast<Fiber*>(from.data);
    fiber.outer_ = from.fctx;
    fiber.work();
  });
}

void Fiber::work() {
  Switch::entered(*this);
  while (true) {
    function_(argument_);
    busy_ = false;
    leave();
  }
}

void Fiber::enter() {
  inside_ = true;
  Switch::before_enter(*this);
  inner_ = context::jump_fcontext(inner_, this).fctx;
  Switch::left(*this);
  inside_ = false;
}

void Fiber::leave() {
  Switch::before_leave(*this);
  outer_ = context::jump_fcontext(outer_, this).fctx;
  Switch::entered(*this);
}

bool Fiber::run(Function function, void* argument) {
  if (stack_ == nullptr) make();
  function_ = function;
  argument_ = argument;
  busy_ = true;
  enter();
  return !busy_;
}

bool Fiber::resume() {
  enter();
  return !busy_;
}

void Fiber::stop() { leave(); }

}  // namespace leat::resp
