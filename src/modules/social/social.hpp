// What other modules may ask of social.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "platform/db/sql.hpp"

namespace madang::social {

/// Whether `viewer` wants to hear of `actor`: neither has blocked the other, and viewer has not
/// muted actor.
bool hears(db::Transaction& tx, Id viewer, Id actor);

/// The accounts `viewer` does not see: blocked in either direction, or muted by them.
std::vector<Id> hidden_from(db::Transaction& tx, Id viewer);

/// A post's beginning, for notifications and previews; only of posts that `viewer` may see.
struct PostPreview {
  Id id = 0;
  Id author = 0;
  std::string text;  // the first 80 code points
};
std::vector<PostPreview> previews(db::Transaction& tx, Id viewer, std::span<const Id> posts);

}  // namespace madang::social
