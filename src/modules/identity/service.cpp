#include "modules/identity/service.hpp"

#include <sodium.h>

#include "base/encoding.hpp"
#include "platform/log/log.hpp"

namespace madang::identity {

namespace {

auto bad_credentials() {
  return fail(Kind::unauthenticated, "bad_credentials",
              "The e-mail address or the password is wrong.");
}

auto gone() {
  return fail(Kind::unauthenticated, "unauthenticated", "This account is no longer here.");
}

}  // namespace

Service::Service(db::Database& db, IdGenerator& ids, const Clock& clock, events::Outbox& outbox,
                 Passwords& passwords, SessionStore& sessions, AccountHooks& hooks,
                 http::RateLimiter& limiter, ServiceOptions options)
    : db_(db),
      ids_(ids),
      clock_(clock),
      outbox_(outbox),
      passwords_(passwords),
      sessions_(sessions),
      hooks_(hooks),
      limiter_(limiter),
      options_(std::move(options)) {}

Result<void> Service::check_new_password(const std::string& field,
                                         const std::string& password) const {
  if (!is_common_password(password)) return {};
  return invalid_field(field, "too_common", "is on every list of common passwords; choose another");
}

std::vector<std::byte> Service::email_hash(std::string_view email) const {
  const std::string key = email_key(email);
  std::vector<std::byte> out(32);
  crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                     reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     reinterpret_cast<const unsigned char*>(options_.email_hash_key.data()),
                     options_.email_hash_key.size());
  return out;
}

Result<Me> Service::create(db::Transaction& tx, Id id, const SignUp& in, const std::string& hash,
                           bool admin) {
  const std::string name = in.name && !in.name->value.empty() ? in.name->value : in.handle.value;
  const NewAccount account{id, in.email.value, in.handle.value, name, hash, admin};
  if (auto inserted = insert_account(tx, account, email_hash(in.email.value), clock_.now());
      !inserted)
    return std::unexpected(inserted.error());
  hooks_.created(tx, id);
  outbox_.append(tx, account_created, id, AccountEvent{1, id, account.handle, name});
  return find_account(tx, id)->me;
}

Task<Result<SignedIn>> Service::sign_up(Deadline deadline, SignUp in, Device device) {
  if (auto checked = check_new_password("password", in.password.value); !checked)
    co_return std::unexpected(checked.error());
  Result<std::string> hash = co_await passwords_.hash(deadline, in.password.value);
  if (!hash) co_return std::unexpected(hash.error());
  const Result<Id> id = ids_.next();
  if (!id) co_return std::unexpected(id.error());
  const auto body = [&](db::Transaction& tx) -> Result<SignedIn> {
    auto me = create(tx, *id, in, *hash, false);
    if (!me) return std::unexpected(me.error());
    auto session = sessions_.start(tx, *id, device.user_agent, device.address);
    if (!session) return std::unexpected(session.error());
    return SignedIn{*me, session->token, session->expires_at};
  };
  Result<SignedIn> done = co_await db_.write(deadline, body);
  co_return done;
}

Task<Result<SignedIn>> Service::sign_in(Deadline deadline, SignIn in, Device device) {
  // Whoever guesses from elsewhere uses up their own tries before they use up the owner's.
  const std::string key = email_key(in.email.value);
  if (auto allowed = take_try("sign_in " + key + " " + device.address); !allowed)
    co_return std::unexpected(allowed.error());
  const auto find = [&](db::Transaction& tx) -> Result<std::optional<Account>> {
    return find_account_by_email(tx, in.email.value);
  };
  const Result<std::optional<Account>> account = co_await db_.read_latest(deadline, find);
  if (!account) co_return std::unexpected(account.error());
  const std::string hash = *account ? (*account)->password_hash : std::string();
  const Result<bool> verified = co_await passwords_.verify(deadline, hash, in.password.value);
  if (!verified) co_return std::unexpected(verified.error());
  if (!*verified) co_return bad_credentials();
  const Id id = (*account)->me.id;
  bool restored = false;
  const auto body = [&](db::Transaction& tx) -> Result<SignedIn> {
    const auto allowed = let_in(tx, id);
    if (!allowed) return std::unexpected(allowed.error());
    restored = *allowed;
    // It may have withdrawn meanwhile, or have been suspended since the statement before.
    const auto now_there = find_account(tx, id);
    if (!now_there)
      if (const auto still = let_in(tx, id); !still) return std::unexpected(still.error());
    if (!now_there || now_there->password_hash != hash) return bad_credentials();
    auto session = sessions_.start(tx, id, device.user_agent, device.address);
    if (!session) return std::unexpected(session.error());
    return SignedIn{now_there->me, session->token, session->expires_at};
  };
  Result<SignedIn> done = co_await db_.write(deadline, body);
  if (done && restored) co_await hooks_.changed(id);
  co_return done;
}

