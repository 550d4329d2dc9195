// Notifications as people and event streams read them; the number of statements does not depend on
// how many there are.
#pragma once

#include "modules/notifications/storage.hpp"
#include "platform/realtime/replay.hpp"

namespace madang::notifications {

/// Newest first, below an id. Errors: none.
NotificationPage load_page(db::Transaction& tx, Id account, Id below, std::int64_t limit);
/// As realtime::Replay::read() asks.
realtime::ReplayPage load_replay(db::Transaction& tx, Id account, std::optional<Id> after,
                                 std::int64_t limit, Time now);

}  // namespace madang::notifications
