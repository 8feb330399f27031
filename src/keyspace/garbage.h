#pragma once

#include <cstddef>
#include <utility>

namespace leat::keyspace {

// What was taken out of the keyspace and only has to be freed, which takes long and may be done by any thread.
class Garbage {
 public:
  explicit Garbage(std::size_t bytes) : bytes_(bytes) {}
  Garbage(const Garbage&) = delete;
  Garbage& operator=(const Garbage&) = delete;
  virtual ~Garbage() = default;
  // About as many as freeing it gives back.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
};

// Something whose destructor frees it.
template <class T>
class GarbageOf final : public Garbage {
 public:
  GarbageOf(T held, std::size_t bytes) : Garbage(bytes), held_(std::move(held)) {}

 private:
  T held_;
};

}  // namespace leat::keyspace
