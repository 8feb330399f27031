#include "runtime/frame_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace leat::runtime {
namespace {

// Frames of all sizes, that hold what was written to them as long as they are held.
TEST(FrameCache, FramesThatAreHeldDoNotShareMemory) {
  struct Held {
    unsigned char* memory;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Held> held;
  std::size_t step = 1;
  for (int round = 0; round < 20'000; ++round) {
    step = step * 2862933555777941757U + 3037000493U;
    if (held.size() < 300 || step >> 63 != 0) {
      const std::size_t size = 1 + (step >> 32) % (kCachedFrameSizeMax + 200);
      const Held made{static_cast<unsigned char*>(allocate_frame(size)), size, static_cast<unsigned char>(round)};
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made.memory) % alignof(std::max_align_t), 0U);
      std::memset(made.memory, made.mark, size);
      held.push_back(made);
    } else {
      std::swap(held[(step >> 32) % held.size()], held.back());
      const Held gone = held.back();
      held.pop_back();
      ASSERT_EQ(gone.memory[0], gone.mark);
      ASSERT_EQ(gone.memory[gone.size - 1], gone.mark);
      free_frame(gone.memory, gone.size);
    }
  }
  for (const Held& gone : held) free_frame(gone.memory, gone.size);
}

TEST(FrameCache, FramesMayEndOnOtherThreadsAndOutliveTheirOwn) {
  std::vector<void*> frames;
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) frames.push_back(allocate_frame(500));
  }).join();
  std::thread([&] {
    for (void* frame : frames) free_frame(frame, 500);
  }).join();
  EXPECT_EQ(std::set<void*>(frames.begin(), frames.end()).size(), frames.size());
}

}  // namespace
}  // namespace leat::runtime
