#include "runtime/sim_files.h"

#include <gtest/gtest.h>

namespace leat::runtime::sim {
namespace {

constexpr std::uint64_t kSeeds = 300;
constexpr std::size_t kPage = 4096;

std::string pages(std::string_view letters) {
  std::string text;
  for (const char letter : letters) text.append(kPage, letter);
  return text;
}

std::unique_ptr<File> open(FileSystem& files, const std::string& path, OpenMode mode = OpenMode::create) {
  auto file = files.open(path, mode);
  if (!file) throw std::runtime_error(file.error().message);
  return std::move(*file);
}

void write(File& file, std::string_view text, std::uint64_t offset = 0) {
  if (const Status written = file.write_at(as_bytes(text), offset); !written) {
    throw std::runtime_error(written.error().message);
  }
}

std::string content(FileSystem& files, const std::string& path) {
  const auto bytes = read_file(files, path, 1 << 30);
  if (!bytes) return bytes.error().code == Errc::not_found ? "none" : bytes.error().message;
  return std::string(as_text(*bytes));
}

// What `path` holds after `prepare` and a power loss, over many power losses.
std::set<std::string> outcomes(const std::string& path, const std::function<void(SimFileSystem&)>& prepare) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimFileSystem before(seed);
    prepare(before);
    SimFileSystem after(seed, before.crash(seed));
    found.insert(content(after, path));
  }
  return found;
}

void make_durable(SimFileSystem& files, const std::string& path, std::string_view text) {
  const auto file = open(files, path);
  write(*file, text);
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(files.sync_directory(parent_path(path)));
}

using Set = std::set<std::string>;

TEST(PowerLoss, SyncedContentUnderASyncedNameAlwaysSurvives) {
  EXPECT_EQ(outcomes("a", [](SimFileSystem& files) { make_durable(files, "a", pages("xyz") + "end"); }),
            Set{pages("xyz") + "end"});
}

TEST(PowerLoss, UnsyncedPagesSurviveOrNotIndependently) {
  const Set found = outcomes("a", [](SimFileSystem& files) {
    make_durable(files, "a", pages("abc"));
    write(*open(files, "a"), pages("ABC"));
  });
  EXPECT_TRUE(found.contains(pages("abc")));
  EXPECT_TRUE(found.contains(pages("ABC")));
  EXPECT_TRUE(found.contains(pages("Abc")));
  EXPECT_TRUE(found.contains(pages("abC"))) << "a later page may reach the disk before an earlier one";
}

TEST(PowerLoss, AnUnsyncedPageMayBeTornBetweenSectors) {
  const Set found = outcomes("a", [](SimFileSystem& files) {
    make_durable(files, "a", pages("a"));
    write(*open(files, "a"), pages("A"));
  });
  bool torn = false;
  for (const std::string& text : found) {
    ASSERT_EQ(text.size(), kPage);
    for (std::size_t at = 0; at < kPage; at += 512) {
      EXPECT_EQ(text.substr(at, 512), std::string(512, text[at])) << "a sector is old or new";
    }
    torn |= text.contains('a') && text.contains('A');
  }
  EXPECT_TRUE(torn);
}

TEST(PowerLoss, WhatWasSyncedBesideAnUnsyncedAppendSurvives) {
  const Set found = outcomes("a", [](SimFileSystem& files) {
    make_durable(files, "a", "synced,");
    write(*open(files, "a"), "appended", 7);
  });
  for (const std::string& text : found) EXPECT_TRUE(text.starts_with("synced,")) << text;
  EXPECT_TRUE(found.contains("synced,"));
  EXPECT_TRUE(found.contains("synced,appended"));
  EXPECT_TRUE(found.contains(std::string("synced,") + std::string(8, '\0'))) << "the size may come without the data";
}

TEST(PowerLoss, AnExtendedFileMayEndAnywhereBetweenOldAndNewAndHoldZeros) {
  std::set<std::size_t> sizes;
  bool zeros = false;
  for (const std::string& text : outcomes("a", [](SimFileSystem& files) {
         make_durable(files, "a", "");
         write(*open(files, "a"), pages("pqrst"));
       })) {
    sizes.insert(text.size());
    zeros |= text.contains('\0');
    EXPECT_LE(text.size(), 5 * kPage);
  }
  EXPECT_TRUE(sizes.contains(0));
  EXPECT_TRUE(sizes.contains(5 * kPage));
  EXPECT_GT(sizes.size(), 3U);
  EXPECT_TRUE(zeros);
}

