#include "modules/identity/storage_suspensions.hpp"

#include <set>

#include "modules/identity/storage.hpp"

namespace madang::identity {

namespace {

constexpr std::string_view suspension_columns =
    "account_id, reason, until_at, suspended_at, suspended_by";

template <class... A>
std::vector<SuspensionRow> select(db::Transaction& tx, std::string_view where,
                                  const A&... arguments) {
  std::vector<SuspensionRow> out;
  tx.each<Id, std::string, std::optional<Time>, Time, Id>(
      "select " + std::string(suspension_columns) + " from suspensions where " + std::string(where),
      [&](Id account, std::string reason, std::optional<Time> until, Time at, Id by) {
        out.push_back({account, {std::move(reason), until}, at, by});
      },
      arguments...);
  return out;
}

/// Of somebody who may have withdrawn meanwhile.
Card card_of(const std::map<Id, Card>& cards, Id account) {
  const auto found = cards.find(account);
  return found == cards.end() ? Card{account, "", "", {}} : found->second;
}

}  // namespace

Result<void> insert_suspension(db::Transaction& tx, const SuspensionRow& row) {
  const auto shut = tx.execute(
      "update accounts set state = ?, updated_at = ? where id = ? and state in (?, ?) and "
      "is_admin = 0",
      state_suspended, row.suspended_at, row.account, state_active, state_suspended);
  if (shut == 0) {
    if (is_active(tx, row.account))
      return fail(Kind::invalid, "cannot_suspend_admin", "An admin is not suspended.");
    return fail(Kind::not_found, "not_found", "There is no such person.");
  }
  tx.execute("delete from sessions where account_id = ?", row.account);
  tx.execute("delete from suspensions where account_id = ?", row.account);
  tx.execute(
      "insert into suspensions (account_id, reason, until_at, suspended_at, suspended_by) "
      "values (?, ?, ?, ?, ?)",
      row.account, row.what.reason, row.what.until, row.suspended_at, row.suspended_by);
  return {};
}

bool delete_suspension(db::Transaction& tx, Id account) {
  if (tx.execute("update accounts set state = ? where id = ? and state = ?", state_active, account,
                 state_suspended) == 0)
    return false;
  tx.execute("delete from suspensions where account_id = ?", account);
  return true;
}

std::optional<SuspensionRow> find_suspension(db::Transaction& tx, Id account) {
  auto rows = select(tx, "account_id = ?", account);
  if (rows.empty()) return {};
  return std::move(rows.front());
}

std::vector<SuspensionRow> suspensions_below(db::Transaction& tx, Time at, Id account,
                                             std::int64_t limit) {
  return select(tx,
                "suspended_at <= ? and (suspended_at < ? or account_id < ?) "
                "order by suspended_at desc, account_id desc limit ?",
                at, at, account, limit);
}

std::vector<Id> expired_suspensions(db::Transaction& tx, Time now, std::int64_t limit) {
  std::vector<Id> out;
  tx.each<Id>(
      "select account_id from suspensions where until_at <= ? order by until_at limit ?",
      [&](Id account) { out.push_back(account); }, now, limit);
  return out;
}

std::vector<AuditRecord> audit_below(db::Transaction& tx, Id below, std::int64_t limit) {
  std::vector<AuditRecord> out;
  std::set<Id> people;
  tx.each<Id, Id, AuditAction, std::optional<Id>, std::optional<Id>, std::optional<Id>, std::string,
          Time>(
      "select id, admin_id, action, account_id, post_id, comment_id, reason, created_at "
      "from audit_log where id < ? order by id desc limit ?",
      [&](Id id, Id admin, AuditAction action, std::optional<Id> account, std::optional<Id> post,
          std::optional<Id> comment, std::string reason, Time at) {
        AuditRecord record{id,      {admin, "", "", {}}, action, {}, post,
                           comment, std::move(reason),   at};
        if (account) record.account = Card{*account, "", "", {}};
        people.insert(admin);
        people.insert(account.value_or(admin));
        out.push_back(std::move(record));
      },
      below, limit);
  const auto cards = known_cards(tx, std::vector(people.begin(), people.end()));
  for (AuditRecord& record : out) {
    record.admin = card_of(cards, record.admin.id);
    if (record.account) record.account = card_of(cards, record.account->id);
  }
  return out;
}

std::int64_t delete_old_audit(db::Transaction& tx, Time before, std::int64_t limit) {
  return tx.execute(
      "delete from audit_log where id in (select id from (select id from audit_log where "
      "created_at < ? order by created_at limit ?) oldest)",
      before, limit);
}

std::vector<SuspendedAccount> with_cards(db::Transaction& tx, std::span<const SuspensionRow> rows) {
  std::set<Id> people;
  for (const SuspensionRow& row : rows) {
    people.insert(row.account);
    people.insert(row.suspended_by);
  }
  const auto cards = known_cards(tx, std::vector(people.begin(), people.end()));
  std::vector<SuspendedAccount> out;
  for (const SuspensionRow& row : rows)
    out.push_back({card_of(cards, row.account), row.what.reason, row.what.until, row.suspended_at,
                   card_of(cards, row.suspended_by)});
  return out;
}

// ---- the public header
// ---------------------------------------------------------------------------

std::map<Id, Card> known_cards(db::Transaction& tx, std::span<const Id> accounts) {
  std::map<Id, Card> out;
  tx.each<Id, std::string, std::string, std::optional<std::string>>(
      "select id, handle, name, avatar_url from accounts where id in (?*) and +state in (0, 3)",
      [&](Id id, std::string handle, std::string name, std::optional<std::string> avatar) {
        out.try_emplace(id, Card{id, std::move(handle), std::move(name), std::move(avatar)});
      },
      db::IdList{accounts});
  return out;
}

std::map<Id, Suspension> suspensions(db::Transaction& tx, std::span<const Id> accounts) {
  std::map<Id, Suspension> out;
  tx.each<Id, std::string, std::optional<Time>>(
      "select account_id, reason, until_at from suspensions where account_id in (?*)",
      [&](Id account, std::string reason, std::optional<Time> until) {
        out.try_emplace(account, Suspension{std::move(reason), until});
      },
      db::IdList{accounts});
  return out;
}

void record_deed(db::Transaction& tx, Id id, const Deed& deed, Time now) {
  tx.execute(
      "insert into audit_log (id, admin_id, action, account_id, post_id, comment_id, reason, "
      "created_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
      id, deed.admin, deed.action, deed.account, deed.post, deed.comment, deed.reason, now);
}

}  // namespace madang::identity
