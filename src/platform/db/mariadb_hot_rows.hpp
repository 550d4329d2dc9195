// Rows that many transactions write to at a time, such as a post that everybody likes. The first
// connection that works on one keeps it: whoever comes for the same row meanwhile waits here, is
// put into that connection's next transaction together with the others, and shares its commit. So
// such a row keeps one connection busy and not all of them, each waiting for the lock of the one
// before for as long as a replicated commit takes.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "base/ids.hpp"
#include "platform/db/job.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db::mariadb {

/// Thread-safe.
class HotRows {
 public:
  static constexpr std::size_t max_waiting = 256;  // for one row; beyond: refused

  explicit HotRows(metrics::Registry& registry);

  enum class Entry { yours, waits, full };
  /// `yours`: call next() afterwards. `waits`: the job is another's to run and to tell.
  Entry enter(Job& job);
  /// At most `most` of those that wait; none: the row is nobody's any more.
  JobList next(Id row, std::size_t most);

 private:
  std::mutex mutex_;
  std::unordered_map<Id, JobList> rows_;  // those that somebody works on
  metrics::Gauge& waiting_;
};

}  // namespace madang::db::mariadb
