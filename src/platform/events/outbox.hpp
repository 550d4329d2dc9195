// The transactional outbox: an append-only log of what happened, written in the transaction in
// which it happened. Its sequence is in commit order: the one writer gives it, or, where several
// transactions commit at a time, a sequencer does after the commit (sequencer.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "platform/db/database.hpp"
#include "platform/json/codec.hpp"

namespace madang::events {

struct Event {
  std::int64_t seq = 0;
  std::string type;     // post.created
  Id aggregate = 0;     // whose history this is a part of: order holds within it
  std::string payload;  // JSON, self-contained
  Time created_at{};
};

class Outbox {
 public:
  explicit Outbox(const Clock& clock) : clock_(clock) {}

  /// Part of the caller's transaction: there exactly when the change is.
  template <class T>
  void append(db::Transaction& tx, std::string_view type, Id aggregate, const T& payload) {
    append_text(tx, type, aggregate, json::to_json(payload));
  }

  /// For Database::on_commit: whether anything was appended on this thread since the last call. A
  /// body runs and is committed on one thread.
  bool take_appended();

 private:
  void append_text(db::Transaction& tx, std::string_view type, Id aggregate,
                   std::string_view payload);

  const Clock& clock_;
};

/// The log's last sequence as this transaction sees it; 0 when it is empty.
std::int64_t last_sequence(db::Transaction& tx);
/// At most `limit` events after `seq`, in order.
std::vector<Event> read_after(db::Transaction& tx, std::int64_t seq, std::int64_t limit);

}  // namespace madang::events
