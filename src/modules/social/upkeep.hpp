// What keeps social true and small: removing what was deleted, erasing the withdrawn, and proving
// the counters against the rows they count.
#pragma once

#include "modules/social/storage.hpp"

namespace madang::social {

/// Removes rows of deleted posts and their comments and likes, at most about `limit`; how many.
std::int64_t purge_deleted(db::Transaction& tx, std::int64_t limit);

/// Removes what a withdrawn account did, at most about `limit` rows, with the counters that counted
/// it; whether nothing is left. Posts are marked deleted and purged later.
/// `touched`: other people's posts whose counters changed.
bool erase_account(db::Transaction& tx, Id account, std::int64_t limit, Time now,
                   std::vector<Id>& touched);

/// A counter that does not equal its rows.
struct Miscount {
  std::string counter;  // posts.like_count ...
  Id row = 0;
  std::int64_t stored = 0;
  std::int64_t counted = 0;
};

/// At most `limit` miscounts; empty: every counter is true.
std::vector<Miscount> find_miscounts(db::Transaction& tx, std::int64_t limit);
void correct(db::Transaction& tx, const Miscount& miscount);

}  // namespace madang::social
