#include "modules/social/comments.hpp"

#include "modules/social/events.hpp"

namespace madang::social {

using http::Access;
using http::Call;
using http::Method;
using http::Nothing;
using http::Page;

namespace {

/// With their authors' cards; one statement.
std::vector<Comment> with_authors(db::Transaction& tx, const std::vector<CommentRow>& rows) {
  std::set<Id> authors;
  for (const CommentRow& row : rows) authors.insert(row.author);
  const std::vector<Id> ids(authors.begin(), authors.end());
  const auto cards = identity::cards(tx, ids);
  std::vector<Comment> out;
  for (const CommentRow& row : rows)
    if (const auto card = cards.find(row.author); card != cards.end())
      out.push_back({row.id, row.post, card->second, row.text, row.created_at, row.edited_at});
  return out;
}

Result<Comment> one(db::Transaction& tx, Id comment) {
  const auto row = find_comment(tx, comment);
  auto found = row ? with_authors(tx, {*row}) : std::vector<Comment>();
  if (found.empty()) return comment_not_found();
  return std::move(found.front());
}

}  // namespace

void Comments::mount(http::Api& api) {
  api.add({Method::get,
           "/api/v1/posts/{id}/comments",
           Access::anyone,
           "A post's comments, oldest first",
           {.tag = "comments"}},
          *this, &Comments::list);
  api.add({Method::post,
           "/api/v1/posts/{id}/comments",
           Access::user,
           "Comment on a post",
           {.status = 201, .tag = "comments"}},
          *this, &Comments::create);
  api.add({Method::patch,
           "/api/v1/comments/{id}",
           Access::user,
           "Edit my comment",
           {.tag = "comments"}},
          *this, &Comments::edit);
  api.add({Method::del,
           "/api/v1/comments/{id}",
           Access::user,
           "Delete my comment, or one on my post",
           {.tag = "comments"}},
          *this, &Comments::remove);
}

Task<Result<Page<Comment>>> Comments::list(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::comments, query.cursor, 1);
  if (!cursor) co_return std::unexpected(cursor.error());
  const Id post = call.id();
  const Id viewer = call.viewer();
  const Id after = *cursor ? (**cursor)[0] : 0;
  const auto body = [&](db::Transaction& tx) -> Result<Page<Comment>> {
    if (auto author = author_for(tx, post, viewer); !author) return std::unexpected(author.error());
    auto rows = comments_of(tx, post, viewer, after, query.size() + 1);
    Page<Comment> page;
    if (static_cast<std::int64_t>(rows.size()) > query.size()) {
      rows.pop_back();
      page.next_cursor = encode_cursor(CursorKind::comments, {rows.back().id});
    }
    page.items = with_authors(tx, rows);
    return page;
  };
  const db::Freshness freshness = co_await call.freshness();
  Result<Page<Comment>> page = co_await context_.db.read(call.deadline(), body, freshness);
  co_return page;
}

Task<Result<Comment>> Comments::create(Call& call, WriteComment in) {
  const Result<Id> id = context_.ids.next();
  if (!id) co_return std::unexpected(id.error());
  const Id post = call.id();
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<Comment> {
    const auto author = author_for(tx, post, me);
    if (!author) return std::unexpected(author.error());
    insert_comment(tx, CommentRow{*id, post, me, in.text.value, context_.clock.now(), {}});
    context_.outbox.append(tx, comment_created, post, CommentEvent{1, post, *author, *id, me});
    return one(tx, *id);
  };
  const Forgotten changed{.posts = {post}};
  Task<Result<Comment>> write = call.write(context_.db, body, db::HotRow{post});
  Result<Comment> created = co_await write_and_forget(std::move(write), context_.cache, changed);
  co_return created;
}

Task<Result<Comment>> Comments::edit(Call& call, WriteComment in) {
  const Id id = call.id();
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<Comment> {
    const auto row = find_comment(tx, id);
    if (!row) return comment_not_found();
    if (auto author = author_for(tx, row->post, me); !author)
      return std::unexpected(author.error());
    if (row->author != me)
      return fail(Kind::forbidden, "forbidden", "Only its author may edit a comment.");
    update_comment_text(tx, id, me, in.text.value, context_.clock.now());
    return one(tx, id);
  };
  Result<Comment> edited = co_await context_.db.write(call.deadline(), body);
  co_return edited;
}

Task<Result<Nothing>> Comments::remove(Call& call) {
  const Id id = call.id();
  const Id me = call.account();
  Forgotten changed;
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    const auto row = find_comment(tx, id);
    if (!row) return comment_not_found();
    // One's own can be taken back whoever has blocked whom meanwhile.
    const auto place = post_author_and_state(tx, row->post);
    const Id author = place ? place->first : 0;
    if (row->author != me) {
      if (auto seen = author_for(tx, row->post, me); !seen) return std::unexpected(seen.error());
      if (author != me)
        return fail(Kind::forbidden, "forbidden",
                    "Only its author, or the post's, may delete a comment.");
    }
    move_comment(tx, id, row->post, ContentState::shown, ContentState::deleted);
    context_.outbox.append(tx, comment_deleted, row->post,
                           CommentEvent{1, row->post, author, id, row->author});
    changed.posts = {row->post};
    return {};
  };
  Task<Result<void>> write = context_.db.write(call.deadline(), body);
  Result<void> done = co_await write_and_forget(std::move(write), context_.cache, changed);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return Nothing{};
}

}  // namespace madang::social