/// Whoever is shut out is told so; a suspension whose time is over ends here. Whether one did.
Result<bool> Service::let_in(db::Transaction& tx, Id account) {
  const auto row = find_suspension(tx, account);
  if (!row) return false;
  const auto& [reason, until] = row->what;
  if (until && *until <= clock_.now()) {
    return end_suspension(tx, account, outbox_, hooks_);
  }
  Problem problem{.kind = Kind::forbidden,
                  .code = "account_suspended",
                  .detail = "This account is suspended" +
                            (until ? " until " + to_rfc3339(*until) : std::string()) + ": " +
                            reason};
  problem.members.emplace_back("reason", reason);
  if (until) problem.members.emplace_back("until", to_rfc3339(*until));
  return std::unexpected(std::move(problem));
}

Task<Result<Me>> Service::me(Deadline deadline, Id account) {
  const auto body = [account](db::Transaction& tx) -> Result<Me> {
    const auto found = find_account(tx, account);
    if (!found) return gone();
    return found->me;
  };
  Result<Me> found = co_await db_.read_latest(deadline, body);
  co_return found;
}

Task<Result<Me>> Service::edit(Deadline deadline, Id account, EditMe in) {
  const auto body = [&](db::Transaction& tx) -> Result<Me> {
    const auto found = find_account(tx, account);
    if (!found) return gone();
    Me me = found->me;
    if (in.handle) me.handle = in.handle->value;
    if (in.name) me.name = in.name->value.empty() ? me.handle : in.name->value;
    if (in.bio) me.bio = in.bio->value;
    if (auto updated = update_profile(tx, me, clock_.now()); !updated)
      return std::unexpected(updated.error());
    if (in.avatar.given) {
      auto url = hooks_.change_avatar(tx, account, in.avatar.value);
      if (!url) return std::unexpected(url.error());
      me.avatar = std::move(*url);
      set_avatar(tx, account, in.avatar.value, me.avatar);
    }
    outbox_.append(tx, account_changed, account, AccountEvent{1, account, me.handle, me.name});
    return me;
  };
  Result<Me> edited = co_await db_.write(deadline, body);
  // A biography stands on the profile alone.
  if (edited && (in.handle || in.name || in.avatar.given)) co_await hooks_.changed(account);
  co_return edited;
}

/// Passwords may be tried so often and no more.
Result<void> Service::take_try(const std::string& key) {
  const http::RateVerdict verdict =
      limiter_.take(options_.sign_in_per_account, key, options_.steady());
  if (verdict.allowed) return {};
  return fail({.kind = Kind::too_many,
               .code = "rate_limited",
               .detail = "Too many attempts for this account; wait a little.",
               .retry_after = verdict.reset});
}

/// The signed-in person's own password, once more.
Task<Result<void>> Service::confirm(Deadline deadline, Id account, std::string password) {
  if (auto allowed = take_try("confirm " + std::to_string(account)); !allowed) co_return allowed;
  const auto find = [account](db::Transaction& tx) -> Result<std::string> {
    const auto found = find_account(tx, account);
    if (!found) return gone();
    return found->password_hash;
  };
  const Result<std::string> hash = co_await db_.read_latest(deadline, find);
  if (!hash) co_return std::unexpected(hash.error());
  const Result<bool> verified = co_await passwords_.verify(deadline, *hash, std::move(password));
  if (!verified) co_return std::unexpected(verified.error());
  if (!*verified) co_return fail(Kind::forbidden, "bad_credentials", "The password is wrong.");
  co_return Result<void>();
}

