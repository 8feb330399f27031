#include "runtime/space_reserve.h"

#include <gtest/gtest.h>

#include "runtime/sim_files.h"

namespace leat::runtime {
namespace {

constexpr std::uint64_t kSize = 128 << 10;
constexpr std::uint64_t kJournalsSize = 64 << 10;

class SpaceReserveTest : public ::testing::Test {
 protected:
  SpaceReserveTest() {
    EXPECT_TRUE(files_.create_directories("/data"));
    reserve_.refill();
  }
  // Nothing more fits.
  void fill_disk() { files_.faults().capacity -= files_.free_space("/").value(); }

  sim::SimFileSystem files_{1};
  SpaceReserve reserve_{files_, "/data", kSize, kJournalsSize};
};

TEST_F(SpaceReserveTest, IsSetAsideUntilItIsNeeded) {
  EXPECT_FALSE(reserve_.in_use());
  EXPECT_TRUE(reserve_.check_space());
  EXPECT_EQ((*files_.open("/data/reserve", OpenMode::read))->size().value(), kSize);
}

TEST_F(SpaceReserveTest, AFileIsReplacedOnAFullDiskAndWhatCanWaitIsRefusedUntilThereIsSpace) {
  fill_disk();
  EXPECT_EQ(replace_file(files_, "/data/file", as_bytes("content")).error().code, Errc::disk_full);
  EXPECT_TRUE(reserve_.replace_file("/data/file", as_bytes("content")));
  EXPECT_EQ(reserve_.check_space().error().code, Errc::disk_full);
  reserve_.refill();
  EXPECT_TRUE(reserve_.in_use()) << "the file took of it";
  files_.faults().capacity += 100;
  reserve_.refill();
  EXPECT_FALSE(reserve_.in_use());
  EXPECT_EQ((*files_.open("/data/reserve", OpenMode::read))->size().value(), kSize);
}

TEST_F(SpaceReserveTest, SaysWhenNothingIsLeft) {
  fill_disk();
  EXPECT_TRUE(reserve_.rescue());
  EXPECT_FALSE(reserve_.rescue());
  files_.faults().capacity -= kSize;
  EXPECT_EQ(reserve_.replace_file("/data/file", as_bytes("content")).error().code, Errc::disk_full);
}

TEST_F(SpaceReserveTest, JournalsHaveAShareOfTheirOwn) {
  fill_disk();
  EXPECT_TRUE(reserve_.rescue_journal());
  EXPECT_EQ(files_.free_space("/").value(), kJournalsSize);
  EXPECT_EQ(reserve_.check_space().error().code, Errc::disk_full) << "what can wait would take what journals got";
  EXPECT_FALSE(reserve_.rescue_journal());
  files_.faults().capacity -= kJournalsSize;
  EXPECT_TRUE(reserve_.rescue()) << "deletes still have theirs";
  reserve_.refill();
  EXPECT_TRUE(reserve_.in_use()) << "the journals' share is not back";
  files_.faults().capacity += kJournalsSize;
  reserve_.refill();
  EXPECT_FALSE(reserve_.in_use());
}

TEST_F(SpaceReserveTest, AnErrorThatIsNoFullDiskLeavesItAlone) {
  EXPECT_FALSE(reserve_.replace_file("/missing/file", as_bytes("content")));
  EXPECT_FALSE(reserve_.in_use());
}

}  // namespace
}  // namespace leat::runtime
