// Whether a store takes writes, as its writer sees it: one failure is nothing, failures without a
// success for some seconds are a fault, and so is a commit that does not come to its end. A fault
// is over when commits succeed and nothing has failed for a while, so that a disk that is nearly
// full does not make it come and go.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "platform/db/sql.hpp"

namespace madang::db {

/// Why nothing can be written, in stable words: database_ full, io_error, damaged, locked, stalled,
/// failing; of several servers also unreachable, read_only and others (mariadb_cluster.hpp).
struct WriteFault {
  std::string_view reason;
};

class CommitHealth {
 public:
  using Steady = std::chrono::steady_clock;
  static constexpr std::chrono::seconds patience{3};  // failures without a success: a fault
  static constexpr std::chrono::seconds calm{2};      // without a failure: over
  static constexpr std::chrono::seconds stalled{5};   // one group at work: a fault

  /// The writer's: a group of transactions is at work, has ended.
  void began(Steady::time_point now);
  void ended();
  void committed(Steady::time_point now);
  /// The store, not a body's own doing, was in the way; `interrupted`: a commit took too long.
  void failed(Steady::time_point now, SqlError::Cause cause);

  /// Any thread.
  std::optional<WriteFault> fault(Steady::time_point now);

  /// Whether an error of this cause says something about the store.
  static bool concerns(SqlError::Cause cause);

 private:
  std::mutex mutex_;
  std::optional<Steady::time_point> working_since_;
  std::optional<Steady::time_point> failing_since_;  // the first failure since a success
  Steady::time_point last_failure_{};
  int failures_ = 0;  // since a success
  SqlError::Cause cause_ = SqlError::Cause::other;
  bool declared_ = false;
};

}  // namespace madang::db
