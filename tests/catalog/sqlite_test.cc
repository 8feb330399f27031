#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "catalog/sqlite_catalog.h"
#include "catalog/sqlite_store.h"
#include "tests/catalog/faulty_files.h"
#include "tests/catalog/support.h"

// What only the SQLite home has: its file, its versions, and how it fails.
namespace leat::catalog {
namespace {

namespace fs = std::filesystem;

class SqliteStoreTest : public testing::Test {
 protected:
  std::string database() const { return folder_.path() + "/catalog.db"; }
  Result<std::unique_ptr<SqliteStore>> open() { return SqliteStore::open(files_, folder_.path()); }
  std::unique_ptr<SqliteStore> must_open() {
    auto store = open();
    EXPECT_TRUE(store) << message_of(store);
    return store ? std::move(*store) : nullptr;
  }
  static Commit put_of(std::string key, std::string value) {
    Commit request;
    request.puts.push_back({std::move(key), std::move(value)});
    return request;
  }
  static std::string read(SqliteStore& store) {
    const auto snapshot = store.snapshot({""});
    if (!snapshot) return "error: " + snapshot.error().message;
    std::string text;
    for (const Entry& entry : snapshot->entries) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", entry.key, entry.value);
    }
    return text;
  }
  // Works on the file as any SQLite program would.
  void run_sql(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  TemporaryFolder folder_;
  FaultyFiles files_{runtime::real_files()};
};

TEST_F(SqliteStoreTest, IsWrittenAheadOfAndFlushedAtEveryCommit) {
  const auto store = must_open();
  ASSERT_TRUE(store->commit(put_of("a", "1")));
  files_.calls.clear();
  ASSERT_TRUE(store->commit(put_of("a", "2")));
  EXPECT_EQ(std::ranges::count(files_.calls, "sync catalog.db-wal"), 1);
  EXPECT_EQ(std::ranges::count(files_.calls, "write catalog.db"), 0);
}

TEST_F(SqliteStoreTest, AFreshLogsNameIsDurableBeforeTheFirstCommitIsAnswered) {
  const auto store = must_open();
  files_.calls.clear();
  ASSERT_TRUE(store->commit(put_of("a", "1")));
  const auto named =
      std::ranges::find_if(files_.calls, [](const std::string& call) { return call.starts_with("sync_directory "); });
  EXPECT_NE(named, files_.calls.end());
}

TEST_F(SqliteStoreTest, RefusesANewerSchemaAndLeavesItAlone) {
  must_open().reset();
  run_sql(fmt::format("UPDATE meta SET value={} WHERE name='schema_version'", kCatalogSchemaVersion + 1));
  const auto store = open();
  EXPECT_EQ(error_of(store), Errc::unsupported);
  EXPECT_NE(message_of(store).find("a newer leat wrote it"), std::string::npos) << message_of(store);
  EXPECT_NE(message_of(store).find(fmt::format("version {}", kCatalogSchemaVersion + 1)), std::string::npos);
  run_sql(fmt::format("UPDATE meta SET value={} WHERE name='schema_version'", kCatalogSchemaVersion));
  EXPECT_NE(must_open(), nullptr);
}

TEST_F(SqliteStoreTest, RefusesADatabaseThatIsNoCatalog) {
  run_sql("CREATE TABLE t(x)");
  EXPECT_EQ(error_of(open()), Errc::corrupt);
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(database()) << std::string(8192, 'x');
  EXPECT_EQ(error_of(open()), Errc::corrupt);
}

TEST_F(SqliteStoreTest, RefusesALogWithoutItsDatabase) {
  std::ofstream(database() + "-wal") << "x";
  EXPECT_EQ(error_of(open()), Errc::corrupt);
  fs::remove(database() + "-wal");
  EXPECT_NE(must_open(), nullptr);
}

TEST_F(SqliteStoreTest, FindsDamagedPagesWhenItOpens) {
  {
    const auto store = must_open();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(store->commit(put_of(fmt::format("k/{}", i), std::string(1000, 'v'))));
  }
  const auto size = fs::file_size(database());
  ASSERT_GT(size, 100'000U);
  {
    // The heads of pages in the middle.
    std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::uint64_t page = size / 8192; page < size / 8192 + 4; ++page) {
      file.seekp(static_cast<std::streamoff>(page * 4096));
      file << std::string(64, '\xee');
    }
  }
  EXPECT_EQ(error_of(open()), Errc::corrupt);
}

TEST_F(SqliteStoreTest, AFolderThatIsNotThereIsAnError) {
  const auto store = SqliteStore::open(files_, folder_.path() + "/missing");
  EXPECT_FALSE(store);
}

TEST_F(SqliteStoreTest, AReadOnlyFolderIsPermissionDenied) {
  files_.fault = [](std::string_view call, const std::string&) -> std::optional<Errc> {
    if (call == "open") return Errc::permission_denied;
    return std::nullopt;
  };
  EXPECT_EQ(error_of(open()), Errc::permission_denied);
  files_.fault = nullptr;
  must_open().reset();
  files_.fault = [](std::string_view call, const std::string&) -> std::optional<Errc> {
    if (call == "open") return Errc::permission_denied;
    return std::nullopt;
  };
  EXPECT_EQ(error_of(open()), Errc::permission_denied);
}

TEST_F(SqliteStoreTest, OnAFullDiskCommitsFailReadsGoOnAndItHeals) {
  const auto store = must_open();
  ASSERT_TRUE(store->commit(put_of("a", "1")));
  files_.fault = [](std::string_view call, const std::string&) -> std::optional<Errc> {
    if (call == "write") return Errc::disk_full;
    return std::nullopt;
  };
  const auto full = store->commit(put_of("a", "2"));
  EXPECT_EQ(error_of(full), Errc::disk_full);
  EXPECT_NE(message_of(full).find("catalog.db"), std::string::npos);
  EXPECT_EQ(read(*store), "a=1");
  files_.fault = nullptr;
  ASSERT_TRUE(store->commit(put_of("a", "3")));
  EXPECT_EQ(read(*store), "a=3");
}

TEST_F(SqliteStoreTest, AfterAFailedFlushItTakesNoMoreCommitsUntilReopened) {
  bool failed = false;
  {
    const auto store = must_open();
    ASSERT_TRUE(store->commit(put_of("a", "1")));
    files_.fault = [&](std::string_view call, const std::string&) -> std::optional<Errc> {
      if (call != "sync" || failed) return std::nullopt;
      failed = true;
      return Errc::io;
    };
    EXPECT_EQ(error_of(store->commit(put_of("a", "2"))), Errc::io);
    EXPECT_TRUE(failed);
    // The next flush would succeed, and might cover up what the first one lost.
    EXPECT_EQ(error_of(store->commit(put_of("b", "1"))), Errc::offline);
    EXPECT_EQ(read(*store), "a=1");
  }
  files_.fault = nullptr;
  const auto store = must_open();
  const std::string found = read(*store);
  EXPECT_TRUE(found == "a=1" || found == "a=2") << found;  // never answered, so either
  EXPECT_TRUE(store->commit(put_of("b", "1")));
}

TEST_F(SqliteStoreTest, AWriteErrorFailsOnlyWhatItHit) {
  const auto store = must_open();
  ASSERT_TRUE(store->commit(put_of("a", "1")));
  const Revision before = store->revision();
  files_.fault = [](std::string_view call, const std::string&) -> std::optional<Errc> {
    if (call == "sync_directory") return Errc::io;
    return std::nullopt;
  };
  // The log's name is durable already, so no folder is synced any more.
  EXPECT_TRUE(store->commit(put_of("a", "2")));
  EXPECT_EQ(store->revision(), before + 1);
}

// What a kill -9 leaves: the files as they are at that moment, with the log that was not yet put back.
TEST_F(SqliteStoreTest, AfterAKillEveryCommitIsThereAndLeasedEntriesAreGone) {
  const auto store = must_open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(store->commit(put_of("n", std::to_string(i))));
  Commit leased;
  leased.puts.push_back({"leased", "x", LeaseId(7)});
  const auto last = store->commit(leased);
  ASSERT_TRUE(last);
  const TemporaryFolder copy;
  fs::copy(folder_.path(), copy.path(), fs::copy_options::recursive);
  ASSERT_TRUE(fs::exists(copy.path() + "/catalog.db-wal"));
  auto reopened = SqliteStore::open(runtime::real_files(), copy.path());
  ASSERT_TRUE(reopened) << message_of(reopened);
  EXPECT_EQ(read(**reopened), "n=49");
  EXPECT_GT((*reopened)->revision(), last->revision);
}

TEST_F(SqliteStoreTest, TheLogIsPutBackAndDoesNotGrowWithoutEnd) {
  const auto store = must_open();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(store->commit(put_of("big", std::string(200'000, static_cast<char>('a' + i % 26)))));
  }
  EXPECT_LT(fs::file_size(database() + "-wal"), 16U << 20);
}

}  // namespace
}  // namespace leat::catalog
