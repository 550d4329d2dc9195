// Shutting accounts out, and the record of what admins did. A suspended account keeps everything
// and is seen nowhere; its sessions end, and signing in says why.
#pragma once

#include "modules/identity/sessions.hpp"
#include "modules/identity/storage_suspensions.hpp"
#include "platform/events/outbox.hpp"

namespace madang::identity {

class Suspensions {
 public:
  Suspensions(db::Database& db, IdGenerator& ids, const Clock& clock, events::Outbox& outbox,
              SessionStore& sessions, AccountHooks& hooks)
      : db_(db), ids_(ids), clock_(clock), outbox_(outbox), sessions_(sessions), hooks_(hooks) {}
  void mount(http::Api& api);
  /// One step of housekeeping: ends what has expired, forgets old records. Blocks.
  void sweep();

 private:
  Task<Result<SuspendedAccount>> suspend(http::Call& call, Suspend in);
  Task<Result<http::Nothing>> lift(http::Call& call);
  Task<Result<http::Page<SuspendedAccount>>> list(http::Call& call, http::PageQuery query);
  Task<Result<http::Page<AuditRecord>>> audit(http::Call& call, http::PageQuery query);

  db::Database& db_;
  IdGenerator& ids_;
  const Clock& clock_;
  events::Outbox& outbox_;
  SessionStore& sessions_;
  AccountHooks& hooks_;
};

/// Ends a suspension in the caller's transaction; whether there was one.
bool end_suspension(db::Transaction& tx, Id account, events::Outbox& outbox, AccountHooks& hooks);

}  // namespace madang::identity