Task<Result<void>> Service::change_password(Deadline deadline, http::Principal who,
                                            ChangePassword in) {
  if (auto checked = check_new_password("new", in.new_.value); !checked) co_return checked;
  Result<void> confirmed = co_await confirm(deadline, who.account, in.old.value);
  if (!confirmed) co_return confirmed;
  Result<std::string> hash = co_await passwords_.hash(deadline, in.new_.value);
  if (!hash) co_return std::unexpected(hash.error());
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    set_password(tx, who.account, *hash, clock_.now());
    delete_other_sessions(tx, who.account, who.session);
    return {};
  };
  Result<void> done = co_await db_.write(deadline, body);
  if (done) sessions_.forget_cached();
  co_return done;
}

Task<Result<void>> Service::withdraw(Deadline deadline, Id account, ConfirmPassword in) {
  Result<void> confirmed = co_await confirm(deadline, account, in.password.value);
  if (!confirmed) co_return confirmed;
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    const auto found = find_account(tx, account);
    if (!found) return gone();
    mark_withdrawn(tx, account, email_hash(found->me.email), clock_.now());
    hooks_.withdrawn(tx, account);
    outbox_.append(tx, account_withdrawn, account, AccountEvent{1, account, "", ""});
    return {};
  };
  Result<void> done = co_await db_.write(deadline, body);
  if (done) {
    sessions_.forget_cached();
    co_await hooks_.changed(account);
  }
  co_return done;
}

Task<Result<Sessions>> Service::sessions(Deadline deadline, http::Principal who) {
  const auto body = [this, who](db::Transaction& tx) -> Result<Sessions> {
    return Sessions{list_sessions(tx, who.account, who.session, clock_.now())};
  };
  Result<Sessions> found = co_await db_.read_latest(deadline, body);
  co_return found;
}

Task<Result<void>> Service::revoke(Deadline deadline, Id account, Id session) {
  const auto body = [account, session](db::Transaction& tx) -> Result<void> {
    if (delete_session(tx, account, session) == 0)
      return fail(Kind::not_found, "not_found", "No such session.");
    return {};
  };
  Result<void> done = co_await db_.write(deadline, body);
  if (done) sessions_.forget_cached();
  co_return done;
}

Result<Me> Service::create_admin(SignUp in) {
  if (auto checked = check_new_password("password", in.password.value); !checked)
    return std::unexpected(checked.error());
  const std::string hash = passwords_.hash_now(in.password.value);
  const Id id = ids_.next_or_wait();
  return db_.write_blocking([&](db::Transaction& tx) { return create(tx, id, in, hash, true); });
}

void Service::sweep() {
  (void)db_.write_blocking(
      [&](db::Transaction& tx) -> Result<std::int64_t> {
        return delete_expired_sessions(tx, clock_.now(), 500);
      },
      db::Lane::background);
  // A request that was let in just before the withdrawal has ended by then.
  const Time before = clock_.now() - std::chrono::seconds(60);
  const auto accounts = db_.read_blocking([before](db::Transaction& tx) -> Result<std::vector<Id>> {
    return withdrawn_accounts(tx, before, 10);
  });
  if (!accounts) return;
  for (const Id account : *accounts) {
    try {
      erase(account);
    } catch (const std::exception& e) {
      log::error("identity", "erasure_failed", {{"account", account}, {"error", e.what()}});
    }
  }
}

/// One chunk of what is left of a withdrawn account.
void Service::erase(Id account) {
  const auto done = db_.write_blocking(
      [&](db::Transaction& tx) -> Result<void> {
        http::forget_answers_of(tx, account);
        if (hooks_.erase(tx, account, 200)) erase_account(tx, account);
        return {};
      },
      db::Lane::background);
  if (done) hooks_.changed_blocking(account);
}

}  // namespace madang::identity
