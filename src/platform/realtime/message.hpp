// What travels to a listener, in three classes:
//
//   stored    has an id in its account's sequence and lies in SQL; a listener misses none
//   snapshot  the latest state of something (progress); a newer one replaces one that still waits
//   hint      "look again": no content, coalesced while it waits, sent again after a reconnect
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang::realtime {

/// `type` is a word of our own (letters, digits, `.`, `_`), `data` a JSON text.
struct Stored {
  Id id = 0;
  /// The id before this one in the account's sequence as the publisher's transaction saw it. A
  /// listener that has not come so far reads the gap from SQL. Unknown: SQL is always asked.
  std::optional<Id> previous;
  std::string type;
  std::string data;
  Time created_at{};
};

struct Snapshot {
  std::string key;  // what it is the state of: `job/123`
  std::string type;
  std::string data;
  Time created_at{};
};

}  // namespace madang::realtime
