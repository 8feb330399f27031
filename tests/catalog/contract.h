#pragma once

#include <functional>
#include <memory>

#include "catalog/catalog.h"
#include "runtime/task.h"

// The contract of catalog/catalog.h as tests that every home has to pass:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContract, testing::Values(HomeFactory(make_sqlite_home)));
namespace leat::catalog {

// One catalog's data, empty at first. open() opens it, again after the one before was closed.
class CatalogHome {
 public:
  CatalogHome() = default;
  CatalogHome(const CatalogHome&) = delete;
  CatalogHome& operator=(const CatalogHome&) = delete;
  virtual ~CatalogHome() = default;
  [[nodiscard]] virtual runtime::Task<Result<std::unique_ptr<Catalog>>> open() = 0;
};
using HomeFactory = std::function<std::unique_ptr<CatalogHome>()>;

[[nodiscard]] std::unique_ptr<CatalogHome> make_sqlite_home();

}  // namespace leat::catalog
