#include "modules/notifications/subscriber.hpp"

#include <algorithm>
#include <array>

#include "modules/social/events.hpp"
#include "modules/social/social.hpp"

namespace madang::notifications {

namespace {

constexpr std::array wanted{
    social::account_followed, social::account_unfollowed, social::post_liked,  social::post_unliked,
    social::comment_created,  social::comment_deleted,    social::post_deleted};

What of(const social::FollowEvent& event) {
  return {event.followee, Type::follow, 0, event.follower, 0};
}

What of(const social::LikeEvent& event) {
  return {event.author, Type::like, event.post, event.actor, 0};
}

What of(const social::CommentEvent& event) {
  return {event.author, Type::comment, event.post, event.actor, event.comment};
}

/// What stands in one line: a post's likes, a post's comments, the new followers of a day (UTC).
std::string group_key(const What& what, Time at) {
  switch (what.type) {
    case Type::like:
      return "like:" + std::to_string(what.subject);
    case Type::comment:
      return "comment:" + std::to_string(what.subject);
    case Type::follow:
      break;
  }
  const auto day = std::chrono::floor<std::chrono::days>(at);
  return "follow:" + std::to_string(day.time_since_epoch().count());
}

/// Reads the payload and hands what it says to `use`.
template <class T, class Use>
Result<void> with(const events::Event& event, Use use) {
  const auto payload = json::from_json<T>(event.payload);
  if (!payload) return std::unexpected(payload.error());
  return use(*payload);
}

}  // namespace

bool Subscriber::wants(std::string_view type) const {
  return std::ranges::find(wanted, type) != wanted.end();
}

Result<void> Subscriber::handle(db::Transaction& tx, const events::Event& event) {
  const auto add = [&](const auto& payload) { return notify(tx, of(payload), event.created_at); };
  const auto remove = [&](const auto& payload) -> Result<void> {
    take_back(tx, of(payload));
    return {};
  };
  if (event.type == social::post_liked) return with<social::LikeEvent>(event, add);
  if (event.type == social::post_unliked) return with<social::LikeEvent>(event, remove);
  if (event.type == social::comment_created) return with<social::CommentEvent>(event, add);
  if (event.type == social::comment_deleted) return with<social::CommentEvent>(event, remove);
  if (event.type == social::account_followed) return with<social::FollowEvent>(event, add);
  if (event.type == social::account_unfollowed) return with<social::FollowEvent>(event, remove);
  return with<social::PostEvent>(event, [&](const social::PostEvent& post) -> Result<void> {
    if (remove_threads_of_post(tx, post.author, post.post)) changed_.insert(post.author);
    return {};
  });
}

Result<void> Subscriber::notify(db::Transaction& tx, const What& what, Time at) {
  if (what.account == what.actor) return {};
  // Those who have withdrawn meanwhile may be erased already: nothing of theirs may come after.
  if (!identity::is_active(tx, what.actor)) return {};
  if (!social::hears(tx, what.account, what.actor)) return {};
  const Result<Id> id = ids_.next();
  if (!id) return std::unexpected(id.error());
  const std::string group = group_key(what, at);
  if (!join_thread(tx, what, group, *id, at)) {
    if (const auto counted = find_counted(tx, what)) {
      if (restore_actor(tx, what, counted->thread)) changed_.insert(what.account);
      return {};
    }
    if (!identity::is_active(tx, what.account)) return {};
    begin_thread(tx, what, group, *id, at);
  }
  newest_[what.account] = *id;
  return {};
}

void Subscriber::take_back(db::Transaction& tx, const What& what) {
  const auto counted = find_counted(tx, what);
  if (counted && counted->active && retract_actor(tx, what, counted->thread, Retract::unread_only))
    changed_.insert(what.account);
}

void Subscriber::committed() {
  for (const auto& [account, id] : newest_) hub_.wake(account, id);
  for (const Id account : changed_) hub_.hint(account, changed_hint);
  newest_.clear();
  changed_.clear();
}

}  // namespace madang::notifications
