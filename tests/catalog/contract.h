#pragma once

#include <functional>
#include <memory>

#include "catalog/catalog.h"
#include "runtime/task.h"

// The contract of catalog/catalog.h as tests that every home has to pass:
// a home is one more value of INSTANTIATE_TEST_SUITE_P in contract_test.cc.
namespace leat::catalog {

// One catalog's data, empty at first, and the shard it is used on.
class CatalogHome {
 public:
  CatalogHome() = default;
  CatalogHome(const CatalogHome&) = delete;
  CatalogHome& operator=(const CatalogHome&) = delete;
  virtual ~CatalogHome() = default;
  // Runs a coroutine on the shard to its end.
  virtual void run(const std::function<runtime::Task<>()>& main) = 0;
  // On that shard: opens the catalog, again after the one before was closed.
  [[nodiscard]] virtual runtime::Task<Result<std::unique_ptr<Catalog>>> open() = 0;
};
using HomeFactory = std::unique_ptr<CatalogHome> (*)();

// SQLite on the machine's files, and in the simulated world.
[[nodiscard]] std::unique_ptr<CatalogHome> make_sqlite_home();
[[nodiscard]] std::unique_ptr<CatalogHome> make_simulated_sqlite_home();

}  // namespace leat::catalog
