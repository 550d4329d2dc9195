#include "modules/identity/suspensions.hpp"

#include "base/cursor.hpp"
#include "modules/identity/events.hpp"
#include "platform/log/log.hpp"

namespace madang::identity {

using http::Access;
using http::Call;
using http::Method;
using http::Nothing;
using http::Page;

namespace {

/// Every end of a suspension by itself is somebody's deed too: nobody's.
constexpr Id nobody = 0;

}  // namespace

bool end_suspension(db::Transaction& tx, Id account, events::Outbox& outbox, AccountHooks& hooks) {
  if (!delete_suspension(tx, account)) return false;
  hooks.restored(tx, account);
  const auto found = profile(tx, account);
  outbox.append(
      tx, account_restored, account,
      AccountEvent{1, account, found ? found->card.handle : "", found ? found->card.name : ""});
  return true;
}

void Suspensions::mount(http::Api& api) {
  api.add({Method::put,
           "/api/v1/admin/accounts/{id}/suspension",
           Access::admin,
           "Shut an account out, or change why and until when",
           {.tag = "moderation"}},
          *this, &Suspensions::suspend);
  api.add({Method::del,
           "/api/v1/admin/accounts/{id}/suspension",
           Access::admin,
           "Let an account in again",
           {.tag = "moderation"}},
          *this, &Suspensions::lift);
  api.add({Method::get,
           "/api/v1/admin/suspensions",
           Access::admin,
           "Accounts that are shut out, newest first",
           {.tag = "moderation"}},
          *this, &Suspensions::list);
  api.add({Method::get,
           "/api/v1/admin/audit",
           Access::admin,
           "What admins did, newest first",
           {.tag = "moderation"}},
          *this, &Suspensions::audit);
}

Task<Result<SuspendedAccount>> Suspensions::suspend(Call& call, Suspend in) {
  const Time now = clock_.now();
  if (in.until && *in.until <= now)
    co_return invalid_field("until", "in_the_past", "must be in the future");
  const Id account = call.id();
  const Result<Id> record = ids_.next();
  if (!record) co_return std::unexpected(record.error());
  const auto body = [&](db::Transaction& tx) -> Result<SuspendedAccount> {
    const SuspensionRow row{account, {in.reason.value, in.until}, now, call.account()};
    if (auto shut = insert_suspension(tx, row); !shut) return std::unexpected(shut.error());
    hooks_.suspended(tx, account, call.account());
    record_deed(tx, *record,
                {.admin = call.account(),
                 .action = AuditAction::account_suspended,
                 .account = account,
                 .reason = in.reason.value},
                now);
    outbox_.append(tx, account_suspended, account, AccountEvent{1, account, "", ""});
    return std::move(with_cards(tx, std::span(&row, 1)).front());
  };
  Result<SuspendedAccount> done = co_await db_.write(call.deadline(), body);
  if (done) {
    sessions_.forget_cached();
    co_await hooks_.changed(account);
  }
  co_return done;
}

Task<Result<Nothing>> Suspensions::lift(Call& call) {
  const Id account = call.id();
  const Result<Id> record = ids_.next();
  if (!record) co_return std::unexpected(record.error());
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    if (!end_suspension(tx, account, outbox_, hooks_))
      return fail(Kind::not_found, "not_found", "This account is not suspended.");
    record_deed(
        tx, *record,
        {.admin = call.account(), .action = AuditAction::account_restored, .account = account},
        clock_.now());
    return {};
  };
  Result<void> done = co_await db_.write(call.deadline(), body);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_await hooks_.changed(account);
  co_return Nothing{};
}

Task<Result<Page<SuspendedAccount>>> Suspensions::list(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::suspensions, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  const std::int64_t size = query.size();
  const auto body = [&](db::Transaction& tx) -> Result<Page<SuspendedAccount>> {
    const Time at = *cursor ? from_micros((**cursor)[0]) : Time::max();
    auto rows = suspensions_below(tx, at, *cursor ? (**cursor)[1] : max_id, size + 1);
    Page<SuspendedAccount> page;
    if (std::ssize(rows) > size) {
      rows.pop_back();
      page.next_cursor = encode_cursor(CursorKind::suspensions,
                                       {to_micros(rows.back().suspended_at), rows.back().account});
    }
    page.items = with_cards(tx, rows);
    return page;
  };
  Result<Page<SuspendedAccount>> page = co_await db_.read_latest(call.deadline(), body);
  co_return page;
}

Task<Result<Page<AuditRecord>>> Suspensions::audit(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::audit, query.cursor, 1);
  if (!cursor) co_return std::unexpected(cursor.error());
  const std::int64_t size = query.size();
  const Id below = *cursor ? (**cursor)[0] : max_id;
  const auto body = [&](db::Transaction& tx) -> Result<Page<AuditRecord>> {
    Page<AuditRecord> page{audit_below(tx, below, size + 1), {}};
    if (std::ssize(page.items) > size) {
      page.items.pop_back();
      page.next_cursor = encode_cursor(CursorKind::audit, {page.items.back().id});
    }
    return page;
  };
  Result<Page<AuditRecord>> page = co_await db_.read_latest(call.deadline(), body);
  co_return page;
}

void Suspensions::sweep() {
  const Time now = clock_.now();
  const auto over = db_.read_blocking([now](db::Transaction& tx) -> Result<std::vector<Id>> {
    return expired_suspensions(tx, now, 100);
  });
  for (const Id account : over ? *over : std::vector<Id>()) {
    const Id record = ids_.next_or_wait();
    const auto ended = db_.write_blocking(
        [&](db::Transaction& tx) -> Result<bool> {
          const auto row = find_suspension(tx, account);  // it may have been prolonged meanwhile
          if (!row || !row->what.until || *row->what.until > now) return false;
          if (!end_suspension(tx, account, outbox_, hooks_)) return false;
          record_deed(
              tx, record,
              {.admin = nobody, .action = AuditAction::account_restored, .account = account}, now);
          return true;
        },
        db::Lane::background);
    if (ended.value_or(false)) hooks_.changed_blocking(account);
  }
  (void)db_.write_blocking(
      [now](db::Transaction& tx) -> Result<std::int64_t> {
        return delete_old_audit(tx, now - audit_kept, 500);
      },
      db::Lane::background);
}

}  // namespace madang::identity
