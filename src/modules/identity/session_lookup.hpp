// Finds sessions by the hashes of their tokens. While one look-up is on its way those that come
// wait for it and then go together, in one read: a crowd whose cached second is over asks the store
// a few times and not once for each.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "modules/identity/storage.hpp"
#include "platform/db/database.hpp"
#include "platform/runtime/completion.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::identity {

class SessionLookup {
 public:
  using Found = Result<std::optional<FoundSession>>;

  /// All outlive it.
  SessionLookup(db::Database& db, const Clock& clock, runtime::TaskGroup& tasks);

  /// As of a moment after the call. Nothing: no such session now. Errors: `database_busy`. As many
  /// wait as there are requests at work.
  Task<Found> find(const std::vector<std::byte>& token_hash, Deadline deadline);

 private:
  struct Waiting {
    const std::vector<std::byte>* token_hash;
    Deadline deadline;
    runtime::Completion<Found> found;
  };
  using Batch = std::vector<Waiting*>;

  Task<Found> find_alone(const std::vector<std::byte>& token_hash, Deadline deadline);
  Task<> find_waiting();
  Task<> find_together(const Batch& batch);
  bool done();
  Batch take();

  db::Database& db_;
  const Clock& clock_;
  runtime::TaskGroup& tasks_;
  std::mutex mutex_;
  bool reading_ = false;
  Batch waiting_;
};

}  // namespace madang::identity
