// What every part of social works with.
#pragma once

#include "base/cursor.hpp"
#include "modules/social/post_cache.hpp"
#include "platform/events/outbox.hpp"

namespace madang::social {

struct Context {
  db::Database& db;
  IdGenerator& ids;
  const Clock& clock;
  events::Outbox& outbox;
  PostCache& cache;
};

inline auto post_not_found() {
  return fail(Kind::not_found, "not_found", "There is no such post.");
}
inline auto user_not_found() {
  return fail(Kind::not_found, "not_found", "There is no such person.");
}
inline auto comment_not_found() {
  return fail(Kind::not_found, "not_found", "There is no such comment.");
}

/// The author of a post that `viewer` may see. Errors: not_found.
inline Result<Id> author_for(db::Transaction& tx, Id post, Id viewer) {
  const auto found = find_post(tx, post);
  if (!found || (viewer != found->author && blocked_between(tx, viewer, found->author)))
    return post_not_found();
  return found->author;
}

}  // namespace madang::social
