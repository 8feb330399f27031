#include "queue/index_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <filesystem>

#include "base/logging.h"

namespace leat::queue {
namespace {

constexpr std::size_t kWriteBuffer = std::size_t{16} << 20;
constexpr std::size_t kBlockCache = std::size_t{16} << 20;

rocksdb::Options make_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = kWriteBuffer;
  options.max_write_buffer_number = 3;
  options.max_background_jobs = 2;
  options.max_open_files = 64;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.avoid_flush_during_shutdown = false;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCache);
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::string prefix_of(const QueueId& queue) {
  return std::string(reinterpret_cast<const char*>(queue.bytes.data()), queue.bytes.size());
}

std::string prefix_of(const QueueId& queue, PartitionIndex partition) {
  std::string prefix = prefix_of(queue);
  std::byte raw[4];
  store_be(raw, partition.value());
  prefix.append(reinterpret_cast<const char*>(raw), sizeof raw);
  return prefix;
}

std::unexpected<Error> failed(const rocksdb::Status& status) {
  return fail(Errc::io, fmt::format("the queue index: {}", status.ToString()));
}

rocksdb::WriteOptions without_log() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

}  // namespace

class IndexStore::Database {
 public:
  explicit Database(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}
  rocksdb::DB& operator*() { return *db_; }

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

IndexStore::IndexStore(std::string folder) : folder_(std::move(folder)) {}
IndexStore::~IndexStore() = default;

void IndexStore::open() { (void)database(false); }

void IndexStore::close() {
  const std::scoped_lock lock(mutex_);
  if (!database_) return;
  if (const auto status = (**database_).Flush({}); !status.ok())
    log_warning("queue", "the queue index is not complete: {}", status.ToString());
  database_.reset();
}

Result<IndexStore::Database*> IndexStore::database(bool create) {
  const std::scoped_lock lock(mutex_);
  if (database_) return database_.get();
  if (!create && !std::filesystem::exists(folder_)) return nullptr;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(make_options(), folder_, &db);
  if (!status.ok()) {
    log_warning("queue", "the queue index is made anew, what is there cannot be opened: {}", status.ToString());
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    status = rocksdb::DB::Open(make_options(), folder_, &db);
    if (!status.ok()) return failed(status);
  }
  database_ = std::make_unique<Database>(std::unique_ptr<rocksdb::DB>(db));
  return database_.get();
}

std::optional<IndexMark> IndexStore::mark(const QueueId& queue, PartitionIndex partition) {
  const auto opened = database(false);
  if (!opened || *opened == nullptr) return std::nullopt;
  std::string value;
  const std::string key = prefix_of(queue, partition) + std::string(kMarkKey);
  if (!(***opened).Get({}, key, &value).ok()) return std::nullopt;
  const auto mark = decode_mark(value);
  if (!mark) return std::nullopt;
  return *mark;
}

Result<std::vector<IndexLoaded>> IndexStore::apply(const QueueId& queue, PartitionIndex partition,
                                                   const IndexWork& work) {
  LEAT_TRY(Database* const opened, database(!work.puts.empty()));
  std::vector<IndexLoaded> out;
  if (opened == nullptr) {
    for (const IndexLoad& load : work.loads) out.push_back({load.id, {}, false});
    return out;
  }
  rocksdb::DB& db = **opened;
  const std::string prefix = prefix_of(queue, partition);
  rocksdb::WriteBatch batch;
  if (work.clear) batch.DeleteRange(prefix, prefix_end(prefix));
  for (const IndexEntry& entry : work.puts) batch.Put(prefix + entry.key, entry.value);
  if (batch.Count() > 0) {
    if (const auto status = db.Write(without_log(), &batch); !status.ok()) return failed(status);
  }
  if (work.sync) {
    rocksdb::FlushOptions flush;
    flush.wait = false;
    if (const auto status = db.Flush(flush); !status.ok()) return failed(status);
  }
  for (const IndexLoad& load : work.loads) {
    IndexLoaded loaded{load.id, {}, false};
    const std::string to = prefix + load.to;
    const rocksdb::Slice upper(to);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options));
    for (at->Seek(prefix + load.from); at->Valid(); at->Next()) {
      if (loaded.entries.size() == load.count_max) {
        loaded.has_more = true;
        break;
      }
      loaded.entries.push_back({at->key().ToString().substr(prefix.size()), at->value().ToString()});
    }
    if (!at->status().ok()) return failed(at->status());
    out.push_back(std::move(loaded));
  }
  return out;
}

Status IndexStore::erase(const QueueId& queue, PartitionIndex partition, const std::vector<std::string>& keys) {
  LEAT_TRY(Database* const opened, database(false));
  if (opened == nullptr || keys.empty()) return {};
  const std::string prefix = prefix_of(queue, partition);
  rocksdb::WriteBatch batch;
  for (const std::string& key : keys) batch.Delete(prefix + key);
  if (const auto status = (**opened).Write(without_log(), &batch); !status.ok()) return failed(status);
  return {};
}

void IndexStore::forget(const QueueId& queue) {
  const auto opened = database(false);
  if (!opened || *opened == nullptr) return;
  const std::string prefix = prefix_of(queue);
  const auto status =
      (***opened).DeleteRange(without_log(), (***opened).DefaultColumnFamily(), prefix, prefix_end(prefix));
  if (!status.ok()) log_warning("queue", "entries of a removed queue stay in the index: {}", status.ToString());
}

}  // namespace leat::queue
