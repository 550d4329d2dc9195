// The rules of accounts: sign-up, sign-in, profile, password, withdrawal, erasure.
#pragma once

#include "modules/identity/events.hpp"
#include "modules/identity/passwords.hpp"
#include "modules/identity/suspensions.hpp"
#include "platform/events/outbox.hpp"

namespace madang::identity {

struct ServiceOptions {
  std::vector<std::byte> email_hash_key;  // 32 bytes: withdrawn addresses are kept as keyed hashes
  http::RatePolicy sign_in_per_account{"sign_in_account", 10, std::chrono::seconds(600)};
  std::function<Deadline::Steady::time_point()> steady = &Deadline::Steady::now;  // tries' age
};

class Service {
 public:
  Service(db::Database& db, IdGenerator& ids, const Clock& clock, events::Outbox& outbox,
          Passwords& passwords, SessionStore& sessions, AccountHooks& hooks,
          http::RateLimiter& limiter, ServiceOptions options);

  /// Where a request comes from, for the list of devices.
  struct Device {
    std::string user_agent;
    std::string address;
  };

  /// Errors: email_taken, handle_taken, validation_failed (a common password), busy.
  Task<Result<SignedIn>> sign_up(Deadline deadline, SignUp in, Device device);
  /// Errors: bad_credentials, account_suspended, rate_limited, busy.
  Task<Result<SignedIn>> sign_in(Deadline deadline, SignIn in, Device device);
  Task<Result<Me>> me(Deadline deadline, Id account);
  /// Errors: handle_taken, media_not_ready, media_not_yours.
  Task<Result<Me>> edit(Deadline deadline, Id account, EditMe in);
  /// Errors: bad_credentials, validation_failed.
  Task<Result<void>> change_password(Deadline deadline, http::Principal who, ChangePassword in);
  /// Errors: bad_credentials.
  Task<Result<void>> withdraw(Deadline deadline, Id account, ConfirmPassword in);
  Task<Result<Sessions>> sessions(Deadline deadline, http::Principal who);
  /// Errors: not_found.
  Task<Result<void>> revoke(Deadline deadline, Id account, Id session);

  /// For the command line: an account with the role admin. Blocks.
  Result<Me> create_admin(SignUp in);
  /// One step of housekeeping: expired sessions, erasure of withdrawn accounts. Blocks; a
  /// background thread calls it.
  void sweep();

 private:
  Result<void> check_new_password(const std::string& field, const std::string& password) const;
  Result<void> take_try(const std::string& key);
  void erase(Id account);
  std::vector<std::byte> email_hash(std::string_view email) const;
  Result<bool> let_in(db::Transaction& tx, Id account);
  Result<Me> create(db::Transaction& tx, Id id, const SignUp& in, const std::string& hash,
                    bool admin);
  Task<Result<void>> confirm(Deadline deadline, Id account, std::string password);

  db::Database& db_;
  IdGenerator& ids_;
  const Clock& clock_;
  events::Outbox& outbox_;
  Passwords& passwords_;
  SessionStore& sessions_;
  AccountHooks& hooks_;
  http::RateLimiter& limiter_;
  const ServiceOptions options_;
};

}  // namespace madang::identity
