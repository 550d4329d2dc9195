#include "modules/social/posts.hpp"

#include <algorithm>

#include "modules/social/events.hpp"

namespace madang::social {

using http::Access;
using http::Call;
using http::Method;
using http::Nothing;

void Posts::mount(http::Api& api) {
  api.add({Method::post,
           "/api/v1/posts",
           Access::user,
           "Write a post",
           {.status = 201, .tag = "posts"}},
          *this, &Posts::create);
  api.add({Method::get, "/api/v1/posts/{id}", Access::anyone, "A post", {.tag = "posts"}}, *this,
          &Posts::get);
  api.add({Method::patch, "/api/v1/posts/{id}", Access::user, "Edit my post", {.tag = "posts"}},
          *this, &Posts::edit);
  api.add({Method::del, "/api/v1/posts/{id}", Access::user, "Delete my post", {.tag = "posts"}},
          *this, &Posts::remove);
  api.add({Method::put, "/api/v1/posts/{id}/like", Access::user, "Like", {.tag = "posts"}}, *this,
          &Posts::like);
  api.add(
      {Method::del, "/api/v1/posts/{id}/like", Access::user, "Take a like back", {.tag = "posts"}},
      *this, &Posts::unlike);
  api.add({Method::get,
           "/api/v1/users/{id}/posts",
           Access::anyone,
           "A person's posts, newest first",
           {.tag = "people"}},
          *this, &Posts::of_user);
  api.add({Method::get,
           "/api/v1/me/likes",
           Access::user,
           "Posts I like, newest like first",
           {.tag = "posts"}},
          *this, &Posts::liked_by_me);
}

Task<Result<Post>> Posts::create(Call& call, CreatePost in) {
  const std::vector<Id> media = in.media ? in.media->items : std::vector<Id>();
  if (std::set<Id>(media.begin(), media.end()).size() != media.size())
    co_return invalid_field("media", "duplicate", "names a picture twice");
  const Result<Id> id = context_.ids.next();
  if (!id) co_return std::unexpected(id.error());
  const Id author = call.account();
  const Time now = context_.clock.now();
  call.location = "/api/v1/posts/" + std::to_string(*id);
  const auto body = [&](db::Transaction& tx) -> Result<Post> {
    if (!media.empty()) {
      auto claimed = media::claim(tx, author, media, media::Purpose::post, *id, now);
      if (!claimed) return std::unexpected(claimed.error());
    }
    insert_post(tx, PostRow{*id, author, in.text.value, 0, 0, now, {}}, media);
    context_.outbox.append(tx, post_created, *id, PostEvent{1, *id, author, now});
    const auto cards = identity::cards(tx, std::span(&author, 1));
    if (cards.empty())
      return fail(Kind::unauthenticated, "unauthenticated", "This account is no longer here.");
    Post post{*id, cards.begin()->second, in.text.value, {}, 0, 0, false, now, {}};
    if (media.empty()) return post;
    const auto views = media::views(tx, media);
    for (const Id medium : media)
      if (const auto view = views.find(medium); view != views.end())
        post.media.push_back(view->second);
    return post;
  };
  Result<Post> created = co_await call.write(context_.db, body);
  if (created) {
    co_await on_created_(*id, author, now);
  }
  co_return created;
}

Task<Result<json::Written<Post>>> Posts::get(Call& call) {
  const Id id = call.id();
  Result<std::vector<PostCache::Shown>> shown = co_await context_.cache.show(
      call.deadline(), call.viewer(), std::span(&id, 1), PostCache::Muted::shown);
  if (!shown) co_return std::unexpected(std::move(shown.error()));
  if (shown->empty()) co_return post_not_found();
  json::Written<Post> out;
  PostCache::write(out.text, shown->front());
  co_return out;
}

Task<Result<Post>> Posts::edit(Call& call, EditPost in) {
  const Id id = call.id();
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<Post> {
    const auto author = author_for(tx, id, me);
    if (!author) return std::unexpected(author.error());
    if (*author != me)
      return fail(Kind::forbidden, "forbidden", "Only its author may edit a post.");
    update_post_text(tx, id, me, in.text.value, context_.clock.now());
    auto posts = load_posts(tx, std::span(&id, 1));
    if (posts.empty()) return post_not_found();
    Post post = std::move(posts.begin()->second);
    post.liked = !liked_among(tx, me, std::span(&id, 1)).empty();
    return post;
  };
  const Forgotten changed{.posts = {id}};
  Task<Result<Post>> write = call.write(context_.db, body);
  Result<Post> edited = co_await write_and_forget(std::move(write), context_.cache, changed);
  co_return edited;
}

Task<Result<Nothing>> Posts::remove(Call& call) {
  const Id id = call.id();
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    const auto author = author_for(tx, id, me);
    if (!author) return std::unexpected(author.error());
    if (*author != me)
      return fail(Kind::forbidden, "forbidden", "Only its author may delete a post.");
    const auto post = find_post(tx, id);
    move_post(tx, id, me, ContentState::shown, ContentState::deleted);
    media::release(tx, id, context_.clock.now());
    context_.outbox.append(tx, post_deleted, id, PostEvent{1, id, me, post->created_at});
    return {};
  };
  const Forgotten changed{.posts = {id}};
  Task<Result<void>> write = context_.db.write(call.deadline(), body);
  Result<void> done = co_await write_and_forget(std::move(write), context_.cache, changed);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return Nothing{};
}

