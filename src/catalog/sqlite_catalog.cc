#include "catalog/sqlite_catalog.h"

#include <cassert>

#include "base/logging.h"
#include "catalog/sqlite_store.h"
#include "runtime/call.h"
#include "runtime/sync.h"

namespace leat::catalog {
namespace {

using runtime::Shard;
using runtime::Task;

std::unexpected<Error> closed() { return fail(Errc::cancelled, "the catalog is closed"); }

// The latest commits, kept in memory for those who watch. A home with one process needs no more: every watch begins at a
// revision that this process has seen.
class History {
 public:
  explicit History(Revision start) : forgotten_(start), revision_(start) {}

  void add(Revision revision, std::vector<Change> changes) {
    revision_ = revision;
    for (Change& change : changes) {
      bytes_ += size_of(change);
      changes_.push_back(std::move(change));
    }
    while (bytes_ > kWatchBacklogBytesMax && changes_.front().revision != revision) forget_oldest();
    news_.notify_all();
  }
  void close() {
    closed_ = true;
    news_.notify_all();
  }
  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] bool remembers(Revision after) const { return after >= forgotten_; }
  // The changes after `after` of keys below `prefixes`.
  [[nodiscard]] std::vector<Change> since(Revision after, const std::vector<std::string>& prefixes) const {
    std::vector<Change> found;
    auto at = std::ranges::upper_bound(changes_, after, {}, &Change::revision);
    for (; at != changes_.end(); ++at) {
      if (has_prefix(at->key, prefixes)) found.push_back(*at);
    }
    return found;
  }
  runtime::Notifier& news() { return news_; }

 private:
  static std::size_t size_of(const Change& change) {
    return sizeof(Change) + change.key.size() + (change.value ? change.value->size() : 0);
  }
  void forget_oldest() {
    forgotten_ = changes_.front().revision;
    while (!changes_.empty() && changes_.front().revision == forgotten_) {
      bytes_ -= size_of(changes_.front());
      changes_.pop_front();
    }
  }

  std::deque<Change> changes_;
  std::size_t bytes_ = 0;
  Revision forgotten_;  // changes up to here are not in changes_
  Revision revision_;
  bool closed_ = false;
  runtime::Notifier news_;
};

class HistoryWatch final : public Watch {
 public:
  HistoryWatch(std::shared_ptr<History> history, std::vector<std::string> prefixes, Revision after)
      : history_(std::move(history)), prefixes_(std::move(prefixes)), after_(after) {}

  Task<Result<Changes>> next() override {
    while (true) {
      if (closed_ || history_->is_closed()) co_return fail(Errc::cancelled, "the watch is closed");
      if (!history_->remembers(after_)) {
        co_return fail(Errc::offset_out_of_range, fmt::format("changes after revision {} are forgotten", after_));
      }
      Changes news{history_->revision(), {}};
      if (news.revision > after_) news.changes = history_->since(after_, prefixes_);
      after_ = std::max(after_, news.revision);
      if (!news.changes.empty()) co_return news;
      co_await history_->news().wait();
    }
  }
  void close() override {
    closed_ = true;
    history_->news().notify_all();
  }

 private:
  std::shared_ptr<History> history_;
  std::vector<std::string> prefixes_;
  Revision after_;
  bool closed_ = false;
};

class SqliteCatalog final : public Catalog {
 public:
  explicit SqliteCatalog(std::unique_ptr<SqliteStore> store)
      : store_(std::move(store)), history_(std::make_shared<History>(store_->revision())) {}

  Task<Result<Snapshot>> snapshot(std::vector<std::string> prefixes) override;
  Task<Result<Revision>> commit(Commit request) override;
  Result<std::unique_ptr<Watch>> watch(std::vector<std::string> prefixes, Revision after) override;
  Task<Result<LeaseId>> grant_lease(Milliseconds ttl) override;
  Task<Status> keep_alive(LeaseId lease) override;
  Task<Status> release_lease(LeaseId lease) override;
  Task<Status> close() override;

 private:
  class Lease final : public runtime::Timer {
   public:
    Lease(SqliteCatalog& owner, LeaseId id, Milliseconds ttl) : owner_(owner), id_(id), ttl_(ttl) {}
    void start() { Shard::current().timers().arm(*this, Shard::current().now() + ttl_); }

   private:
    void fire() override { owner_.expire(id_); }

    SqliteCatalog& owner_;
    LeaseId id_;
    Milliseconds ttl_;
  };

  [[nodiscard]] bool on_home() const { return Shard::is_current(home_); }
  void expire(LeaseId lease);
  Task<> drop_expired(LeaseId lease);
  Task<Status> drop(LeaseId lease);

