#include "modules/identity/storage.hpp"

#include <set>

#include "base/text.hpp"

namespace madang::identity {

namespace {

constexpr std::string_view account_columns =
    "id, handle, name, bio, avatar_url, email, is_admin, created_at, password_hash";

template <class... A>
std::optional<Account> load_account(db::Transaction& tx, const std::string& where,
                                    const A&... arguments) {
  const auto row = tx.row<Id, std::string, std::string, std::string, std::optional<std::string>,
                          std::optional<std::string>, bool, Time, std::string>(
      "select " + std::string(account_columns) + " from accounts where " + where, arguments...);
  if (!row) return {};
  const auto& [id, handle, name, bio, avatar, email, admin, created_at, hash] = *row;
  Account account{{id, handle, name, bio, avatar, email.value_or(""), {Role::user}, created_at},
                  hash};
  if (admin) account.me.roles.push_back(Role::admin);
  return account;
}

}  // namespace

std::string email_key(std::string_view email) {
  return fold_case(email);
}

Result<void> insert_account(db::Transaction& tx, const NewAccount& account,
                            const std::vector<std::byte>& email_hash, Time now) {
  const std::string key = email_key(account.email);
  const auto taken_problem =
      fail(Kind::conflict, "email_taken", "That e-mail address cannot be used for a new account.");
  if (tx.value<int>("select 1 from withdrawn_emails where email_hash = ?",
                    db::BytesView(email_hash)))
    return taken_problem;
  try {
    tx.execute(
        "insert into accounts (id, email, email_key, handle, handle_key, name, name_key, bio, "
        "password_hash, is_admin, "
        "state, created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, '', ?, ?, 0, ?, ?)",
        account.id, account.email, key, account.handle, fold_case(account.handle), account.name,
        fold_case(account.name), account.password_hash, account.admin, now, now);
  } catch (const db::SqlError& e) {
    if (e.cause() != db::SqlError::Cause::unique) throw;
    if (tx.value<int>("select 1 from accounts where email_key = ?", key)) return taken_problem;
    return fail(Kind::conflict, "handle_taken", "That handle is taken.");
  }
  return {};
}

std::optional<Account> find_account(db::Transaction& tx, Id id) {
  return load_account(tx, "state = 0 and id = ?", id);
}

std::optional<Account> find_account_by_email(db::Transaction& tx, std::string_view email) {
  return load_account(tx, "state in (0, 3) and email_key = ?", email_key(email));
}

Result<void> update_profile(db::Transaction& tx, const Me& me, Time now) {
  try {
    tx.execute(
        "update accounts set handle = ?, handle_key = ?, name = ?, name_key = ?, bio = ?, "
        "updated_at = ? where id = ?",
        me.handle, fold_case(me.handle), me.name, fold_case(me.name), me.bio, now, me.id);
  } catch (const db::SqlError& e) {
    if (e.cause() != db::SqlError::Cause::unique) throw;
    return fail(Kind::conflict, "handle_taken", "That handle is taken.");
  }
  return {};
}

void set_avatar(db::Transaction& tx, Id account, std::optional<Id> media,
                const std::optional<std::string>& url) {
  tx.execute("update accounts set avatar_id = ?, avatar_url = ? where id = ?", media, url, account);
}

void set_password(db::Transaction& tx, Id account, std::string_view hash, Time now) {
  tx.execute("update accounts set password_hash = ?, updated_at = ? where id = ?", hash, now,
             account);
}

void mark_withdrawn(db::Transaction& tx, Id account, const std::vector<std::byte>& email_hash,
                    Time now) {
  tx.execute("insert into withdrawn_emails (email_hash, withdrawn_at) values (?, ?)",
             db::BytesView(email_hash), now);
  tx.execute("delete from sessions where account_id = ?", account);
  tx.execute(
      "update accounts set state = ?, email = null, email_key = null, password_hash = '', "
      "withdrawn_at = ?, "
      "updated_at = ? where id = ?",
      state_withdrawn, now, now, account);
}

std::vector<Id> withdrawn_accounts(db::Transaction& tx, Time before, std::int64_t limit) {
  std::vector<Id> out;
  tx.each<Id>(
      "select id from accounts where state = ? and withdrawn_at < ? order by withdrawn_at limit ?",
      [&](Id id) { out.push_back(id); }, state_withdrawn, before, limit);
  return out;
}

/// The row stays, empty: other tables may still name its id.
void erase_account(db::Transaction& tx, Id account) {
  const std::string blank = "-" + std::to_string(account);  // no handle can be this: it is freed
  tx.execute(
      "update accounts set state = ?, handle = ?, handle_key = ?, name = '', name_key = '', bio = "
      "'', "
      "avatar_id = null, avatar_url = null where id = ?",
      state_erased, blank, blank, account);
  tx.execute("delete from suspensions where account_id = ?", account);
  tx.execute("update audit_log set reason = '' where account_id = ?", account);
}

void insert_session(db::Transaction& tx, const NewSession& session, Time now) {
  tx.execute(
      "insert into sessions (id, account_id, token_hash, created_at, last_used_at, expires_at, "
      "user_agent, address) "
      "values (?, ?, ?, ?, ?, ?, ?, ?)",
      session.id, session.account, db::BytesView(session.token_hash), now, now, session.expires_at,
      session.user_agent, session.address);
}

void limit_sessions(db::Transaction& tx, Id account, std::int64_t keep) {
  tx.execute(
      "delete from sessions where account_id = ? and id <= coalesce((select id from sessions where "
      "account_id = ? "
      "order by id desc limit 1 offset ?), 0)",
      account, account, keep);
}

std::optional<FoundSession> find_session(db::Transaction& tx,
                                         const std::vector<std::byte>& token_hash, Time now) {
  const auto row = tx.row<Id, Id, bool, Time, Time>(
      "select s.id, s.account_id, a.is_admin, s.last_used_at, s.expires_at from sessions s "
      "join accounts a on a.id = s.account_id where s.token_hash = ? and s.expires_at > ? and "
      "a.state = 0",
      db::BytesView(token_hash), now);
  if (!row) return {};
  const auto& [id, account, admin, last_used_at, expires_at] = *row;
  return FoundSession{id, account, admin, last_used_at, expires_at};
}

std::vector<std::optional<FoundSession>> find_sessions(
    db::Transaction& tx, std::span<const std::vector<std::byte>* const> token_hashes, Time now) {
  std::vector<std::optional<FoundSession>> out(token_hashes.size());
  // Every placeholder needs something: the last one again.
  const auto hash = [&](std::size_t i) {
    return db::BytesView(*token_hashes[std::min(i, token_hashes.size() - 1)]);
  };
  const auto take = [&](std::vector<std::byte> of, Id id, Id account, bool admin, Time used,
                        Time expires) {
    for (std::size_t i = 0; i < token_hashes.size(); ++i)
      if (*token_hashes[i] == of) out[i] = FoundSession{id, account, admin, used, expires};
  };
  static_assert(sessions_at_once == 16);
  tx.each<std::vector<std::byte>, Id, Id, bool, Time, Time>(
      "select s.token_hash, s.id, s.account_id, a.is_admin, s.last_used_at, s.expires_at from "
      "sessions s join accounts a on a.id = s.account_id where s.token_hash in (?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?) and s.expires_at > ? and a.state = 0",
      take, hash(0), hash(1), hash(2), hash(3), hash(4), hash(5), hash(6), hash(7), hash(8),
      hash(9), hash(10), hash(11), hash(12), hash(13), hash(14), hash(15), now);
  return out;
}

bool session_holds(db::Transaction& tx, Id session, Id account, Time now) {
  return tx
      .value<int>("select 1 from sessions where id = ? and account_id = ? and expires_at > ?",
                  session, account, now)
      .has_value();
}

std::vector<Session> list_sessions(db::Transaction& tx, Id account, Id current, Time now) {
  std::vector<Session> out;
  tx.each<Id, std::string, std::string, Time, Time, Time>(
      "select id, user_agent, address, created_at, last_used_at, expires_at from sessions "
      "where account_id = ? and expires_at > ? order by last_used_at desc, id desc",
      [&](Id id, std::string agent, std::string address, Time created, Time used, Time expires) {
        out.push_back(
            {id, id == current, std::move(agent), std::move(address), created, used, expires});
      },
      account, now);
  return out;
}

void touch_session(db::Transaction& tx, Id session, Time now, Time expires_at) {
  tx.execute("update sessions set last_used_at = ?, expires_at = ? where id = ?", now, expires_at,
             session);
}

std::int64_t delete_session(db::Transaction& tx, Id account, Id session) {
  return tx.execute("delete from sessions where id = ? and account_id = ?", session, account);
}

void delete_other_sessions(db::Transaction& tx, Id account, Id keep) {
  tx.execute("delete from sessions where account_id = ? and id <> ?", account, keep);
}

std::int64_t delete_expired_sessions(db::Transaction& tx, Time now, std::int64_t limit) {
  return tx.execute("delete from sessions where expires_at <= ? limit ?", now, limit);
}

// ---- the public header
// ---------------------------------------------------------------------------

std::map<Id, Card> cards(db::Transaction& tx, std::span<const Id> accounts) {
  std::map<Id, Card> out;
  tx.each<Id, std::string, std::string, std::optional<std::string>>(
      "select id, handle, name, avatar_url from accounts where id in (?*) and +state = 0",
      [&](Id id, std::string handle, std::string name, std::optional<std::string> avatar) {
        out.try_emplace(id, Card{id, std::move(handle), std::move(name), std::move(avatar)});
      },
      db::IdList{accounts});
  return out;
}

std::optional<Profile> profile(db::Transaction& tx, Id account) {
  const auto found = find_account(tx, account);
  if (!found) return {};
  const Me& me = found->me;
  return Profile{{me.id, me.handle, me.name, me.avatar}, me.bio, me.created_at};
}

std::optional<Id> find_by_handle(db::Transaction& tx, std::string_view handle) {
  return tx.value<Id>("select id from accounts where handle_key = ? and state = 0",
                      fold_case(handle));
}

bool is_active(db::Transaction& tx, Id account) {
  return tx.value<int>("select 1 from accounts where id = ? and state = 0", account).has_value();
}

namespace {

/// For `like ... escape '!'`.
std::string like_pattern(const std::string& text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') out += '!';
    out += c;
  }
  return out + "%";
}

}  // namespace

