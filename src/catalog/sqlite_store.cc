#include "catalog/sqlite_store.h"

#include <sqlite3.h>

#include "base/logging.h"
#include "catalog/sqlite_vfs.h"

namespace leat::catalog {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE meta(name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE entries(key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL,"
    "                     lease INTEGER NOT NULL);"
    "CREATE INDEX leased ON entries(lease) WHERE lease != 0;"
    "INSERT INTO meta VALUES ('revision', 0);";

Errc code_of(int result) {
  switch (result & 0xFF) {
    case SQLITE_FULL: return Errc::disk_full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return Errc::permission_denied;
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return Errc::too_large;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return Errc::io;
    case SQLITE_INTERRUPT: return Errc::cancelled;
    default: return Errc::internal;
  }
}

// A prepared statement, bound, stepped and reset. Views of columns end with the next step or reset.
class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  int prepare(sqlite3* db, const char* sql) {
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  }
  // Bound text and blobs outlive the statement's run.
  void bind(int at, std::string_view text) {
    sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void bind_blob(int at, std::string_view bytes) {
    sqlite3_bind_blob(statement_, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(statement_, at, value); }

  int step() { return sqlite3_step(statement_); }
  void reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  [[nodiscard]] std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string_view bytes(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return {static_cast<const char*>(data), size};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// Resets a statement at the end of its use, whatever the outcome.
class Use {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { statement_.reset(); }
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

struct Closer {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};

// The bytes of a catalog without entries, in WAL mode.
Result<Bytes> empty_catalog() {
  sqlite3* raw = nullptr;
  int result = sqlite3_open(":memory:", &raw);
  const std::unique_ptr<sqlite3, Closer> db(raw);
  const std::string sql =
      fmt::format("BEGIN; {} INSERT INTO meta VALUES ('schema_version', {}); COMMIT", kSchema, kCatalogSchemaVersion);
  if (result == SQLITE_OK) result = sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return fail(code_of(result), fmt::format("make a catalog: {}", sqlite3_errstr(result)));
  sqlite3_int64 size = 0;
  unsigned char* image = sqlite3_serialize(raw, "main", &size, 0);
  if (image == nullptr) return fail(Errc::too_large, "make a catalog: out of memory");
  Bytes bytes = Bytes::copy_of(std::as_bytes(std::span(image, static_cast<std::size_t>(size))));
  sqlite3_free(image);
  // The read and write version of the header: 2 is WAL (https://www.sqlite.org/fileformat2.html, 1.3.3).
  bytes.data()[18] = std::byte{2};
  bytes.data()[19] = std::byte{2};
  return bytes;
}

class Store final : public SqliteStore {
 public:
  Store(runtime::FileSystem& files, runtime::SpaceReserve* reserve, std::string path)
      : path_(std::move(path)), vfs_(files, reserve) {}

  Status start(runtime::FileSystem& files);
  Result<Snapshot> snapshot(const std::vector<std::string>& prefixes) override;
  Result<Committed> commit(const Commit& request) override;
  Result<Committed> drop_lease(LeaseId lease) override;
  Revision revision() const override { return revision_; }

 private:
  Status settle(runtime::FileSystem& files, const std::string& log);
  Error error(int result, std::string_view doing);
  Status execute(const char* sql, std::string_view doing);
  Result<std::string> query_text(const char* sql, std::string_view doing);
  Result<std::int64_t> query_integer(const char* sql, std::string_view doing);
  Status check_schema();
  Status check_pages();
  Status prepare_statements();
  Status run(Use& statement, std::string_view doing);
  Status begin();
  Status check_condition(const Condition& condition);
  // Between BEGIN and COMMIT; `changes` is what was done.
  Status apply(const Commit& request, Revision revision, std::vector<Change>& changes);
  Status apply_drop(LeaseId lease, Revision revision, std::vector<Change>& changes);
  Result<Committed> finish(Status done, Revision revision, std::vector<Change> changes);
  void roll_back();
  Status read_into(Snapshot& snapshot, const std::string& prefix, std::size_t& bytes);

  std::string path_;
  SqliteVfs vfs_;
  std::unique_ptr<sqlite3, Closer> db_;
  // After db_: statements end before their database.
  Statement begin_, commit_, rollback_, revision_of_, put_, delete_, set_revision_, read_, leased_, drop_;
  Revision revision_{0};
  bool failed_ = false;  // what the disk holds is not known
};

Error Store::error(int result, std::string_view doing) {
  std::string why = db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(result);
  Errc code = code_of(result);
  if (auto cause = vfs_.take_error(); cause && (code == Errc::io || code == Errc::disk_full)) {
    code = cause->code == Errc::not_found || cause->code == Errc::exists ? Errc::io : cause->code;
    why = std::move(cause->message);
  }
  return {code, fmt::format("catalog {}: {}: {}", path_, doing, why)};
}

Status Store::execute(const char* sql, std::string_view doing) {
  const int result = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return fail(error(result, doing));
  return {};
}

Result<std::string> Store::query_text(const char* sql, std::string_view doing) {
  Statement query;
  if (const int result = query.prepare(db_.get(), sql); result != SQLITE_OK) return fail(error(result, doing));
  if (const int result = query.step(); result != SQLITE_ROW) return fail(error(result, doing));
  return std::string(query.bytes(0));
}

Result<std::int64_t> Store::query_integer(const char* sql, std::string_view doing) {
  Statement query;
  if (const int result = query.prepare(db_.get(), sql); result != SQLITE_OK) return fail(error(result, doing));
  const int result = query.step();
  if (result == SQLITE_DONE) return fail(Errc::corrupt, fmt::format("catalog {}: {}: nothing found", path_, doing));
  if (result != SQLITE_ROW) return fail(error(result, doing));
  return query.integer(0);
}

// Makes sure that what will be read is what the disk holds: a process that died before this one may have left pages in
// the page cache whose flush failed, and names that are not durable. The latter also for the log that will be made: it must
// not outlive a database whose name is lost.
Status Store::settle(runtime::FileSystem& files, const std::string& log) {
  for (const std::string& path : {path_, log}) {
    if (!files.exists(path)) continue;
    LEAT_TRY(const auto file, files.open(path, runtime::OpenMode::write));
    LEAT_CHECK(file->sync());
    file->drop_cache();
  }
  return files.sync_directory(runtime::parent_path(path_));
}

Status Store::start(runtime::FileSystem& files) {
  const std::string log = path_ + "-wal";
  if (files.exists(path_)) {
    LEAT_CHECK(settle(files, log));
  } else {
    if (files.exists(log)) {
      return fail(Errc::corrupt,
                  fmt::format("{} is there but {} is not: restore it, or take the log away to begin anew", log, path_));
    }
    // In one step, so that there never is half a catalog.
    LEAT_TRY(const Bytes image, empty_catalog());
    LEAT_CHECK(runtime::replace_file(files, path_, image));
  }
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const int result = sqlite3_open_v2(path_.c_str(), &db, flags, vfs_.name());
  db_.reset(db);
  if (result != SQLITE_OK) return fail(error(result, "open"));
  sqlite3_extended_result_codes(db, 1);
  // Exclusive before the first access: then the index of the log is in memory and there is no shared memory file.
  LEAT_CHECK(
      execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
              "PRAGMA mmap_size=0; PRAGMA synchronous=FULL",
              "open"));
  LEAT_TRY(const std::string mode, query_text("PRAGMA journal_mode=WAL", "open"));
  if (mode != "wal") return fail(Errc::io, fmt::format("catalog {}: no write-ahead log, but mode '{}'", path_, mode));
  LEAT_CHECK(execute("PRAGMA journal_size_limit=4194304", "open"));
  LEAT_CHECK(check_schema());
  LEAT_CHECK(check_pages());
  LEAT_CHECK(prepare_statements());
  LEAT_TRY(const std::int64_t revision, query_integer("SELECT value FROM meta WHERE name='revision'", "read revision"));
  revision_ = Revision(revision);
  LEAT_CHECK(drop_lease(kNoLease));
  return {};
}

// Refuses what another program or a newer leat wrote, untouched.
Status Store::check_schema() {
  LEAT_TRY(const std::int64_t has_meta,
           query_integer("SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='meta'", "read schema"));
  if (has_meta == 0) return fail(Errc::corrupt, fmt::format("{} is not a catalog of leat", path_));
  LEAT_TRY(const std::int64_t version,
           query_integer("SELECT value FROM meta WHERE name='schema_version'", "read schema version"));
  if (version > kCatalogSchemaVersion) {
    return fail(
        Errc::unsupported,
        fmt::format("catalog {} has schema version {}, but this leat reads versions up to {}: a newer leat wrote it; "
                    "start that one, or restore a backup made before the upgrade",
                    path_, version, kCatalogSchemaVersion));
  }
  if (version < 1) return fail(Errc::corrupt, fmt::format("catalog {} has schema version {}", path_, version));
  return {};
}

Status Store::check_pages() {
  LEAT_TRY(const std::string verdict, query_text("PRAGMA quick_check(1)", "check"));
  if (verdict == "ok") return {};
  // A page that could not be read is not a damaged page.
  if (auto cause = vfs_.take_error())
    return fail(cause->code, fmt::format("catalog {}: check: {}", path_, cause->message));
  return fail(Errc::corrupt, fmt::format("catalog {} is damaged: {}", path_, verdict));
}

Status Store::prepare_statements() {
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&revision_of_, "SELECT revision FROM entries WHERE key=?1"},
      {&put_,
       "INSERT INTO entries(key, value, revision, lease) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(key) "
       "DO UPDATE SET value=excluded.value, revision=excluded.revision, lease=excluded.lease"},
      {&delete_, "DELETE FROM entries WHERE key=?1"},
      {&set_revision_, "UPDATE meta SET value=?1 WHERE name='revision'"},
      {&read_, "SELECT key, value, revision FROM entries WHERE key>=?1 AND (?2='' OR key<?2) ORDER BY key"},
      {&leased_, "SELECT key FROM entries WHERE lease!=0 AND (?1=0 OR lease=?1) ORDER BY key"},
      {&drop_, "DELETE FROM entries WHERE lease!=0 AND (?1=0 OR lease=?1)"},
  };
  for (const auto& [statement, sql] : statements) {
    if (const int result = statement->prepare(db_.get(), sql); result != SQLITE_OK) {
      return fail(error(result, "prepare statements"));
    }
  }
  return {};
}

Status Store::run(Use& statement, std::string_view doing) {
  const int result = statement->step();
  if (result != SQLITE_DONE) return fail(error(result, doing));
  return {};
}

Status Store::begin() {
  if (failed_ || vfs_.sync_failed()) {
    return fail(Errc::offline, fmt::format("catalog {}: writing failed earlier and what the disk holds is not known; "
                                           "check the disk, then restart the server",
                                           path_));
  }
  (void)vfs_.take_error();  // an old one, of something SQLite could do without
  Use statement(begin_);
  return run(statement, "begin");
}

Status Store::read_into(Snapshot& snapshot, const std::string& prefix, std::size_t& bytes) {
  const std::string end = prefix_end(prefix);
  Use read(read_);
  read->bind(1, prefix);
  read->bind(2, end);
  int result = SQLITE_ROW;
  while ((result = read->step()) == SQLITE_ROW) {
    Entry entry{std::string(read->bytes(0)), std::string(read->bytes(1)), Revision(read->integer(2))};
    bytes += entry.key.size() + entry.value.size();
    if (bytes > kSnapshotBytesMax) {
      return fail(Errc::too_large, fmt::format("a snapshot has at most {} bytes", kSnapshotBytesMax));
    }
    snapshot.entries.push_back(std::move(entry));
  }
  if (result != SQLITE_DONE) return fail(error(result, "read"));
  return {};
}

Result<Snapshot> Store::snapshot(const std::vector<std::string>& prefixes) {
  (void)vfs_.take_error();
  Snapshot snapshot{revision_, {}};
  std::size_t bytes = 0;
  // In order, what extends a prefix comes right after it: each key is read once, and in order.
  std::vector<std::string> sorted = prefixes;
  std::ranges::sort(sorted);
  const std::string* last = nullptr;
  for (const std::string& prefix : sorted) {
    if (last != nullptr && prefix.starts_with(*last)) continue;
    LEAT_CHECK(read_into(snapshot, prefix, bytes));
    last = &prefix;
  }
  return snapshot;
}

Status Store::check_condition(const Condition& condition) {
  Use query(revision_of_);
  query->bind(1, condition.key);
  const int result = query->step();
  if (result != SQLITE_ROW && result != SQLITE_DONE) return fail(error(result, "read"));
  const Revision found = result == SQLITE_ROW ? Revision(query->integer(0)) : kAbsent;
  if (found == condition.modified) return {};
  return fail(Errc::version_conflict,
              fmt::format("'{}' is at revision {}, not {}", condition.key, found, condition.modified));
}

Status Store::apply(const Commit& request, Revision revision, std::vector<Change>& changes) {
  for (const Condition& condition : request.conditions) LEAT_CHECK(check_condition(condition));
  for (const Put& put : request.puts) {
    Use statement(put_);
    statement->bind(1, put.key);
    statement->bind_blob(2, put.value);
    statement->bind(3, revision.value());
    statement->bind(4, put.lease.value());
    LEAT_CHECK(run(statement, "put"));
    changes.push_back({put.key, put.value, revision});
  }
  for (const std::string& key : request.deletes) {
    Use statement(delete_);
    statement->bind(1, key);
    LEAT_CHECK(run(statement, "delete"));
    if (sqlite3_changes(db_.get()) > 0) changes.push_back({key, std::nullopt, revision});
  }
  return {};
}

Status Store::apply_drop(LeaseId lease, Revision revision, std::vector<Change>& changes) {
  {
    Use query(leased_);
    query->bind(1, lease.value());
    int result = SQLITE_ROW;
    while ((result = query->step()) == SQLITE_ROW) {
      changes.push_back({std::string(query->bytes(0)), std::nullopt, revision});
    }
    if (result != SQLITE_DONE) return fail(error(result, "read leases"));
  }
  if (changes.empty()) return {};
  Use statement(drop_);
  statement->bind(1, lease.value());
  return run(statement, "drop lease");
}

// Ends the transaction: commits when it changed something, otherwise leaves no trace of it.
Result<SqliteStore::Committed> Store::finish(Status done, Revision revision, std::vector<Change> changes) {
  if (done && !changes.empty()) {
    Use statement(set_revision_);
    statement->bind(1, revision.value());
    done = run(statement, "set revision");
    if (done) {
      Use commit(commit_);
      const int result = commit->step();
      if (result != SQLITE_DONE) {
        failed_ = (result & 0xFF) == SQLITE_IOERR;
        done = fail(error(result, "commit"));
      }
    }
    if (done) {
      revision_ = revision;
      return Committed{revision, std::move(changes)};
    }
  }
  roll_back();
  if (!done) return fail(std::move(done.error()));
  return Committed{revision_, {}};
}

void Store::roll_back() {
  if (sqlite3_get_autocommit(db_.get()) != 0) return;  // SQLite has done it
  Use statement(rollback_);
  if (auto status = run(statement, "roll back"); !status) {
    failed_ = true;
    log_error("catalog", "{}", status.error().message);
  }
}

Result<SqliteStore::Committed> Store::commit(const Commit& request) {
  LEAT_CHECK(begin());
  const Revision revision = revision_ + 1;
  std::vector<Change> changes;
  Status done = apply(request, revision, changes);
  return finish(std::move(done), revision, std::move(changes));
}

Result<SqliteStore::Committed> Store::drop_lease(LeaseId lease) {
  LEAT_CHECK(begin());
  const Revision revision = revision_ + 1;
  std::vector<Change> changes;
  Status done = apply_drop(lease, revision, changes);
  return finish(std::move(done), revision, std::move(changes));
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(runtime::FileSystem& files, const std::string& folder,
                                                       runtime::SpaceReserve* reserve) {
  auto store = std::make_unique<Store>(files, reserve, runtime::join_path(folder, "catalog.db"));
  LEAT_CHECK(store->start(files));
  return store;
}

}  // namespace leat::catalog
