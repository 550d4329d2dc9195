#include "modules/social/moderation.hpp"

#include "modules/social/events.hpp"
#include "modules/social/storage_reports.hpp"

namespace madang::social {

using http::Access;
using http::Call;
using http::Method;
using http::Page;

void Moderation::mount(http::Api& api) {
  api.add({Method::post,
           "/api/v1/reports",
           Access::user,
           "Report a post, a comment or a person",
           {.status = 201, .tag = "moderation", .also = {404}}},
          *this, &Moderation::report);
  api.add({Method::get,
           "/api/v1/admin/reports",
           Access::admin,
           "Reports, oldest first",
           {.tag = "moderation"}},
          *this, &Moderation::list);
  api.add({Method::post,
           "/api/v1/admin/reports/{id}/resolve",
           Access::admin,
           "Hide what is reported, or show it (again)",
           {.tag = "moderation"}},
          *this, &Moderation::resolve);
}

namespace {

/// Whether the reporter can see what they report. Errors: not_found, cannot_report_self.
Result<void> check_target(db::Transaction& tx, Id reporter, const ReportTarget& target) {
  Id author = 0;
  if (target.user) {
    if (!is_visible(tx, *target.user)) return user_not_found();
    author = *target.user;
  } else {
    Id post = target.post.value_or(0);
    if (target.comment) {
      const auto comment = find_comment(tx, *target.comment);
      if (!comment) return comment_not_found();
      post = comment->post;
      author = comment->author;
    }
    const auto post_author = author_for(tx, post, reporter);
    if (!post_author) return std::unexpected(post_author.error());
    if (author == 0) author = *post_author;
  }
  if (author == reporter) return fail(Kind::invalid, "cannot_report_self", "This is your own.");
  return {};
}

/// What a report is about; a person is their own content.
std::optional<ReportedContent> content_of(const ReportedContents& contents,
                                          const ReportTarget& target) {
  if (target.user) return ReportedContent{*target.user, "", {}};
  const auto& among = target.post ? contents.posts : contents.comments;
  const auto found = among.find(target.post ? *target.post : target.comment.value_or(0));
  return found == among.end() ? std::nullopt : std::optional(found->second);
}

/// With the people's cards; six statements for any number.
std::vector<Report> shown(db::Transaction& tx, const std::vector<ReportRow>& rows) {
  const ReportedContents contents = reported_contents(tx, rows);
  std::set<Id> people;
  for (const ReportRow& row : rows) {
    people.insert(row.reporter);
    if (const auto content = content_of(contents, row.target)) people.insert(content->author);
  }
  const std::vector<Id> ids(people.begin(), people.end());
  const auto cards = identity::known_cards(tx, ids);
  const auto shut_out = identity::suspensions(tx, ids);
  const auto card = [&](Id id) {
    const auto found = cards.find(id);
    return found == cards.end() ? identity::Card{id, "", "", {}} : found->second;
  };
  std::vector<Report> out;
  for (const ReportRow& row : rows) {
    Report report{.id = row.id,
                  .reporter = card(row.reporter),
                  .post_id = row.target.post,
                  .comment_id = row.target.comment,
                  .user_id = row.target.user,
                  .author = {},
                  .text = {},
                  .media = {},
                  .suspension = {},
                  .reason = row.reason,
                  .state = row.state,
                  .created_at = row.created_at,
                  .resolved_at = row.resolved_at};
    if (auto content = content_of(contents, row.target)) {
      report.author = card(content->author);
      if (!row.target.user) report.text = std::move(content->text);
      report.media = std::move(content->media);
      const auto suspension = shut_out.find(content->author);
      if (suspension != shut_out.end()) report.suspension = suspension->second;
    }
    out.push_back(std::move(report));
  }
  return out;
}

}  // namespace

Task<Result<ReportReceived>> Moderation::report(Call& call, WriteReport in) {
  const int named = (in.post_id ? 1 : 0) + (in.comment_id ? 1 : 0) + (in.user_id ? 1 : 0);
  if (named != 1)
    co_return invalid_field("post_id", "one_of",
                            "give exactly one of post_id, comment_id, user_id");
  const Result<Id> id = context_.ids.next();
  if (!id) co_return std::unexpected(id.error());
  const ReportTarget target{in.post_id, in.comment_id, in.user_id};
  const Id me = call.account();
  const auto body = [&](db::Transaction& tx) -> Result<ReportReceived> {
    if (auto checked = check_target(tx, me, target); !checked)
      return std::unexpected(checked.error());
    return ReportReceived{insert_report(
        tx,
        ReportRow{*id, me, target, in.reason.value, ReportState::open, context_.clock.now(), {}})};
  };
  Result<ReportReceived> done = co_await call.write(context_.db, body);
  co_return done;
}

Task<Result<Page<Report>>> Moderation::list(Call& call, ReportsQuery query) {
  const auto cursor = decode_cursor(CursorKind::reports, query.cursor, 1);
  if (!cursor) co_return std::unexpected(cursor.error());
  const std::int64_t size = query.limit ? query.limit->value : 20;
  const Id after = *cursor ? (**cursor)[0] : 0;
  const auto body = [&](db::Transaction& tx) -> Result<Page<Report>> {
    auto rows = reports_in(tx, query.state.value_or(ReportState::open), after, size + 1);
    Page<Report> page;
    if (static_cast<std::int64_t>(rows.size()) > size) {
      rows.pop_back();
      page.next_cursor = encode_cursor(CursorKind::reports, {rows.back().id});
    }
    page.items = shown(tx, rows);
    return page;
  };
  Result<Page<Report>> page = co_await context_.db.read_latest(call.deadline(), body);
  co_return page;
}

Task<Result<Report>> Moderation::resolve(Call& call, ResolveReport in) {
  const Id id = call.id();
  const Result<Id> record = context_.ids.next();
  if (!record) co_return std::unexpected(record.error());
  Forgotten changed;
  const auto body = [&](db::Transaction& tx) -> Result<Report> {
    const auto row = find_report(tx, id);
    if (!row) return fail(Kind::not_found, "not_found", "There is no such report.");
    identity::Deed deed{.admin = call.account(),
                        .action = in.hide ? identity::AuditAction::content_hidden
                                          : identity::AuditAction::content_shown,
                        .post = row->target.post,
                        .comment = row->target.comment};
    const ContentState from = in.hide ? ContentState::shown : ContentState::hidden;
    const ContentState to = in.hide ? ContentState::hidden : ContentState::shown;
    if (row->target.post) {
      const auto place = post_author_and_state(tx, *row->target.post);
      if (place) deed.account = place->first;
      if (place && move_post(tx, *row->target.post, place->first, from, to)) {
        const auto created =
            tx.value<Time>("select created_at from posts where id = ?", *row->target.post);
        context_.outbox.append(
            tx, in.hide ? post_deleted : post_restored, *row->target.post,
            PostEvent{1, *row->target.post, place->first, created.value_or(Time{})});
      }
      changed.posts = {*row->target.post};
    } else if (row->target.comment) {
      const auto place = comment_place(tx, *row->target.comment);
      if (place) deed.account = place->author;
      if (place && move_comment(tx, *row->target.comment, place->post, from, to) && in.hide) {
        const auto post = post_author_and_state(tx, place->post);
        context_.outbox.append(tx, comment_deleted, place->post,
                               CommentEvent{1, place->post, post ? post->first : 0,
                                            *row->target.comment, place->author});
      }
      if (place) changed.posts = {place->post};
    } else if (in.hide) {
      return fail(Kind::invalid, "cannot_hide_user",
                  "A person is not hidden: suspend the account, or resolve it with hide: false.");
    }
    if (row->target.user) {
      deed.action = identity::AuditAction::report_kept;
      deed.account = row->target.user;
    }
    identity::record_deed(tx, *record, deed, context_.clock.now());
    resolve_reports(tx, row->target, in.hide ? ReportState::hidden : ReportState::kept,
                    call.account(), context_.clock.now());
    auto reports = shown(tx, {*find_report(tx, id)});
    return std::move(reports.front());
  };
  Task<Result<Report>> write = call.write(context_.db, body);
  Result<Report> done = co_await write_and_forget(std::move(write), context_.cache, changed);
  co_return done;
}

}  // namespace madang::social
