// What other modules may ask of notifications.
#pragma once

#include "base/ids.hpp"
#include "platform/db/sql.hpp"

namespace madang::notifications {

/// Removes what is left of a withdrawn account, as one who is told and as one who is told of, at
/// most about `limit` rows; whether nothing is left.
bool erase(db::Transaction& tx, Id account, std::int64_t limit);

}  // namespace madang::notifications
