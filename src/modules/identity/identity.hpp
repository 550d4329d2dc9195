// What other modules may ask of identity: who an account is. Sign-in and sessions are its own
// affair.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/db/sql.hpp"

namespace madang::identity {

/// An account as others see it beside what it wrote.
struct Card {
  Id id = 0;
  std::string handle;
  std::string name;
  std::optional<std::string> avatar;  // a URL
};
BOOST_DESCRIBE_STRUCT(Card, (), (id, handle, name, avatar))

/// The cards of those accounts that exist and have not withdrawn; one statement.
std::map<Id, Card> cards(db::Transaction& tx, std::span<const Id> accounts);

struct Profile {
  Card card;
  std::string bio;
  Time created_at{};
};

/// Nothing for unknown and withdrawn accounts.
std::optional<Profile> profile(db::Transaction& tx, Id account);
std::optional<Id> find_by_handle(db::Transaction& tx, std::string_view handle);
bool is_active(db::Transaction& tx, Id account);

/// Accounts whose handle or name begins with (first) or contains `text`, by rank and id, after the
/// given position. Rank: 0 begins with, 1 contains.
struct Hit {
  int rank = 0;
  Id account = 0;
};
std::vector<Hit> search(db::Transaction& tx, std::string_view text, Hit after, std::int64_t limit);

/// Whose sessions were used most recently, at most about `limit` of them.
std::vector<Id> recently_seen(db::Transaction& tx, std::int64_t limit);

/// Why an account is shut out, and until when (absent: for good).
struct Suspension {
  std::string reason;
  std::optional<Time> until;
};
BOOST_DESCRIBE_STRUCT(Suspension, (), (reason, until))

/// For admins: cards of suspended accounts too. One statement.
std::map<Id, Card> known_cards(db::Transaction& tx, std::span<const Id> accounts);
/// Of those that are suspended now; one statement.
std::map<Id, Suspension> suspensions(db::Transaction& tx, std::span<const Id> accounts);

/// What admins do. Kept as numbers: append only.
enum class AuditAction {
  account_suspended = 1,
  account_restored,
  content_hidden,
  content_shown,
  report_kept
};
BOOST_DESCRIBE_ENUM(AuditAction, account_suspended, account_restored, content_hidden, content_shown,
                    report_kept)

/// One deed for the record.
struct Deed {
  Id admin = 0;  // 0: nobody's, such as a suspension whose time is over
  AuditAction action{};
  std::optional<Id> account{};  // whom it is about
  std::optional<Id> post{};
  std::optional<Id> comment{};
  std::string reason{};
};
/// In the transaction of the deed; `id` is a fresh one.
void record_deed(db::Transaction& tx, Id id, const Deed& deed, Time now);

/// What other modules do in the same transaction when an account begins or ends.
class AccountHooks {
 public:
  virtual ~AccountHooks() = default;
  virtual void created(db::Transaction& tx, Id account) = 0;
  virtual void withdrawn(db::Transaction& tx, Id account) = 0;
  virtual void suspended(db::Transaction& tx, Id account, Id admin) = 0;
  virtual void restored(db::Transaction& tx, Id account) = 0;
  /// Makes the account's own, ready picture its avatar (nothing: it has none any more) in place of
  /// the one before; its URL. Errors: media_not_ready, media_not_yours.
  virtual Result<std::optional<std::string>> change_avatar(db::Transaction& tx, Id account,
                                                           std::optional<Id> media) = 0;
  /// After the commit of a change that others may have cached (name, handle, avatar, withdrawal,
  /// suspension), and before it is answered.
  virtual Task<> changed(Id account) = 0;
  /// The same for threads of our own: blocks.
  virtual void changed_blocking(Id account) = 0;
  /// Removes what is left of a withdrawn account, at most `limit` rows; whether nothing is left.
  virtual bool erase(db::Transaction& tx, Id account, std::int64_t limit) = 0;
};

}  // namespace madang::identity
