// Suspensions and the audit log in SQL.
#pragma once

#include "modules/identity/identity.hpp"
#include "platform/json/types.hpp"

namespace madang::identity {

/// How long the audit log is kept.
inline constexpr std::chrono::days audit_kept{730};

struct Suspend {
  json::Text<1, 500> reason;  // told to the person
  std::optional<Time> until;  // absent: for good
};
BOOST_DESCRIBE_STRUCT(Suspend, (), (reason, until))

struct SuspendedAccount {
  Card account;
  std::string reason;
  std::optional<Time> until;
  Time suspended_at{};
  Card suspended_by;
};
BOOST_DESCRIBE_STRUCT(SuspendedAccount, (), (account, reason, until, suspended_at, suspended_by))

struct AuditRecord {
  Id id = 0;
  Card admin;
  AuditAction action{};
  std::optional<Card> account;  // whom it was about
  std::optional<Id> post_id;
  std::optional<Id> comment_id;
  std::string reason;
  Time created_at{};
};
BOOST_DESCRIBE_STRUCT(AuditRecord, (),
                      (id, admin, action, account, post_id, comment_id, reason, created_at))

struct SuspensionRow {
  Id account = 0;
  Suspension what;
  Time suspended_at{};
  Id suspended_by = 0;
};

/// Shuts out an account that is active or suspended already (then the reason and the end change),
/// and ends its sessions. Errors: not_found, cannot_suspend_admin.
Result<void> insert_suspension(db::Transaction& tx, const SuspensionRow& row);
/// Whether the account was suspended.
bool delete_suspension(db::Transaction& tx, Id account);
std::optional<SuspensionRow> find_suspension(db::Transaction& tx, Id account);
/// Newest first, below the given time and account.
std::vector<SuspensionRow> suspensions_below(db::Transaction& tx, Time at, Id account,
                                             std::int64_t limit);
/// Those whose time is over.
std::vector<Id> expired_suspensions(db::Transaction& tx, Time now, std::int64_t limit);

/// Newest first, below the given record; with everybody's cards.
std::vector<AuditRecord> audit_below(db::Transaction& tx, Id below, std::int64_t limit);
std::int64_t delete_old_audit(db::Transaction& tx, Time before, std::int64_t limit);

std::vector<SuspendedAccount> with_cards(db::Transaction& tx, std::span<const SuspensionRow> rows);

}  // namespace madang::identity
