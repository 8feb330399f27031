#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace leat::keyspace {

// A Small or a Large in the room of one pointer. A Small is itself of that size: a pointer to memory of its own, or null, so
// the lowest bit is free to tell that it is instead the address of a Large, which is made with `new`.
template <class Small, class Large>
class SmallOrLarge {
 public:
  SmallOrLarge() : small_() { static_assert(sizeof(SmallOrLarge) == sizeof(void*)); }
  explicit SmallOrLarge(Small small) : small_(std::move(small)) {}
  SmallOrLarge(SmallOrLarge&& other) noexcept : bits_(std::exchange(other.bits_, 0)) {}
  SmallOrLarge& operator=(SmallOrLarge&& other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~SmallOrLarge() { end(); }

  [[nodiscard]] bool is_large() const { return (bits_ & kLarge) != 0; }
  // Only when it is that.
  [[nodiscard]] Small& small() { return small_; }
  [[nodiscard]] const Small& small() const { return small_; }
  [[nodiscard]] Large& large() const {
    return *reinterpret_cast<Large*>(bits_ - kLarge);  // NOLINT(performance-no-int-to-ptr)
  }

  // What there was is gone.
  void become(std::unique_ptr<Large> large) {
    end();
    bits_ = reinterpret_cast<std::uintptr_t>(large.release()) | kLarge;
  }
  void become(Small small) { *this = SmallOrLarge(std::move(small)); }

 private:
  static constexpr std::uintptr_t kLarge = 1;

  void end() {
    if (is_large()) {
      delete &large();
    } else {
      small_.~Small();
    }
  }

  union {
    Small small_;
    std::uintptr_t bits_;
  };
};

}  // namespace leat::keyspace