/// Beginnings are ranges of two indexes; only a page that they do not fill looks at everybody, in
/// the order of the page, so that it stops when it is full.
std::vector<Hit> search(db::Transaction& tx, std::string_view text, Hit after, std::int64_t limit) {
  const std::string begin = fold_case(text);
  if (begin.empty()) return {};
  const std::string end = begin + "\xF4\x8F\xBF\xBF";  // after every text that begins so
  std::vector<Hit> out;
  if (after.rank <= 0)
    tx.each<Id>(
        "select id from (select id from accounts where handle_key >= ? and handle_key < ? and "
        "+state = 0 "
        "union select id from accounts where name_key >= ? and name_key < ? and +state = 0) hits "
        "where id > ? order by id limit ?",
        [&](Id id) { out.push_back({0, id}); }, begin, end, begin, end,
        after.rank == 0 ? after.account : 0, limit);
  const std::int64_t left = limit - static_cast<std::int64_t>(out.size());
  if (left <= 0) return out;
  const std::string pattern = like_pattern(begin);
  tx.each<Id>(
      "select id from accounts where +state = 0 and id > ? and (handle_key like ? escape '!' "
      "or name_key like ? escape '!') and not (handle_key >= ? and handle_key < ?) "
      "and not (name_key >= ? and name_key < ?) order by id limit ?",
      [&](Id id) { out.push_back({1, id}); }, after.rank == 1 ? after.account : 0, pattern, pattern,
      begin, end, begin, end, left);
  return out;
}

// A session's end is put off when it is used.
std::vector<Id> recently_seen(db::Transaction& tx, std::int64_t limit) {
  std::vector<Id> out;
  std::set<Id> known;
  tx.each<Id>(
      "select account_id from sessions order by expires_at desc limit ?",
      [&](Id account) {
        if (known.insert(account).second) out.push_back(account);
      },
      limit);
  return out;
}

}  // namespace madang::identity
