// One request on its way through a typed endpoint: who asks, with what, and how the answer leaves.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>

#include "base/ids.hpp"
#include "platform/db/database.hpp"
#include "platform/db/own_writes.hpp"
#include "platform/http/message.hpp"
#include "platform/http/router.hpp"
#include "platform/json/codec.hpp"
#include "platform/resilience/degraded.hpp"

namespace madang::http {

/// Who is signed in.
struct Principal {
  Id account = 0;
  Id session = 0;
  bool admin = false;
  std::chrono::seconds renewed_for{0};  // not 0: the session has just been prolonged by this much
};

/// An answer that was stored under an Idempotency-Key.
struct StoredAnswer {
  unsigned status = 200;
  std::string body;
  std::string location;  // the header of that name, or empty
};

/// The Idempotency-Key of a request, if it has one and the route honours it.
struct IdempotencyKey {
  Id account = 0;
  std::string route;
  std::string key;
  std::vector<std::byte> body_hash;
};

/// In the transaction of the effect: nothing to say for a new key; the stored answer for a repeated
/// one; `idempotency_mismatch` for a repeated one with another body.
Result<std::optional<StoredAnswer>> find_answer(db::Transaction& tx, const IdempotencyKey& key);
/// Errors: key_in_flight(), when another instance has just answered a request with this key.
Result<void> store_answer(db::Transaction& tx, const IdempotencyKey& key, unsigned status,
                          std::string_view body, Time now, std::string_view location = {});
/// `idempotency_in_flight`: come again, and get the answer to the first request.
Problem key_in_flight();
/// Forgets answers older than 24 hours, at most `limit`; how many.
std::int64_t forget_answers(db::Transaction& tx, Time now, std::int64_t limit);
/// Forgets all of a withdrawn account's.
void forget_answers_of(db::Transaction& tx, Id account);

class Call {
 public:
  Call(Request& request, PathParameters parameters, unsigned success_status, const Clock& clock)
      : request(request), parameters(std::move(parameters)), status(success_status), clock(clock) {}

  Request& request;
  PathParameters parameters;
  unsigned status;  // of a successful answer; handlers may change it
  std::vector<std::pair<std::string, std::string>> headers;  // extra headers of a successful answer
  std::string location;  // where what is created is found; set before write(), sent with success
  const Clock& clock;
  std::optional<Principal> principal;
  std::optional<IdempotencyKey> idempotency;
  std::optional<StoredAnswer> replay;   // set by write(): answer this instead
  resilience::Degraded degraded;        // what this answer had to do without: sent and counted
  db::OwnWrites* own_writes = nullptr;  // null: this is the only instance

  Deadline deadline() const { return request.deadline; }
  Id id() const { return parameters.ids.front(); }                      // the path's first id
  const std::string& text() const { return parameters.texts.front(); }  // the path's first text
  /// The signed-in account; only where the route's access demands one.
  Id account() const { return principal->account; }
  /// The signed-in account, or 0.
  Id viewer() const { return principal ? principal->account : 0; }

  /// Whether the next read may miss what others have just written; never what the asker has.
  Task<db::Freshness> freshness() const {
    db::Freshness freshness = db::Freshness::any;
    if (own_writes != nullptr && principal)
      freshness = co_await own_writes->freshness(principal->account, deadline());
    co_return freshness;
  }

  /// The write transaction of a request. With an Idempotency-Key the answer is stored in the same
  /// transaction, and a repeated request gets the stored one and does nothing.
  template <class F>
  auto write(db::Database& db, F body, db::HotRow hot = {})
      -> Task<std::invoke_result_t<F&, db::Transaction&>> {
    using Out = std::invoke_result_t<F&, db::Transaction&>;
    const auto guarded = [this, &body](db::Transaction& tx) -> Out {
      replay.reset();
      if (!idempotency) return body(tx);
      auto stored = find_answer(tx, *idempotency);
      if (!stored) return std::unexpected(std::move(stored.error()));
      if (*stored) {
        replay = std::move(**stored);
        return fail(Kind::conflict, "replayed");  // rolls back nothing; the caller sends `replay`
      }
      Out out = body(tx);
      if (!out) return out;
      auto kept =
          store_answer(tx, *idempotency, status, json::to_json(*out), clock.now(), location);
      if (!kept) return std::unexpected(std::move(kept.error()));
      return out;
    };
    Out out = co_await db.write(deadline(), guarded, db::Lane::interactive, hot);
    co_return out;
  }
};

}  // namespace madang::http