TEST(PowerLoss, AnUnsyncedTruncationMayOrMayNotHaveHappened) {
  const Set found = outcomes("a", [](SimFileSystem& files) {
    make_durable(files, "a", pages("abc"));
    ASSERT_TRUE(open(files, "a")->truncate(kPage));
  });
  EXPECT_EQ(found, (Set{pages("a"), pages("abc")}));
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       make_durable(files, "a", pages("abc"));
                       const auto file = open(files, "a");
                       ASSERT_TRUE(file->truncate(kPage));
                       ASSERT_TRUE(file->sync());
                     }),
            Set{pages("a")});
}

TEST(PowerLoss, DataThatATruncationCutDoesNotComeBackAfterASyncedExtension) {
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       make_durable(files, "a", pages("abc"));
                       const auto file = open(files, "a");
                       ASSERT_TRUE(file->truncate(10));
                       ASSERT_TRUE(file->truncate(2 * kPage));
                       ASSERT_TRUE(file->sync());
                     }),
            Set{std::string(10, 'a') + std::string(2 * kPage - 10, '\0')});
}

TEST(PowerLoss, ANewNameMayVanishUntilItsFolderIsSynced) {
  const Set found = outcomes("f/a", [](SimFileSystem& files) {
    ASSERT_TRUE(files.create_directories("f"));
    ASSERT_TRUE(files.sync_directory("/"));
    const auto file = open(files, "f/a");
    write(*file, "synced");
    ASSERT_TRUE(file->sync());
  });
  EXPECT_EQ(found, (Set{"none", "synced"}));
}

TEST(PowerLoss, AFolderMayVanishWithAllThatIsInItUntilItsParentIsSynced) {
  const Set found = outcomes("f/a", [](SimFileSystem& files) {
    ASSERT_TRUE(files.create_directories("f"));
    make_durable(files, "f/a", "synced");
  });
  EXPECT_EQ(found, (Set{"none", "synced"}));
}

TEST(PowerLoss, ARemovedFileMayComeBackUntilItsFolderIsSynced) {
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       make_durable(files, "a", "old");
                       ASSERT_TRUE(files.remove("a"));
                     }),
            (Set{"none", "old"}));
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       make_durable(files, "a", "old");
                       ASSERT_TRUE(files.remove("a"));
                       ASSERT_TRUE(files.sync_directory("."));
                     }),
            Set{"none"});
}

TEST(PowerLoss, ARemovedFolderMayComeBackInPart) {
  Set names;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimFileSystem before(seed);
    ASSERT_TRUE(before.create_directories("f"));
    ASSERT_TRUE(before.sync_directory("/"));
    make_durable(before, "f/a", "a");
    make_durable(before, "f/b", "b");
    ASSERT_TRUE(before.remove_all("f"));
    SimFileSystem after(seed, before.crash(seed));
    std::string found = after.exists("f") ? "f" : "none";
    for (const FileInfo& info : after.list("f").value_or(std::vector<FileInfo>{})) found += info.name;
    names.insert(found);
  }
  EXPECT_EQ(names, (Set{"none", "f", "fa", "fb", "fab"}));
}

TEST(PowerLoss, ARenameOverAFileLeavesTheOldOrTheNewContentNeverNothing) {
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       make_durable(files, "a", "old");
                       make_durable(files, "a.tmp", "new");
                       ASSERT_TRUE(files.rename("a.tmp", "a"));
                     }),
            (Set{"old", "new"}));
}

TEST(PowerLoss, TheTwoNamesOfARenameSurviveIndependently) {
  Set names;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SimFileSystem before(seed);
    make_durable(before, "a", "x");
    ASSERT_TRUE(before.rename("a", "b"));
    SimFileSystem after(seed, before.crash(seed));
    names.insert(content(after, "a") + " " + content(after, "b"));
  }
  EXPECT_EQ(names, (Set{"x none", "none x", "x x", "none none"}));
}

