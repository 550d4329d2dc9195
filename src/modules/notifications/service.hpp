// The list of notifications, read marks, replay for event streams, and keeping it all small.
#pragma once

#include "modules/notifications/reading.hpp"
#include "platform/db/database.hpp"
#include "platform/http/api.hpp"
#include "platform/realtime/hub.hpp"

namespace madang::notifications {

class Service final : public realtime::Replay {
 public:
  Service(db::Database& db, const Clock& clock, realtime::Hub& hub)
      : db_(db), clock_(clock), hub_(hub) {}

  /// Newest first. Errors: validation_failed (cursor).
  Task<Result<NotificationPage>> list(Deadline deadline, Id account, http::PageQuery page);
  /// Repeatable.
  Task<Result<Unread>> mark_read(Deadline deadline, Id account, Id up_to);

  Task<Result<realtime::ReplayPage>> read(Id account, std::optional<Id> after, std::int64_t limit,
                                          Deadline deadline) override;

  /// One step of housekeeping: what is too old, too many. Blocks; one background thread calls it.
  void sweep();

 private:
  /// Removes chunk after chunk in the background lane, for a bounded while.
  template <class Remove>
  void remove_in_chunks(Remove remove);

  db::Database& db_;
  const Clock& clock_;
  realtime::Hub& hub_;
  Id swept_to_ = 0;  // the sweep's place among the accounts
};

}  // namespace madang::notifications
