#include "keyspace/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace leat::keyspace {

constinit std::array<MemoryMeter::Line, MemoryMeter::kThreadsMax> MemoryMeter::lines;
constinit std::atomic<std::size_t> MemoryMeter::threads{0};

// Threads beyond the last line would share it, and may then lose a count: there are never so many.
std::atomic<std::int64_t>* MemoryMeter::claim() {
  return &lines[std::min(threads.fetch_add(1), kThreadsMax - 1)].bytes;
}

std::int64_t MemoryMeter::used() {
  std::int64_t sum = 0;
  const std::size_t count = std::min(threads.load(std::memory_order_relaxed), kThreadsMax);
  for (std::size_t i = 0; i < count; ++i) sum += lines[i].bytes.load(std::memory_order_relaxed);
  return sum;
}

namespace {

// Above this the memory is mapped by itself, and neither zeroed by us nor kept by malloc.
constexpr std::size_t kMappedMin = std::size_t{256} << 10;
constexpr std::size_t kPage = 4096;

std::int64_t counted_size(std::size_t size) {
  return static_cast<std::int64_t>(size < kMappedMin ? rounded_size(size) : (size + kPage - 1) & ~(kPage - 1));
}

}  // namespace

void* allocate_zeroed(std::size_t size) {
  void* memory = size < kMappedMin
                     ? std::calloc(1, size)
                     : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == nullptr || memory == MAP_FAILED) throw std::bad_alloc();
  MemoryMeter::add(counted_size(size));
  return memory;
}

void release_zeroed(void* memory, std::size_t size) {
  if (memory == nullptr) return;
  MemoryMeter::add(-counted_size(size));
  if (size < kMappedMin) {
    std::free(memory);
  } else {
    munmap(memory, size);
  }
}

void discard_zeroed(void* memory, std::size_t size, std::size_t from, std::size_t to) {
  if (size >= kMappedMin) madvise(static_cast<char*>(memory) + from, to - from, MADV_DONTNEED);
}

}  // namespace leat::keyspace
