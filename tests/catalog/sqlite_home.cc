#include "catalog/sqlite_catalog.h"
#include "tests/catalog/contract.h"
#include "tests/catalog/support.h"

namespace leat::catalog {
namespace {

class SqliteHome final : public CatalogHome {
 public:
  runtime::Task<Result<std::unique_ptr<Catalog>>> open() override { return open_sqlite_catalog(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

}  // namespace

std::unique_ptr<CatalogHome> make_sqlite_home() { return std::make_unique<SqliteHome>(); }

}  // namespace leat::catalog
