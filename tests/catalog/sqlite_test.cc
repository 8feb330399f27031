#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "catalog/sqlite_catalog.h"
#include "catalog/sqlite_store.h"
#include "tests/catalog/support.h"

// What only the SQLite home has: its file, its versions, and how it fails.
namespace leat::catalog {
namespace {

namespace fs = std::filesystem;

// The real files, but any call can be made to fail.
class FaultyFiles final : public runtime::FileSystem {
 public:
  // Asked before each call with its name ("write", "sync", "open", ...) and path.
  std::function<std::optional<Errc>(std::string_view, const std::string&)> fault;
  std::vector<std::string> calls;  // "sync catalog.db-wal", in order

  Status check(std::string_view call, const std::string& path) {
    calls.push_back(fmt::format("{} {}", call, fs::path(path).filename().string()));
    if (!fault) return {};
    if (const auto code = fault(call, path)) return fail(*code, "injected");
    return {};
  }

  Result<std::unique_ptr<runtime::File>> open(const std::string& path, runtime::OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override {
    LEAT_CHECK(check("rename", to));
    return real_.rename(from, to);
  }
  Status remove(const std::string& path) override {
    LEAT_CHECK(check("remove", path));
    return real_.remove(path);
  }
  Status create_directories(const std::string& path) override { return real_.create_directories(path); }
  Status remove_all(const std::string& path) override { return real_.remove_all(path); }
  Result<std::vector<runtime::FileInfo>> list(const std::string& path) override { return real_.list(path); }
  bool exists(const std::string& path) override { return real_.exists(path); }
  Status sync_directory(const std::string& path) override {
    LEAT_CHECK(check("sync_directory", path));
    return real_.sync_directory(path);
  }
  Status sync_all(const std::string& path) override { return real_.sync_all(path); }
  Result<std::uint64_t> free_space(const std::string& path) override { return real_.free_space(path); }
  Result<std::unique_ptr<runtime::DirectoryLock>> lock_directory(const std::string& path) override {
    return real_.lock_directory(path);
  }

 private:
  runtime::FileSystem& real_ = runtime::real_files();
};

class FaultyFile final : public runtime::File {
 public:
  FaultyFile(FaultyFiles& files, std::string path, std::unique_ptr<runtime::File> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}
  Result<std::size_t> read_at(MutableBytes into, std::uint64_t offset) override {
    LEAT_CHECK(files_.check("read", path_));
    return file_->read_at(into, offset);
  }
  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t offset) override {
    return file_->read_cached(into, offset);
  }
  bool is_cached(std::uint64_t offset, std::uint64_t length) override { return file_->is_cached(offset, length); }
  void prefetch(std::uint64_t offset, std::uint64_t length) override { file_->prefetch(offset, length); }
  Status write_at(std::span<const BytesView> parts, std::uint64_t offset) override {
    LEAT_CHECK(files_.check("write", path_));
    return file_->write_at(parts, offset);
  }
  Status sync() override {
    LEAT_CHECK(files_.check("sync", path_));
    return file_->sync();
  }
  Status truncate(std::uint64_t size) override {
    LEAT_CHECK(files_.check("truncate", path_));
    return file_->truncate(size);
  }
  Result<std::uint64_t> size() override { return file_->size(); }
  void drop_cache() override { file_->drop_cache(); }
  int descriptor() const override { return file_->descriptor(); }

 private:
  FaultyFiles& files_;
  std::string path_;
  std::unique_ptr<runtime::File> file_;
};

Result<std::unique_ptr<runtime::File>> FaultyFiles::open(const std::string& path, runtime::OpenMode mode) {
  LEAT_CHECK(check("open", path));
  LEAT_TRY(auto file, real_.open(path, mode));
  return std::make_unique<FaultyFile>(*this, path, std::move(file));
}

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
  FaultyFiles files_;
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
  {
    const auto store = must_open();
    ASSERT_TRUE(store->commit(put_of("a", "1")));
    bool failed = false;
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
