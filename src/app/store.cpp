#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "app/application.hpp"
#include "base/encoding.hpp"
#include "platform/db/mariadb.hpp"
#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/log/log.hpp"

namespace madang::db {
extern const ModuleSchema nodes_schema;
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
extern const ModuleSchema notifications_schema;
extern const ModuleSchema seed_schema;
}  // namespace madang::db

namespace madang::app {

namespace {

/// How far ahead of the clock ids are reserved: below IdGenerator::max_ahead, so that a restart
/// after kill -9 can begin at once.
constexpr auto id_reserve = std::chrono::milliseconds(800);
/// A process that begins ahead of the clock, where one that was killed had reserved up to, reserves
/// in small steps until the clock has come after it: killed again and again, each would begin the
/// whole reserve further ahead than the one before, and soon none could give an id. Less than the
/// shortest life, and at ten steps a second enough for 30,000 ids.
constexpr auto id_step = std::chrono::milliseconds(25);
/// The same where the ceiling stands in a shared store: enough to outlast a failover. The next
/// process takes another number, so nobody waits for it to pass.
constexpr auto shared_id_reserve = std::chrono::seconds(10);
constexpr auto shared_id_interval = std::chrono::milliseconds(1500);

const std::string& secret_of(const config::Config& config) {
  constexpr std::size_t shortest = 32;
  const std::string& secret = config.text("server.secret");
  if (!secret.empty() && secret.size() < shortest)
    throw std::runtime_error("server.secret must have 32 characters at least");
  return secret;
}

/// Whether others see everything that this process keeps.
bool shares(const config::Config& config) {
  return !config.list("redis.nodes").empty() && !config.text("objects.url").empty();
}

}  // namespace

std::unique_ptr<db::Database> open_shared_database(const config::Config& config,
                                                   const std::string& url,
                                                   metrics::Registry& registry) {
  auto parsed = db::parse_mariadb_url(url);
  if (!parsed) throw std::runtime_error(parsed.error().detail);
  db::MariaDbOptions& options = *parsed;
  options.password = config.text("database.password");
  options.writers = static_cast<int>(config.integer("database.writers"));
  options.readers = static_cast<int>(config.integer("database.readers"));
  options.write_queue = static_cast<std::size_t>(config.integer("database.queue"));
  options.read_queue = options.write_queue;
  options.max_wait = std::chrono::milliseconds(config.integer("server.max_wait"));
  options.max_lag = std::chrono::milliseconds(config.integer("database.max_lag"));
  const std::string& durability = config.text("database.durability");
  if (durability != "replicated" && durability != "local_only")
    throw std::runtime_error("database.durability must be replicated or local_only, not " +
                             durability);
  if (durability == "local_only") options.durability = db::Durability::local_only;
  return db::open_mariadb(options, registry);
}

std::unique_ptr<db::Database> open_database(const config::Config& config,
                                            const std::filesystem::path& file,
                                            metrics::Registry& registry) {
  const std::string& url = config.text("database.url");
  if (!url.empty()) return open_shared_database(config, url, registry);
  db::SqliteOptions options{.path = file};
  options.readers = static_cast<int>(config.integer("database.readers"));
  options.write_queue = static_cast<std::size_t>(config.integer("database.queue"));
  options.read_queue = options.write_queue;
  options.max_wait = std::chrono::milliseconds(config.integer("server.max_wait"));
  options.max_group = static_cast<std::size_t>(config.integer("database.max_group"));
  return db::open_sqlite(options, registry);
}

std::span<const db::ModuleSchema* const> all_schemas() {
  static const db::ModuleSchema* const modules[] = {
      &db::nodes_schema, &db::http_schema,   &db::events_schema,        &db::identity_schema,
      &db::media_schema, &db::social_schema, &db::notifications_schema, &db::seed_schema};
  return modules;
}

Store::Store(const config::Config& config)
    : folder_(config.text("server.data"), random_, secret_of(config)),
      db_(open_database(config, folder_.database(), registry_)) {
  migrated_ = db::migrate(*db_, all_schemas());
  if (!config.text("database.url").empty())
    lease_ = std::make_unique<nodes::NodeLease>(
        *db_, clock_,
        nodes::NodeOptions{.place = folder_.place(),
                           .shares = shares(config),
                           .secret_mark = to_hex(folder_.key_for("nodes.secret_mark"))},
        random_);
  const Time floor = lease_ ? lease_->id_floor() : folder_.id_floor(clock_.now());
  ids_ = std::make_unique<IdGenerator>(clock_, node(), floor);
  reserve_ids();
}

Store::~Store() {
  close();
  if (!lease_) folder_.release_ids(ids_->used_until());
}

// What is given an id from here on cannot be written any more.
void Store::close() {
  if (std::exchange(closed_, true)) return;
  if (lease_) lease_->release(ids_->used_until());
  db_->close();
}

void Store::reserve_ids() {
  const Time now = clock_.now();
  if (!lease_) {
    const Time ceiling = std::max(now + id_reserve, ids_->used_until() + id_step);
    folder_.reserve_ids(ceiling);
    return ids_->extend(ceiling);
  }
  if (ids_until_ - now > shared_id_reserve - shared_id_interval) return;
  const Time ceiling = std::max(now, ids_->used_until()) + shared_id_reserve;
  switch (lease_->renew(ceiling)) {
    case nodes::NodeLease::Renewed::yes:
      ids_until_ = ceiling;
      return ids_->extend(ceiling);
    case nodes::NodeLease::Renewed::unknown:
      return;  // those reserved last for a while
    case nodes::NodeLease::Renewed::lost:
      // It was away for longer than its lease, and others go on without it.
      log::error("server", "number_lost", {{"node", node()}});
      log::flush();
      std::quick_exit(1);
  }
}

}  // namespace madang::app
