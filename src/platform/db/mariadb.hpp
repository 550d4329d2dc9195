// The adapter for when one machine is outgrown: MariaDB, one primary and any number of replicas.
// Threads with a connection each; prepared statements; the primary is found by asking every host
// and followed when it moves. See docs/adr/0003-database.md for what it promises.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/db/database.hpp"

namespace madang::metrics {
class Registry;
}

namespace madang::db {

struct MariaDbHost {
  std::string name;
  std::uint16_t port = 3306;
  std::string label() const { return name + ":" + std::to_string(port); }
};

/// What an acknowledged write survives.
enum class Durability {
  /// The loss of any one machine: a replica has it on its disk before anybody is told (semi-sync,
  /// AFTER_SYNC, without a time-out). Without a replica, writes are refused.
  replicated,
  /// The loss of the process. What the primary's disk or machine takes with it is lost, and so may
  /// be the last writes before a failover.
  local_only,
};

struct MariaDbOptions {
  std::vector<MariaDbHost> hosts;  // in any order; the primary is found
  std::string user;
  std::string password;
  std::string database;
  int writers = 8;                     // connections to the primary for writes
  int readers = 4;                     // connections to the primary for reads; as many for replicas
  std::size_t write_queue = 4096;      // waiting interactive writes; beyond: database_busy
  std::size_t background_queue = 256;  // waiting background writes
  std::size_t read_queue = 4096;       // waiting reads
  std::chrono::milliseconds max_wait{2};  // that may go on; then some are refused: database_busy
  std::size_t statements = 256;           // prepared statements kept per connection
  Durability durability = Durability::replicated;
  std::chrono::milliseconds max_lag{1000};        // replicas further behind are not read from
  std::chrono::milliseconds probe_interval{200};  // how often each host is asked
  std::chrono::milliseconds probe_timeout{1000};  // a host that is silent for so long is down
  std::chrono::milliseconds lock_timeout{3000};   // waiting for another transaction's row
  std::chrono::milliseconds patience{10'000};  // for a primary, without a deadline; for a replica
  std::chrono::milliseconds commit_timeout{5000};  // then the outcome is unknown
};

/// mysql://user@host:3306,host2:3307/database; the user's password is no part of it. Errors:
/// `bad_configuration`, one line.
Result<MariaDbOptions> parse_mariadb_url(std::string_view url);

/// Finds the primary, checks what `durability` needs, and starts the threads. Throws
/// std::runtime_error, one line for the operator, when there is no primary or it is not set up so.
///
/// Writes: besides `database_busy`, `database_unreachable` (no primary, or none that may
/// acknowledge; nothing was done) and `outcome_unknown` (the connection was lost during the commit:
/// it may or may not have happened; a repetition with the same Idempotency-Key finds out).
std::unique_ptr<Database> open_mariadb(const MariaDbOptions& options, metrics::Registry& registry);

}  // namespace madang::db
