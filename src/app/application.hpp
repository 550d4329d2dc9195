// Composition: configuration -> adapters -> modules -> server. The only place that knows which
// adapter stands behind which port.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "app/data_folder.hpp"
#include "modules/identity/service.hpp"
#include "platform/config/config.hpp"
#include "platform/db/migrations.hpp"
#include "platform/nodes/node_lease.hpp"

namespace madang::app {

/// Every module's tables, in the order in which they are made.
std::span<const db::ModuleSchema* const> all_schemas();
/// MariaDB at `url`, with the other database.* settings. Throws std::runtime_error, one line.
std::unique_ptr<db::Database> open_shared_database(const config::Config& config,
                                                   const std::string& url,
                                                   metrics::Registry& registry);
/// The database that the configuration names; `file` is SQLite's. Throws std::runtime_error or
/// SqlError, with one line for the operator.
std::unique_ptr<db::Database> open_database(const config::Config& config,
                                            const std::filesystem::path& file,
                                            metrics::Registry& registry);

/// The store and what every command needs of it: opened, migrated, with ids.
class Store {
 public:
  /// Throws std::runtime_error, with one line for the operator.
  explicit Store(const config::Config& config);
  ~Store();
  /// Gives the node's number back, then closes the database.
  void close();

  db::Database& db() { return *db_; }
  IdGenerator& ids() { return *ids_; }
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }
  metrics::Registry& registry() { return registry_; }
  DataFolder& folder() { return folder_; }
  /// Keeps ids ahead of the clock; the housekeeper's, ten times a second. Ends the process when
  /// its number has become another's.
  void reserve_ids();
  /// This process among those that serve from the store; 0 when it is alone.
  int node() const { return lease_ ? lease_->number() : 0; }
  int migrated() const { return migrated_; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  metrics::Registry registry_;
  DataFolder folder_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<nodes::NodeLease> lease_;  // nothing: the data folder's lock is the lease
  std::unique_ptr<IdGenerator> ids_;
  Time ids_until_{};
  int migrated_ = 0;
  bool closed_ = false;
};

/// Everything that serves.
class Application {
 public:
  /// `inherited_socket`: a listening socket to be used instead of http.listen; -1: none.
  Application(const config::Config& config, Store& store, int inherited_socket = -1);
  ~Application();

  /// Binds, starts everything; the address it listens on, HOST:PORT.
  std::string start();
  /// In order: no new connections, requests finish, queues drain, files close.
  void stop();
  /// The OpenAPI document.
  std::string openapi() const;
  identity::Service& identity();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace madang::app
