// The contract of the database port, for every adapter. MariaDB's is a real server on loopback.
#include "../../../tests/contract/db_contract_concurrency.hpp"
#include "../../../tests/contract/db_contract_migrations.hpp"
#include "../../../tests/contract/db_contract_statements.hpp"
#include "platform/db/mariadb_test_store.hpp"
#include "platform/db/sqlite_test_store.hpp"

namespace madang::db {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::Values(StoreMaker([] {
                           return std::make_unique<SqliteStore>();
                         })));

INSTANTIATE_TEST_SUITE_P(MariaDb, DatabaseContract, testing::Values(StoreMaker([] {
                           return std::make_unique<MariaDbStore>();
                         })));

}  // namespace
}  // namespace madang::db
