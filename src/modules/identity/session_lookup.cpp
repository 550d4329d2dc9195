#include "modules/identity/session_lookup.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <exception>

namespace madang::identity {

SessionLookup::SessionLookup(db::Database& db, const Clock& clock, runtime::TaskGroup& tasks)
    : db_(db), clock_(clock), tasks_(tasks) {}

Task<SessionLookup::Found> SessionLookup::find(const std::vector<std::byte>& token_hash,
                                               Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  Waiting me{&token_hash, deadline, runtime::Completion<Found>(executor)};
  {
    std::unique_lock lock(mutex_);
    if (reading_) {
      waiting_.push_back(&me);
      lock.unlock();
      Found found = co_await me.found.wait();
      co_return found;
    }
    reading_ = true;
  }
  std::optional<Found> found;
  std::exception_ptr error;
  try {
    found = co_await find_alone(token_hash, deadline);
  } catch (...) {
    error = std::current_exception();
  }
  if (!done()) tasks_.spawn(executor, "find_sessions", find_waiting());
  if (error) std::rethrow_exception(error);
  co_return std::move(*found);
}

Task<SessionLookup::Found> SessionLookup::find_alone(const std::vector<std::byte>& token_hash,
                                                     Deadline deadline) {
  const auto body = [&](db::Transaction& tx) -> Found {
    return find_session(tx, token_hash, clock_.now());
  };
  Found found = co_await db_.read_latest(deadline, body, db::ReadLane::first);
  co_return found;
}

/// Nobody waits: the next one reads by itself.
bool SessionLookup::done() {
  const std::lock_guard lock(mutex_);
  reading_ = !waiting_.empty();
  return !reading_;
}

SessionLookup::Batch SessionLookup::take() {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), sessions_at_once));
  Batch batch(waiting_.begin(), waiting_.begin() + count);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return batch;
}

Task<> SessionLookup::find_waiting() {
  do {
    const Batch batch = take();
    co_await find_together(batch);
  } while (!done());
}

/// Tells each of them, whatever happens; they may be gone then.
Task<> SessionLookup::find_together(const Batch& batch) {
  std::vector<const std::vector<std::byte>*> hashes;
  Deadline deadline = batch.front()->deadline;
  for (const Waiting* one : batch) {
    hashes.push_back(one->token_hash);
    deadline = Deadline(std::max(deadline.at(), one->deadline.at()));
  }
  using All = std::vector<std::optional<FoundSession>>;
  const auto body = [&](db::Transaction& tx) -> Result<All> {
    return find_sessions(tx, hashes, clock_.now());
  };
  std::optional<Result<All>> found;
  std::exception_ptr error;
  try {
    found = co_await db_.read_latest(deadline, body, db::ReadLane::first);
  } catch (...) {
    error = std::current_exception();
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (found && *found)
      batch[i]->found.complete(nullptr, (**found)[i]);
    else if (found)
      batch[i]->found.complete(nullptr, std::unexpected(found->error()));
    else
      batch[i]->found.complete(error, std::optional<FoundSession>());
  }
}

}  // namespace madang::identity
