#include "app/store_migration.hpp"

#include <cinttypes>
#include <cstdio>
#include <stdexcept>

#include "app/application.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/db/store_copy.hpp"

namespace madang::app {

namespace {

/// Where numbers go on that the destination gives itself.
void go_on(db::Transaction& tx, Time ids_used_until) {
  const auto last = [&tx](const char* sql) { return tx.value<std::int64_t>(sql).value_or(0); };
  const std::int64_t sequence = std::max(last("select coalesce(max(seq), 0) from outbox"),
                                         last("select coalesce(max(seq), 0) from event_positions"));
  tx.execute("update event_sequencer set last_seq = ? where id = 1", sequence);
  // The embedded store's ids are number 0's.
  tx.execute("delete from nodes where number = 0");
  tx.execute(
      "insert into nodes (number, holder, place, fence, lease_until, id_ceiling, shares) "
      "values (0, '', '', 0, 0, ?, 0)",
      ids_used_until);
}

/// Without its tables it is as empty as can be.
bool has_tables(db::Database& db) {
  const auto found = db.read_blocking([](db::Transaction& tx) -> Result<bool> {
    return tx
        .value<int>(
            "select 1 from information_schema.tables where table_schema = database() "
            "and table_name = 'store_copy'")
        .has_value();
  });
  return found.value_or(false);
}

}  // namespace

void migrate_store(const config::Config& config, const std::filesystem::path& folder,
                   const std::string& url, bool dry_run) {
  if (!std::filesystem::exists(folder / "madang.sqlite"))
    throw std::runtime_error("there is no store in " + folder.string());
  SystemRandom random;
  const SystemClock clock;
  metrics::Registry registry;
  const DataFolder house(folder, random);
  const auto from = db::open_sqlite({.path = house.database()}, registry);
  const auto to = open_shared_database(config, url, registry);
  if (!dry_run) {
    db::migrate(*from, all_schemas());
    db::migrate(*to, all_schemas());
  }
  const Time ids_used_until = house.id_floor(clock.now());
  const db::StoreCopyOptions options{
      .source = house.place(),
      .without = {"schema_migrations", "nodes", "store_copy"},
      .dry_run = dry_run,
      .compare_destination = !dry_run || has_tables(*to),
      .finish = [ids_used_until](db::Transaction& tx) { go_on(tx, ids_used_until); }};
  const auto copied = db::copy_store(*from, *to, options, [](const db::CopiedTable& table) {
    std::fprintf(stderr, "%s: %" PRId64 " of %" PRId64 "\n", table.name.c_str(), table.copied,
                 table.rows);
  });
  if (!copied) throw std::runtime_error(copied.error().detail);
  std::int64_t rows = 0;
  for (const db::CopiedTable& table : *copied) rows += table.rows;
  if (dry_run) {
    std::printf("%" PRId64 " rows in %zu tables would be copied; nothing was changed\n", rows,
                copied->size());
  } else {
    std::printf(
        "%" PRId64
        " rows in %zu tables: copied, read again on both sides, the same.\n"
        "Now set database.url, keep the data folder (its secret.key, its pictures), start.\n",
        rows, copied->size());
  }
}

}  // namespace madang::app
