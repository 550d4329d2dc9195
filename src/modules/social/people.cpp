#include "modules/social/people.hpp"

#include "modules/social/events.hpp"

namespace madang::social {

using http::Access;
using http::Call;
using http::Method;
using http::Page;

void People::mount(http::Api& api) {
  const auto people = [](std::vector<unsigned> also = {}) {
    return http::EndpointOptions{.tag = "people", .also = std::move(also)};
  };
  const std::vector<unsigned> not_oneself{422};
  api.add({Method::get,
           "/api/v1/users",
           Access::anyone,
           "People whose handle or name has the text",
           {.tag = "people", .rate = "search"}},
          *this, &People::search);
  api.add({Method::get, "/api/v1/users/{id}", Access::anyone, "A profile", people()}, *this,
          &People::by_id);
  api.add({Method::get, "/api/v1/users/by-handle/{handle}", Access::anyone, "A profile by handle",
           people()},
          *this, &People::by_handle);
  api.add({Method::get, "/api/v1/users/{id}/followers", Access::anyone,
           "Who follows them, newest first", people()},
          *this, &People::followers);
  api.add({Method::get, "/api/v1/users/{id}/following", Access::anyone,
           "Whom they follow, newest first", people()},
          *this, &People::following);
  api.add({Method::put, "/api/v1/users/{id}/follow", Access::user, "Follow", people(not_oneself)},
          *this, &People::follow);
  api.add({Method::del, "/api/v1/users/{id}/follow", Access::user, "Unfollow", people()}, *this,
          &People::unfollow);
  api.add({Method::put, "/api/v1/users/{id}/block", Access::user, "Block: neither sees the other",
           people(not_oneself)},
          *this, &People::block);
  api.add({Method::del, "/api/v1/users/{id}/block", Access::user, "Unblock", people()}, *this,
          &People::unblock);
  api.add({Method::put, "/api/v1/users/{id}/mute", Access::user, "Mute: I do not see them",
           people(not_oneself)},
          *this, &People::mute);
  api.add({Method::del, "/api/v1/users/{id}/mute", Access::user, "Unmute", people()}, *this,
          &People::unmute);
}

namespace {

/// A feed costs as much to build as people are followed.
constexpr std::int64_t max_following = 10'000;

/// Whoever was blocked by them sees nobody there; whoever blocked them sees enough to unblock.
Result<UserProfile> load_profile(db::Transaction& tx, Id user, Id viewer) {
  const auto who = identity::profile(tx, user);
  const auto numbers = counts(tx, user);
  if (!who || !numbers) return user_not_found();
  const Relation known = viewer != 0 && viewer != user ? relation(tx, viewer, user) : Relation{};
  if (known.blocked_by) return user_not_found();
  return UserProfile{
      user,           who->card.handle,   who->card.name,     who->bio,        who->card.avatar,
      numbers->posts, numbers->followers, numbers->following, known.following, known.followed_by,
      known.blocked,  known.muted,        who->created_at};
}

/// In the order of `ids`; two statements.
std::vector<Person> persons(db::Transaction& tx, Id viewer, const std::vector<Id>& ids) {
  const auto cards = identity::cards(tx, ids);
  const auto followed = followed_among(tx, viewer, ids);
  std::vector<Person> out;
  for (const Id id : ids)
    if (const auto card = cards.find(id); card != cards.end())
      out.push_back(
          {id, card->second.handle, card->second.name, card->second.avatar, followed.contains(id)});
  return out;
}

}  // namespace

Task<Result<UserProfile>> People::by_id(Call& call) {
  const auto body = [user = call.id(), viewer = call.viewer()](db::Transaction& tx) {
    return load_profile(tx, user, viewer);
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<UserProfile> found = co_await context_.db.read(call.deadline(), body, freshness);
  co_return found;
}

Task<Result<UserProfile>> People::by_handle(Call& call) {
  const auto body = [&call](db::Transaction& tx) -> Result<UserProfile> {
    const auto user = identity::find_by_handle(tx, call.text());
    if (!user) return user_not_found();
    return load_profile(tx, *user, call.viewer());
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<UserProfile> found = co_await context_.db.read(call.deadline(), body, freshness);
  co_return found;
}

Task<Result<People::PersonPage>> People::search(Call& call, PeopleQuery query) {
  const auto cursor = decode_cursor(CursorKind::people, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  const std::int64_t size = query.limit ? query.limit->value : 20;
  identity::Hit after{-1, 0};
  if (*cursor) after = {static_cast<int>((**cursor)[0]), (**cursor)[1]};
  const Id viewer = call.viewer();
  const auto body = [&](db::Transaction& tx) -> Result<PersonPage> {
    auto hits = identity::search(tx, query.query.value, after, size + 1);
    PersonPage page;
    if (static_cast<std::int64_t>(hits.size()) > size) {
      hits.pop_back();
      page.next_cursor = encode_cursor(CursorKind::people, {hits.back().rank, hits.back().account});
    }
    const std::set<Id> blocked = viewer != 0 ? blocked_with(tx, viewer) : std::set<Id>();
    std::vector<Id> ids;
    for (const identity::Hit& hit : hits)
      if (!blocked.contains(hit.account)) ids.push_back(hit.account);
    page.items = persons(tx, viewer, ids);
    return page;
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<PersonPage> page = co_await context_.db.read(call.deadline(), body, freshness);
  co_return page;
}

Task<Result<People::PersonPage>> People::edge_page(Call& call, http::PageQuery query, Edges edges) {
  const auto cursor = decode_cursor(CursorKind::follows, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  std::optional<Edge> below;
  if (*cursor) below = Edge{from_micros((**cursor)[0]), (**cursor)[1]};
  const Id user = call.id();
  const Id viewer = call.viewer();
  const auto body = [&](db::Transaction& tx) -> Result<PersonPage> {
    if (!is_visible(tx, user) || relation(tx, user, viewer).blocked) return user_not_found();
    auto found = edges(tx, user, viewer, below, query.size() + 1);
    PersonPage page;
    if (static_cast<std::int64_t>(found.size()) > query.size()) {
      found.pop_back();
      page.next_cursor =
          encode_cursor(CursorKind::follows, {to_micros(found.back().at), found.back().account});
    }
    std::vector<Id> ids;
    for (const Edge& edge : found) ids.push_back(edge.account);
    page.items = persons(tx, viewer, ids);
    return page;
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<PersonPage> page = co_await context_.db.read(call.deadline(), body, freshness);
  co_return page;
}

Task<Result<People::PersonPage>> People::followers(Call& call, http::PageQuery query) {
  Result<PersonPage> page = co_await edge_page(call, std::move(query), &followers_of);
  co_return page;
}

Task<Result<People::PersonPage>> People::following(Call& call, http::PageQuery query) {
  Result<PersonPage> page = co_await edge_page(call, std::move(query), &following_of);
  co_return page;
}

Task<Result<FollowState>> People::set_follow(Call& call, bool wanted) {
  const Id me = call.account();
  const Id other = call.id();
  if (me == other)
    co_return fail(Kind::invalid, "cannot_follow_self", "Nobody can follow themselves.");
  const auto body = [&](db::Transaction& tx) -> Result<FollowState> {
    if (!is_visible(tx, other)) return user_not_found();
    if (wanted && blocked_between(tx, me, other)) return user_not_found();
    const auto mine = counts(tx, me);
    if (wanted && mine && mine->following >= max_following)
      return fail(Kind::invalid, "too_many_follows", "Nobody can follow more than 10,000 people.");
    const bool changed =
        wanted ? insert_follow(tx, me, other, context_.clock.now()) : delete_follow(tx, me, other);
    if (changed)
      context_.outbox.append(tx, wanted ? account_followed : account_unfollowed, me,
                             FollowEvent{1, me, other});
    return FollowState{wanted};
  };
  Result<FollowState> done =
      co_await context_.db.write(call.deadline(), body, db::Lane::interactive, db::HotRow{other});
  if (done) co_await on_follows_changed_(me);
  co_return done;
}

Task<Result<FollowState>> People::follow(Call& call) {
  Result<FollowState> done = co_await set_follow(call, true);
  co_return done;
}

Task<Result<FollowState>> People::unfollow(Call& call) {
  Result<FollowState> done = co_await set_follow(call, false);
  co_return done;
}

/// A block ends the follows in both directions.
Task<Result<BlockState>> People::set_block(Call& call, bool wanted) {
  const Id me = call.account();
  const Id other = call.id();
  if (me == other)
    co_return fail(Kind::invalid, "cannot_block_self", "Nobody can block themselves.");
  const auto body = [&](db::Transaction& tx) -> Result<BlockState> {
    if (!is_visible(tx, other)) return user_not_found();
    if (!wanted) {
      delete_block(tx, me, other);
      return BlockState{false};
    }
    insert_block(tx, me, other, context_.clock.now());
    for (const auto& [follower, followee] : {std::pair(me, other), std::pair(other, me)})
      if (delete_follow(tx, follower, followee))
        context_.outbox.append(tx, account_unfollowed, follower,
                               FollowEvent{1, follower, followee});
    return BlockState{true};
  };
  const Forgotten changed{.viewers = {me, other}};
  Task<Result<BlockState>> write = context_.db.write(call.deadline(), body);
  Result<BlockState> done = co_await write_and_forget(std::move(write), context_.cache, changed);
  if (done)
    for (const Id account : {me, other}) co_await on_follows_changed_(account);
  co_return done;
}

Task<Result<BlockState>> People::block(Call& call) {
  Result<BlockState> done = co_await set_block(call, true);
  co_return done;
}

Task<Result<BlockState>> People::unblock(Call& call) {
  Result<BlockState> done = co_await set_block(call, false);
  co_return done;
}

Task<Result<MuteState>> People::set_mute(Call& call, bool wanted) {
  const Id me = call.account();
  const Id other = call.id();
  if (me == other) co_return fail(Kind::invalid, "cannot_mute_self", "Nobody can mute themselves.");
  const auto body = [&](db::Transaction& tx) -> Result<MuteState> {
    if (!is_visible(tx, other) || relation(tx, other, me).blocked) return user_not_found();
    if (wanted)
      insert_mute(tx, me, other, context_.clock.now());
    else
      delete_mute(tx, me, other);
    return MuteState{wanted};
  };
  const Forgotten changed{.viewers = {me}};
  Task<Result<MuteState>> write = context_.db.write(call.deadline(), body);
  Result<MuteState> done = co_await write_and_forget(std::move(write), context_.cache, changed);
  co_return done;
}

Task<Result<MuteState>> People::mute(Call& call) {
  Result<MuteState> done = co_await set_mute(call, true);
  co_return done;
}

Task<Result<MuteState>> People::unmute(Call& call) {
  Result<MuteState> done = co_await set_mute(call, false);
  co_return done;
}

}  // namespace madang::social