Task<Result<LikeState>> Posts::set_like(Call& call, bool wanted) {
  const Id id = call.id();
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<LikeState> {
    const auto author = author_for(tx, id, me);
    if (wanted && !author) return std::unexpected(author.error());
    const bool changed =
        wanted ? insert_like(tx, id, me, context_.clock.now()) : delete_like(tx, id, me);
    // A like can be taken back whoever has blocked whom meanwhile.
    if (!author && !changed) return std::unexpected(author.error());
    const auto place = post_author_and_state(tx, id);
    if (changed && place)
      context_.outbox.append(tx, wanted ? post_liked : post_unliked, id,
                             LikeEvent{1, id, place->first, me});
    return LikeState{
        wanted,
        tx.value<std::int64_t>("select like_count from posts where id = ?", id).value_or(0)};
  };
  const Forgotten changed{.posts = {id}, .viewers = {me}};
  Task<Result<LikeState>> write =
      context_.db.write(call.deadline(), body, db::Lane::interactive, db::HotRow{id});
  Result<LikeState> done = co_await write_and_forget(std::move(write), context_.cache, changed);
  co_return done;
}

Task<Result<LikeState>> Posts::like(Call& call) {
  Result<LikeState> done = co_await set_like(call, true);
  co_return done;
}

Task<Result<LikeState>> Posts::unlike(Call& call) {
  Result<LikeState> done = co_await set_like(call, false);
  co_return done;
}

namespace {

/// The page of those posts that are still there; the list goes on at `next` when there were more.
Posts::PostPage written(const std::vector<PostCache::Shown>& shown,
                        std::optional<std::string> next) {
  Posts::PostPage page{{}, std::move(next)};
  for (const PostCache::Shown& post : shown) {
    if (!page.items.empty()) page.items += ',';
    PostCache::write(page.items, post);
  }
  return page;
}

}  // namespace

Task<Result<Posts::PostPage>> Posts::of_user(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::posts, query.cursor, 1);
  if (!cursor) co_return std::unexpected(cursor.error());
  const Id user = call.id();
  const Id viewer = call.viewer();
  const Id below = *cursor ? (**cursor)[0] : max_id;
  const auto body = [&](db::Transaction& tx) -> Result<std::vector<Id>> {
    if (!is_visible(tx, user) || relation(tx, user, viewer).blocked) return user_not_found();
    return posts_of(tx, user, below, query.size() + 1);
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<std::vector<Id>> ids = co_await context_.db.read(call.deadline(), body, freshness);
  if (!ids) co_return std::unexpected(std::move(ids.error()));
  std::optional<std::string> next;
  if (static_cast<std::int64_t>(ids->size()) > query.size()) {
    ids->pop_back();
    next = encode_cursor(CursorKind::posts, {ids->back()});
  }
  Result<std::vector<PostCache::Shown>> shown =
      co_await context_.cache.show(call.deadline(), viewer, *ids, PostCache::Muted::shown);
  if (!shown) co_return std::unexpected(std::move(shown.error()));
  co_return written(*shown, std::move(next));
}

Task<Result<Posts::PostPage>> Posts::liked_by_me(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::likes, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  std::optional<LikedPost> below;
  if (*cursor) below = LikedPost{(**cursor)[1], from_micros((**cursor)[0])};
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<std::vector<LikedPost>> {
    return likes_of(tx, me, below, query.size() + 1);
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<std::vector<LikedPost>> likes =
      co_await context_.db.read(call.deadline(), body, freshness);
  if (!likes) co_return std::unexpected(std::move(likes.error()));
  std::optional<std::string> next;
  if (static_cast<std::int64_t>(likes->size()) > query.size()) {
    likes->pop_back();
    next = encode_cursor(CursorKind::likes, {to_micros(likes->back().at), likes->back().post});
  }
  std::vector<Id> ids;
  for (const LikedPost& liked : *likes) ids.push_back(liked.post);
  Result<std::vector<PostCache::Shown>> shown =
      co_await context_.cache.show(call.deadline(), me, ids, PostCache::Muted::shown);
  if (!shown) co_return std::unexpected(std::move(shown.error()));
  co_return written(*shown, std::move(next));
}

}  // namespace madang::social
