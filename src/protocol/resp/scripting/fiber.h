#pragma once

#include <cstddef>

namespace leat::resp {

// A stack of its own on which a function runs, that can stop in its midst and go on later. Belongs to one thread.
class Fiber {
 public:
  explicit Fiber(std::size_t stack_size) : stack_size_(stack_size) {}
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  // Nothing is under way in it.
  ~Fiber();

  using Function = void (*)(void* argument);
  // Calls function(argument) on the fiber's stack, where nothing is under way. True: it has returned; false: it has stopped.
  // No exception may leave it.
  bool run(Function function, void* argument);
  // Lets the function go on that stopped. Returns as run() does.
  bool resume();
  // From inside: stops. Returns when resume() was called.
  void stop();

  // Whether the caller is on the fiber's stack.
  [[nodiscard]] bool is_inside() const { return inside_; }
  // Whether a function has stopped in its midst.
  [[nodiscard]] bool is_stopped() const { return busy_ && !inside_; }

 private:
  struct Switch;

  void make();
  void enter();
  void leave();
  void work();

  std::size_t stack_size_;
  void* stack_ = nullptr;
  void* inner_ = nullptr;  // where the fiber goes on
  void* outer_ = nullptr;  // where its caller does
  Function function_ = nullptr;
  void* argument_ = nullptr;
  bool inside_ = false;
  bool busy_ = false;
  // For the sanitizers, which must know of stacks.
  [[maybe_unused]] void* inner_fake_stack_ = nullptr;
  [[maybe_unused]] void* outer_fake_stack_ = nullptr;
  [[maybe_unused]] const void* outer_stack_ = nullptr;
  [[maybe_unused]] std::size_t outer_stack_size_ = 0;
  [[maybe_unused]] void* inner_tsan_ = nullptr;
  [[maybe_unused]] void* outer_tsan_ = nullptr;
};

}  // namespace leat::resp
