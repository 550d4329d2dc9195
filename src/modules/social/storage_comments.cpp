#include "modules/social/storage.hpp"

namespace madang::social {

void insert_comment(db::Transaction& tx, const CommentRow& comment) {
  tx.execute(
      "insert into comments (id, post_id, author_id, body, state, created_at) values (?, ?, ?, ?, "
      "0, ?)",
      comment.id, comment.post, comment.author, comment.text, comment.created_at);
  tx.execute("update posts set comment_count = comment_count + 1 where id = ?", comment.post);
}

namespace {

constexpr std::string_view comment_columns =
    "c.id, c.post_id, c.author_id, c.body, c.created_at, c.edited_at";

CommentRow make_row(Id id, Id post, Id author, std::string text, Time created,
                    std::optional<Time> edited) {
  return {id, post, author, std::move(text), created, edited};
}

}  // namespace

std::optional<CommentRow> find_comment(db::Transaction& tx, Id id) {
  static const std::string sql =
      "select " + std::string(comment_columns) + " from comments c where c.id = ? and c.state = 0";
  const auto row = tx.row<Id, Id, Id, std::string, Time, std::optional<Time>>(sql, id);
  if (!row) return {};
  return std::apply(make_row, *row);
}

std::vector<CommentRow> comments_of(db::Transaction& tx, Id post, Id viewer, Id after,
                                    std::int64_t limit) {
  static const std::string sql =
      "select " + std::string(comment_columns) +
      " from comments c where c.post_id = ? and c.state = 0 and c.id > ? "
      "and exists (select 1 from social_profiles v where v.account_id = c.author_id and v.visible "
      "= 1) "
      "and not exists (select 1 from blocks b where b.blocker_id = ? and b.blocked_id = "
      "c.author_id) "
      "and not exists (select 1 from blocks b where b.blocker_id = c.author_id and b.blocked_id = "
      "?) "
      "and not exists (select 1 from mutes m where m.muter_id = ? and m.muted_id = c.author_id) "
      "order by c.id limit ?";
  std::vector<CommentRow> out;
  tx.each<Id, Id, Id, std::string, Time, std::optional<Time>>(
      sql, [&](auto... values) { out.push_back(make_row(std::move(values)...)); }, post, after,
      viewer, viewer, viewer, limit);
  return out;
}

std::int64_t update_comment_text(db::Transaction& tx, Id comment, Id author, std::string_view text,
                                 Time now) {
  return tx.execute(
      "update comments set body = ?, edited_at = ? where id = ? and author_id = ? and state = 0",
      text, now, comment, author);
}

bool move_comment(db::Transaction& tx, Id comment, Id post, ContentState from, ContentState to) {
  if (tx.execute("update comments set state = ? where id = ? and state = ?", to, comment, from) ==
      0)
    return false;
  const int change = (to == ContentState::shown ? 1 : 0) - (from == ContentState::shown ? 1 : 0);
  if (change != 0)
    tx.execute("update posts set comment_count = comment_count + ? where id = ?", change, post);
  return true;
}

std::optional<CommentPlace> comment_place(db::Transaction& tx, Id comment) {
  const auto row = tx.row<Id, Id, ContentState>(
      "select post_id, author_id, state from comments where id = ?", comment);
  if (!row) return {};
  return CommentPlace{std::get<0>(*row), std::get<1>(*row), std::get<2>(*row)};
}

}  // namespace madang::social