TEST(PowerLoss, SyncAllKeepsContentAndNamesOfEverything) {
  for (const char* path : {"a", "f/g/b"}) {
    EXPECT_EQ(outcomes(path,
                       [](SimFileSystem& files) {
                         ASSERT_TRUE(files.create_directories("f/g"));
                         write(*open(files, "a"), "everything");
                         write(*open(files, "f/g/b"), "everything");
                         ASSERT_TRUE(files.sync_all("f"));
                       }),
              Set{"everything"});
  }
}

TEST(PowerLoss, ReplaceFileIsAtomicAtEveryOperation) {
  Set when_cut;
  for (std::uint64_t operations = 0; operations <= 8; ++operations) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      SimFileSystem before(seed);
      make_durable(before, "f", "old");
      before.power_off_after(operations);
      const Status replaced = replace_file(before, "f", as_bytes("new"));
      SimFileSystem after(seed, before.crash(seed));
      const std::string found = content(after, "f");
      if (replaced) {
        EXPECT_EQ(found, "new");
      } else {
        EXPECT_EQ(replaced.error().code, Errc::cancelled);
        when_cut.insert(found);
      }
    }
  }
  EXPECT_EQ(when_cut, (Set{"old", "new"}));
}

TEST(PowerLoss, OneDiskBootsManyTimesFromTheSameState) {
  SimFileSystem before(1);
  make_durable(before, "a", "first");
  const SimDisk disk = before.crash(1);
  SimFileSystem one(1, disk);
  make_durable(one, "a", "changed");
  SimFileSystem two(2, disk);
  EXPECT_EQ(content(two, "a"), "first");
  EXPECT_EQ(content(one, "a"), "changed");
}

TEST(PowerOff, CountsOperationsAndThenChangesNothing) {
  SimFileSystem files(1);
  make_durable(files, "a", "kept");
  const std::uint64_t before = files.operations();
  EXPECT_EQ(before, 4U) << "create, write, sync, sync of the folder";
  files.power_off_after(1);
  const auto file = open(files, "a", OpenMode::write);
  EXPECT_TRUE(file->write_at(as_bytes("K"), 0));
  EXPECT_FALSE(files.is_off());
  EXPECT_EQ(file->sync().error().code, Errc::cancelled);
  EXPECT_TRUE(files.is_off());
  EXPECT_EQ(file->write_at(as_bytes("x"), 0).error().code, Errc::cancelled);
  EXPECT_EQ(file->truncate(0).error().code, Errc::cancelled);
  EXPECT_EQ(files.remove("a").error().code, Errc::cancelled);
  EXPECT_EQ(files.rename("a", "b").error().code, Errc::cancelled);
  EXPECT_EQ(files.create_directories("f").error().code, Errc::cancelled);
  EXPECT_EQ(files.open("b", OpenMode::create).error().code, Errc::cancelled);
  EXPECT_EQ(files.sync_all(".").error().code, Errc::cancelled);
  EXPECT_EQ(files.operations(), before + 1);
  SimFileSystem after(1, files.crash(7));
  EXPECT_EQ(content(after, "b"), "none");
  EXPECT_TRUE(content(after, "a") == "kept" || content(after, "a") == "Kept") << content(after, "a");
}

TEST(PowerOff, OpenHandlesAreDead) {
  auto files = std::make_unique<SimFileSystem>(1);
  const auto file = open(*files, "a");
  std::byte byte{};
  files.reset();
  EXPECT_EQ(file->read_at(MutableBytes(&byte, 1), 0).error().code, Errc::cancelled);
  EXPECT_EQ(file->write_at(as_bytes("x"), 0).error().code, Errc::cancelled);
}

TEST(FailedSync, PagesAreCleanButNotDurableAndADroppedCacheShowsTheDisk) {
  const auto prepare = [](SimFileSystem& files) {
    make_durable(files, "a", pages("ab"));
    const auto file = open(files, "a");
    write(*file, pages("AB"));
    files.faults().failing_syncs = 1;
    EXPECT_EQ(file->sync().error().code, Errc::io);
    EXPECT_TRUE(file->sync()) << "a later sync has nothing to write";
  };
  EXPECT_EQ(outcomes("a", prepare), Set{pages("ab")});
  SimFileSystem files(1);
  prepare(files);
  EXPECT_EQ(content(files, "a"), pages("AB")) << "memory still has what the disk lacks";
  open(files, "a")->drop_cache();
  EXPECT_EQ(content(files, "a"), pages("ab"));
}

