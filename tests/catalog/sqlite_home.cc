#include "catalog/sqlite_catalog.h"
#include "runtime/sim.h"
#include "tests/catalog/contract.h"
#include "tests/catalog/support.h"

namespace leat::catalog {
namespace {

class SqliteHome final : public CatalogHome {
 public:
  void run(const std::function<runtime::Task<>()>& main) override { run_on_shard(main); }
  runtime::Task<Result<std::unique_ptr<Catalog>>> open() override { return open_sqlite_catalog(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

class SimulatedSqliteHome final : public CatalogHome {
 public:
  SimulatedSqliteHome() { EXPECT_TRUE(world_.files().create_directories("/data")); }
  void run(const std::function<runtime::Task<>()>& main) override { world_.run(main); }
  runtime::Task<Result<std::unique_ptr<Catalog>>> open() override { return open_sqlite_catalog("/data"); }

 private:
  runtime::sim::SimWorld world_{1};
};

}  // namespace

std::unique_ptr<CatalogHome> make_sqlite_home() { return std::make_unique<SqliteHome>(); }
std::unique_ptr<CatalogHome> make_simulated_sqlite_home() { return std::make_unique<SimulatedSqliteHome>(); }

}  // namespace leat::catalog
