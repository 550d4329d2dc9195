#include "app/seed/progress.hpp"

#include <stdexcept>

namespace madang::app::seed {

std::optional<Progress> find_progress(db::Transaction& tx) {
  const auto row =
      tx.row<std::int64_t, std::int64_t, std::int64_t, Time, std::int64_t, std::int64_t>(
          "select people, seed, drawings, planned_at, stage, done from seed_progress where id = 1");
  if (!row) return {};
  const auto& [people, seed, drawings, planned_at, stage, done] = *row;
  return Progress{{.people = static_cast<std::size_t>(people),
                   .seed = static_cast<std::uint64_t>(seed),
                   .drawings = static_cast<std::size_t>(drawings),
                   .now = planned_at},
                  static_cast<Stage>(stage),
                  static_cast<std::size_t>(done)};
}

bool begin_progress(db::Transaction& tx, const TownOptions& options) {
  // Also accounts that have withdrawn: no function of identity's tells of them.
  return tx.execute(
             "insert into seed_progress (id, people, seed, drawings, planned_at, stage, done) "
             "select 1, ?, ?, ?, ?, 0, 0 where not exists (select 1 from accounts)",
             options.people, options.seed, options.drawings, options.now) != 0;
}

void set_progress(db::Transaction& tx, const Progress& from, Stage stage, std::size_t done) {
  if (tx.execute("update seed_progress set stage = ?, done = ? where id = 1 and stage = ? and "
                 "done = ?",
                 stage, done, from.stage, from.done) == 0)
    throw std::runtime_error("this store is being filled by somebody else");
}

void end_progress(db::Transaction& tx) {
  tx.execute("delete from seed_progress where id = 1");
}

}  // namespace madang::app::seed
