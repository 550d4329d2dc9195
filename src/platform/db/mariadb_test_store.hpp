// Stores on a MariaDB server that the test program starts when it first needs one.
#pragma once

#include <memory>
#include <string>

#include "../../../tests/contract/db_contract.hpp"
#include "../../../tests/support/mariadb_server.hpp"
#include "platform/db/mariadb.hpp"

namespace madang::db {

inline test::MariaDbServer& server() {
  static test::MariaDbServer one;
  return one;
}

inline MariaDbOptions options_for(const std::string& database) {
  return {.hosts = {{"127.0.0.1", server().port()}},
          .user = "app",
          .password = "secret",
          .database = database,
          .durability = Durability::local_only};
}

class MariaDbStore final : public TestStore {
 public:
  std::unique_ptr<Database> open(const Limits& limits, metrics::Registry& registry) override {
    MariaDbOptions options = options_for(database_);
    if (limits.writers != 0) options.writers = limits.writers;
    options.readers = limits.readers;
    options.write_queue = limits.write_queue;
    options.background_queue = limits.background_queue;
    options.read_queue = limits.read_queue;
    options.max_wait = limits.max_wait;
    return open_mariadb(options, registry);
  }

 private:
  const std::string database_ = server().fresh_database();
};

}  // namespace madang::db
