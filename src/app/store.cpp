#include <algorithm>

#include "app/application.hpp"
#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
extern const ModuleSchema notifications_schema;
}  // namespace madang::db

namespace madang::app {

namespace {

/// How far ahead of the clock ids are reserved: below IdGenerator::max_ahead, so that a restart
/// after kill -9 can begin at once.
constexpr auto id_reserve = std::chrono::milliseconds(900);

std::unique_ptr<db::Database> open_database(const config::Config& config, const DataFolder& folder,
                                            metrics::Registry& registry) {
  db::SqliteOptions options{.path = folder.database()};
  options.readers = static_cast<int>(config.integer("database.readers"));
  options.write_queue = static_cast<std::size_t>(config.integer("database.queue"));
  options.read_queue = options.write_queue;
  options.max_group = static_cast<std::size_t>(config.integer("database.max_group"));
  return db::open_sqlite(options, registry);
}

}  // namespace

Store::Store(const config::Config& config)
    : folder_(config.text("server.data"), random_), db_(open_database(config, folder_, registry_)) {
  const db::ModuleSchema* const modules[] = {&db::http_schema,     &db::events_schema,
                                             &db::identity_schema, &db::media_schema,
                                             &db::social_schema,   &db::notifications_schema};
  migrated_ = db::migrate(*db_, modules);
  ids_ = std::make_unique<IdGenerator>(clock_, 0, folder_.id_floor(clock_.now()));
  reserve_ids();
}

Store::~Store() {
  if (ids_) folder_.release_ids(ids_->used_until());
  if (db_) db_->close();
}

void Store::reserve_ids() {
  const Time ceiling = std::max(clock_.now(), ids_->used_until()) + id_reserve;
  folder_.reserve_ids(ceiling);
  ids_->extend(ceiling);
}

}  // namespace madang::app
