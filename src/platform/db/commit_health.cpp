#include "platform/db/commit_health.hpp"

namespace madang::db {

namespace {

std::string_view reason_of(SqlError::Cause cause) {
  switch (cause) {
    case SqlError::Cause::full:
      return "database_full";
    case SqlError::Cause::io:
      return "database_io_error";
    case SqlError::Cause::corrupt:
      return "database_damaged";
    case SqlError::Cause::busy:
      return "database_locked";
    case SqlError::Cause::interrupted:
      return "database_stalled";
    default:
      return "database_failing";
  }
}

}  // namespace

bool CommitHealth::concerns(SqlError::Cause cause) {
  using enum SqlError::Cause;
  return cause == full || cause == io || cause == corrupt || cause == busy;
}

void CommitHealth::began(Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  working_since_ = now;
}

void CommitHealth::ended() {
  const std::lock_guard lock(mutex_);
  working_since_.reset();
}

void CommitHealth::committed(Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  if (working_since_) working_since_ = now;  // a long group, but it moves
  failing_since_.reset();
  failures_ = 0;
}

void CommitHealth::failed(Steady::time_point now, SqlError::Cause cause) {
  const std::lock_guard lock(mutex_);
  if (!failing_since_) failing_since_ = now;
  last_failure_ = now;
  ++failures_;
  cause_ = cause;
}

std::optional<WriteFault> CommitHealth::fault(Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  if (working_since_ && now - *working_since_ >= stalled) return WriteFault{"database_stalled"};
  if (failing_since_ && failures_ > 1 && now - *failing_since_ >= patience) declared_ = true;
  if (declared_ && !failing_since_ && now - last_failure_ >= calm) declared_ = false;
  if (!declared_) return {};
  return WriteFault{reason_of(cause_)};
}

}  // namespace madang::db