TEST(FailedSync, APageThatIsWrittenAgainIsSyncedAgain) {
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       make_durable(files, "a", pages("ab"));
                       const auto file = open(files, "a");
                       write(*file, pages("AB"));
                       files.faults().failing_syncs = 1;
                       EXPECT_FALSE(file->sync());
                       write(*file, "X", kPage);
                       EXPECT_TRUE(file->sync());
                     }),
            Set{pages("a") + "X" + pages("B").substr(1)});
}

TEST(FailedSync, SyncAllAndFolderSyncsFailToo) {
  SimFileSystem files(1);
  write(*open(files, "a"), "lost");
  files.faults().failing_syncs = 2;
  EXPECT_EQ(files.sync_all("a").error().code, Errc::io);
  EXPECT_EQ(files.sync_directory("/").error().code, Errc::io);
  EXPECT_TRUE(files.sync_directory("/"));
  open(files, "a")->drop_cache();
  EXPECT_EQ(content(files, "a"), std::string(4, '\0'));
}

TEST(FailedSync, ASyncOfAllThatFailedIsToldToEachFileOnceAndFailsForGood) {
  SimFileSystem files(1);
  const auto lost = open(files, "lost");
  const auto fine = open(files, "fine");
  write(*lost, "x");
  files.faults().failing_syncs = 1;
  EXPECT_FALSE(files.sync_all("/"));
  EXPECT_FALSE(files.sync_all("/")) << "the one who hears of it may not be the one who lost something";
  EXPECT_TRUE(fine->sync());
  EXPECT_EQ(lost->sync().error().code, Errc::io);
  EXPECT_TRUE(lost->sync()) << "told once";
}

TEST(LyingDisk, IgnoredFileSyncsLoseContent) {
  const Set found = outcomes("a", [](SimFileSystem& files) {
    files.faults().ignore_file_sync = true;
    make_durable(files, "a", "promised");
  });
  EXPECT_TRUE(found.contains(""));
  EXPECT_FALSE(found.contains("none"));
}

TEST(LyingDisk, IgnoredFolderSyncsLoseNames) {
  EXPECT_EQ(outcomes("a",
                     [](SimFileSystem& files) {
                       files.faults().ignore_directory_sync = true;
                       make_durable(files, "a", "promised");
                     }),
            (Set{"none", "promised"}));
}

TEST(FullDisk, WritesFailAndRemovalsMakeRoom) {
  SimFileSystem files(1);
  files.faults().capacity = 100;
  const auto file = open(files, "a");
  write(*file, std::string(80, 'x'));
  EXPECT_EQ(files.free_space("/").value(), 20U);
  EXPECT_EQ(file->write_at(as_bytes(std::string(30, 'y')), 80).error().code, Errc::disk_full);
  EXPECT_TRUE(file->write_at(as_bytes(std::string(80, 'z')), 0)) << "an overwrite needs no room";
  ASSERT_TRUE(file->truncate(50));
  EXPECT_EQ(files.free_space("/").value(), 50U);
  EXPECT_EQ(file->truncate(200).error().code, Errc::disk_full);
  ASSERT_TRUE(files.remove("a"));
  EXPECT_EQ(files.free_space("/").value(), 100U);
  EXPECT_TRUE(open(files, "b")->write_at(as_bytes(std::string(100, 'x')), 0));
}

TEST(BitRot, OneByteIsWrongInMemoryAndOnDisk) {
  SimFileSystem files(1);
  make_durable(files, "a", "abc");
  EXPECT_TRUE(files.corrupt("a", 1, std::byte{0x20}));
  EXPECT_FALSE(files.corrupt("a", 3));
  EXPECT_FALSE(files.corrupt("b", 0));
  EXPECT_EQ(content(files, "a"), "aBc");
  SimFileSystem after(1, files.crash(1));
  EXPECT_EQ(content(after, "a"), "aBc");
}

}  // namespace
}  // namespace leat::runtime::sim
