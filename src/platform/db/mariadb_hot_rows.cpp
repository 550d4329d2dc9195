#include "platform/db/mariadb_hot_rows.hpp"

namespace madang::db::mariadb {

HotRows::HotRows(metrics::Registry& registry)
    : waiting_(registry.gauge("madang_db_hot_rows_waiting",
                              "Writes that wait to share another's transaction")) {}

HotRows::Entry HotRows::enter(Job& job) {
  const std::lock_guard lock(mutex_);
  const auto [row, mine] = rows_.try_emplace(job.hot_row);
  if (mine) return Entry::yours;
  if (row->second.size() >= max_waiting) return Entry::full;
  row->second.push_back(job);
  waiting_.Increment();
  return Entry::waits;
}

JobList HotRows::next(Id row, std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto found = rows_.find(row);
  JobList taken;
  while (taken.size() < most) {
    Job* const job = found->second.pop_front();
    if (job == nullptr) break;
    taken.push_back(*job);
  }
  if (taken.empty()) rows_.erase(found);
  waiting_.Decrement(static_cast<double>(taken.size()));
  return taken;
}

}  // namespace madang::db::mariadb
