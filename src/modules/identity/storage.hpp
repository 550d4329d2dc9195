// Identity's SQL. Only identity's own tables.
#pragma once

#include "modules/identity/types.hpp"

namespace madang::identity {

/// accounts.state
inline constexpr int state_active = 0;
inline constexpr int state_withdrawn = 1;
inline constexpr int state_erased = 2;
inline constexpr int state_suspended = 3;

struct Account {
  Me me;
  std::string password_hash;
};

struct NewAccount {
  Id id = 0;
  std::string email;
  std::string handle;
  std::string name;
  std::string password_hash;
  bool admin = false;
};

struct NewSession {
  Id id = 0;
  Id account = 0;
  std::vector<std::byte> token_hash;
  Time expires_at{};
  std::string user_agent;
  std::string address;
};

/// Errors: email_taken, handle_taken. `email_hash` is looked up among the withdrawn.
Result<void> insert_account(db::Transaction& tx, const NewAccount& account,
                            const std::vector<std::byte>& email_hash, Time now);
std::optional<Account> find_account(db::Transaction& tx, Id id);  // active ones
/// Active and suspended ones: who knows the password is told which.
std::optional<Account> find_account_by_email(db::Transaction& tx, std::string_view email);
/// Errors: handle_taken.
Result<void> update_profile(db::Transaction& tx, const Me& me, Time now);
void set_avatar(db::Transaction& tx, Id account, std::optional<Id> media,
                const std::optional<std::string>& url);
void set_password(db::Transaction& tx, Id account, std::string_view hash, Time now);
void mark_withdrawn(db::Transaction& tx, Id account, const std::vector<std::byte>& email_hash,
                    Time now);
/// Accounts that withdrew before then and whose data is still to be erased.
std::vector<Id> withdrawn_accounts(db::Transaction& tx, Time before, std::int64_t limit);
void erase_account(db::Transaction& tx, Id account);

void insert_session(db::Transaction& tx, const NewSession& session, Time now);
/// Keeps the newest `keep` of an account.
void limit_sessions(db::Transaction& tx, Id account, std::int64_t keep);
struct FoundSession {
  Id id = 0;
  Id account = 0;
  bool admin = false;
  Time last_used_at{};
  Time expires_at{};
};
std::optional<FoundSession> find_session(db::Transaction& tx,
                                         const std::vector<std::byte>& token_hash, Time now);
/// As many at once as there are placeholders.
inline constexpr std::size_t sessions_at_once = 16;
/// At most sessions_at_once, each in its place, in one statement.
std::vector<std::optional<FoundSession>> find_sessions(
    db::Transaction& tx, std::span<const std::vector<std::byte>* const> token_hashes, Time now);
bool session_holds(db::Transaction& tx, Id session, Id account, Time now);
std::vector<Session> list_sessions(db::Transaction& tx, Id account, Id current, Time now);
void touch_session(db::Transaction& tx, Id session, Time now, Time expires_at);
std::int64_t delete_session(db::Transaction& tx, Id account, Id session);
void delete_other_sessions(db::Transaction& tx, Id account, Id keep);
std::int64_t delete_expired_sessions(db::Transaction& tx, Time now, std::int64_t limit);

std::string email_key(std::string_view email);

}  // namespace madang::identity
