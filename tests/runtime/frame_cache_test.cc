#include "runtime/frame_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "runtime/frame_lists.h"

namespace leat::runtime {
namespace {

struct Held {
  unsigned char* memory;
  std::size_t size;
  unsigned char mark;
};

TEST(FrameLists, FramesThatAreHeldDoNotShareMemory) {
  FrameLists lists;
  std::vector<Held> held;
  std::uint64_t random = 1;
  for (int round = 0; round < 50'000; ++round) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    if (held.size() < 300 || random >> 63 != 0) {
      const std::size_t size = 1 + (random >> 32) % kCachedFrameSizeMax;
      const Held made{static_cast<unsigned char*>(lists.allocate(size)), size, static_cast<unsigned char>(round)};
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made.memory) % alignof(std::max_align_t), 0U);
      std::memset(made.memory, made.mark, size);
      held.push_back(made);
    } else {
      std::swap(held[(random >> 32) % held.size()], held.back());
      const Held gone = held.back();
      held.pop_back();
      const std::vector<unsigned char> written(gone.size, gone.mark);
      ASSERT_EQ(std::memcmp(gone.memory, written.data(), gone.size), 0);
      lists.free(gone.memory, gone.size);
    }
    ASSERT_LE(lists.held(), kCachedFramesBytesMax);
  }
  for (const Held& gone : held) lists.free(gone.memory, gone.size);
  EXPECT_LE(lists.held(), kCachedFramesBytesMax);
}

TEST(FrameLists, AFrameThatEndedServesTheNextOfItsSize) {
  FrameLists lists;
  void* const first = lists.allocate(200);
  lists.free(first, 200);
  EXPECT_GE(lists.held(), 200U);
  void* const next = lists.allocate(210);
  EXPECT_EQ(next, first);
  EXPECT_EQ(lists.held(), 0U);
  lists.free(next, 210);
}

TEST(FrameLists, WhatIsAboveTheLimitIsFreed) {
  FrameLists lists;
  std::vector<void*> frames;
  for (std::size_t i = 0; i < 2 * kCachedFramesBytesMax / 1024; ++i) frames.push_back(lists.allocate(1024));
  for (void* frame : frames) lists.free(frame, 1024);
  EXPECT_EQ(lists.held(), kCachedFramesBytesMax);
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
  void* const large = allocate_frame(kCachedFrameSizeMax + 1);
  free_frame(large, kCachedFrameSizeMax + 1);
}

}  // namespace
}  // namespace leat::runtime