  Shard& home_ = Shard::current();
  std::unique_ptr<SqliteStore> store_;
  std::shared_ptr<History> history_;
  runtime::Budget turn_{1};  // one call at a time is in the store
  std::map<LeaseId, std::unique_ptr<Lease>> leases_;
  runtime::TaskScope expiries_;
  runtime::Notifier ending_;
  bool closing_ = false;
};

Task<Result<Snapshot>> SqliteCatalog::snapshot(std::vector<std::string> prefixes) {
  assert(on_home());
  LEAT_CO_CHECK(check_prefixes(prefixes));
  if (closing_) co_return closed();
  co_await turn_.reserve(1);
  runtime::Reservation turn(turn_, 1);
  co_return co_await runtime::run_blocking([&] { return store_->snapshot(prefixes); });
}

Task<Result<Revision>> SqliteCatalog::commit(Commit request) {
  assert(on_home());
  LEAT_CO_CHECK(check_commit(request));
  if (closing_) co_return closed();
  co_await turn_.reserve(1);
  runtime::Reservation turn(turn_, 1);
  // Here, when it is this call's turn: a lease that ends from now on deletes what this commit puts.
  for (const Put& put : request.puts) {
    if (put.lease != kNoLease && !leases_.contains(put.lease)) {
      co_return fail(Errc::not_found, fmt::format("lease {} has ended", put.lease));
    }
  }
  auto committed = co_await runtime::run_blocking([&] { return store_->commit(request); });
  if (!committed) co_return fail(std::move(committed.error()));
  if (!committed->changes.empty()) history_->add(committed->revision, std::move(committed->changes));
  co_return committed->revision;
}

Result<std::unique_ptr<Watch>> SqliteCatalog::watch(std::vector<std::string> prefixes, Revision after) {
  assert(on_home());
  LEAT_CHECK(check_prefixes(prefixes));
  if (closing_) return closed();
  return std::make_unique<HistoryWatch>(history_, std::move(prefixes), after);
}

Task<Result<LeaseId>> SqliteCatalog::grant_lease(Milliseconds ttl) {
  assert(on_home());
  if (closing_) co_return closed();
  if (ttl < std::chrono::seconds(1)) co_return fail(Errc::invalid_argument, "a lease lasts at least a second");
  if (leases_.size() >= kLeasesMax) co_return fail(Errc::too_large, fmt::format("{} leases are held", leases_.size()));
  // At random, so that an id from before a restart is not mistaken for one of today.
  LeaseId id = kNoLease;
  while (id == kNoLease || leases_.contains(id)) id = LeaseId(static_cast<std::int64_t>(home_.random() >> 1));
  auto lease = std::make_unique<Lease>(*this, id, ttl);
  lease->start();
  leases_.emplace(id, std::move(lease));
  co_return id;
}

Task<Status> SqliteCatalog::keep_alive(LeaseId lease) {
  assert(on_home());
  if (closing_) co_return closed();
  const auto found = leases_.find(lease);
  if (found == leases_.end()) co_return fail(Errc::not_found, fmt::format("lease {} has ended", lease));
  found->second->cancel();
  found->second->start();
  co_return Status{};
}

Task<Status> SqliteCatalog::release_lease(LeaseId lease) {
  assert(on_home());
  if (closing_) co_return closed();
  if (leases_.erase(lease) == 0) co_return fail(Errc::not_found, fmt::format("lease {} has ended", lease));
  Status dropped = co_await drop(lease);
  if (!dropped && !closing_) expiries_.spawn(drop_expired(lease));
  co_return dropped;
}

// Called by the lease's timer, which ends here.
void SqliteCatalog::expire(LeaseId lease) {
  leases_.erase(lease);
  expiries_.spawn(drop_expired(lease));
}

Task<> SqliteCatalog::drop_expired(LeaseId lease) {
  constexpr Duration kRetryAfter = std::chrono::seconds(1);
  while (!closing_) {
    auto dropped = co_await drop(lease);
    if (dropped || dropped.error().code == Errc::offline) co_return;
    log_error("catalog", "the entries of a lease that ended are still there: {}", dropped.error().message);
    if (!closing_) co_await ending_.wait_until(home_.now() + kRetryAfter);
  }
}

Task<Status> SqliteCatalog::drop(LeaseId lease) {
  co_await turn_.reserve(1);
  runtime::Reservation turn(turn_, 1);
  auto dropped = co_await runtime::run_blocking([&] { return store_->drop_lease(lease); });
  if (!dropped) co_return fail(std::move(dropped.error()));
  if (!dropped->changes.empty()) history_->add(dropped->revision, std::move(dropped->changes));
  co_return Status{};
}

Task<Status> SqliteCatalog::close() {
  assert(on_home());
  if (closing_) co_return closed();
  closing_ = true;
  leases_.clear();
  history_->close();
  ending_.notify_all();
  Status dropped = co_await drop(kNoLease);
  co_await expiries_.join();
  co_await turn_.reserve(1);
  runtime::Reservation turn(turn_, 1);
  co_await runtime::run_blocking([&] { store_.reset(); });
  co_return dropped;
}

}  // namespace

Task<Result<std::unique_ptr<Catalog>>> open_sqlite_catalog(std::string folder, runtime::SpaceReserve* reserve) {
  runtime::FileSystem& files = Shard::current().files();
  auto store = co_await runtime::run_blocking([&] { return SqliteStore::open(files, folder, reserve); });
  if (!store) co_return fail(std::move(store.error()));
  co_return std::make_unique<SqliteCatalog>(std::move(*store));
}

}  // namespace leat::catalog
