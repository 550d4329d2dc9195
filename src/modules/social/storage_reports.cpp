#include "modules/social/storage_reports.hpp"

namespace madang::social {

namespace {

constexpr std::string_view report_columns =
    "id, reporter_id, post_id, comment_id, user_id, reason, state, created_at, resolved_at";

ReportRow make_row(Id id, Id reporter, std::optional<Id> post, std::optional<Id> comment,
                   std::optional<Id> user, std::string reason, ReportState state, Time created,
                   std::optional<Time> resolved) {
  return {id, reporter, {post, comment, user}, std::move(reason), state, created, resolved};
}

template <class... A>
std::vector<ReportRow> select(db::Transaction& tx, const std::string& sql, const A&... arguments) {
  std::vector<ReportRow> out;
  tx.each<Id, Id, std::optional<Id>, std::optional<Id>, std::optional<Id>, std::string, ReportState,
          Time, std::optional<Time>>(
      sql, [&](auto... values) { out.push_back(make_row(std::move(values)...)); }, arguments...);
  return out;
}

/// The one column that says what is reported.
std::pair<std::string, Id> column_of(const ReportTarget& target) {
  if (target.post) return {"post_id", *target.post};
  if (target.comment) return {"comment_id", *target.comment};
  return {"user_id", target.user.value_or(0)};
}

}  // namespace

Id insert_report(db::Transaction& tx, const ReportRow& report) {
  const auto [column, id] = column_of(report.target);
  // Unique while the report is open: nobody reports one thing twice at a time.
  const std::string open_key =
      std::to_string(report.reporter) + " " + column + " " + std::to_string(id);
  tx.execute(
      "insert into reports (id, reporter_id, post_id, comment_id, user_id, reason, state, "
      "created_at, open_key) select ?, ?, ?, ?, ?, ?, 0, ?, ? "
      "where not exists (select 1 from reports where open_key = ?)",
      report.id, report.reporter, report.target.post, report.target.comment, report.target.user,
      report.reason, report.created_at, open_key, open_key);
  return tx.value<Id>("select id from reports where open_key = ?", open_key).value_or(report.id);
}

std::optional<ReportRow> find_report(db::Transaction& tx, Id id) {
  auto rows =
      select(tx, "select " + std::string(report_columns) + " from reports where id = ?", id);
  if (rows.empty()) return {};
  return std::move(rows.front());
}

std::vector<ReportRow> reports_in(db::Transaction& tx, ReportState state, Id after,
                                  std::int64_t limit) {
  return select(tx,
                "select " + std::string(report_columns) +
                    " from reports where state = ? and id > ? order by id limit ?",
                state, after, limit);
}

void resolve_reports(db::Transaction& tx, const ReportTarget& target, ReportState state, Id admin,
                     Time now) {
  const auto [column, id] = column_of(target);
  tx.execute(
      "update reports set state = ?, resolved_by = ?, resolved_at = ?, open_key = null where " +
          column + " = ?",
      state, admin, now, id);
}

void resolve_open_reports(db::Transaction& tx, Id account, ReportState state, Id admin, Time now) {
  tx.execute(
      "update reports set state = ?, resolved_by = ?, resolved_at = ?, open_key = null "
      "where user_id = ? and state = ?",
      state, admin, now, account, ReportState::open);
}

namespace {

/// Their pictures, whatever the state of the posts: who judges must see what there is.
void add_media(db::Transaction& tx, std::map<Id, ReportedContent>& posts,
               const std::vector<Id>& ids) {
  const auto pairs = media_of(tx, ids);
  std::vector<Id> media;
  for (const auto& [post, medium] : pairs) media.push_back(medium);
  const auto views = media::views(tx, media);
  for (const auto& [post, medium] : pairs) {
    const auto found = posts.find(post);
    const auto view = views.find(medium);
    if (found != posts.end() && view != views.end()) found->second.media.push_back(view->second);
  }
}

}  // namespace

ReportedContents reported_contents(db::Transaction& tx, std::span<const ReportRow> reports) {
  std::vector<Id> posts;
  std::vector<Id> comments;
  for (const ReportRow& report : reports) {
    if (report.target.post) posts.push_back(*report.target.post);
    if (report.target.comment) comments.push_back(*report.target.comment);
  }
  ReportedContents out;
  tx.each<Id, Id, std::string>(
      "select id, author_id, body from posts where id in (?*)",
      [&](Id id, Id author, std::string text) {
        out.posts.try_emplace(id, ReportedContent{author, std::move(text), {}});
      },
      db::IdList{posts});
  add_media(tx, out.posts, posts);
  tx.each<Id, Id, std::string>(
      "select id, author_id, body from comments where id in (?*)",
      [&](Id id, Id author, std::string text) {
        out.comments.try_emplace(id, ReportedContent{author, std::move(text), {}});
      },
      db::IdList{comments});
  return out;
}

}  // namespace madang::social
