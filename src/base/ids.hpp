// Ids: 53 bits, ordered by time, exact in a JSON number and in a JavaScript double.
//
//   41 bits  milliseconds since 2026-01-01T00:00:00Z (lasts until 2095)
//    5 bits  node
//    7 bits  sequence within the millisecond
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace madang {

using Id = std::int64_t;

inline constexpr Id max_id = (Id(1) << 53) - 1;
inline constexpr int id_node_bits = 5;
inline constexpr int id_sequence_bits = 7;
inline constexpr Time id_epoch{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};

/// The smallest id a server can make at `time`: ids below it are older. Clamped to [0, max_id].
Id first_id_at(Time time);
/// The millisecond in which the id was made.
Time id_time(Id id);
/// Digits only, 1 to max_id, no sign, no leading zero.
std::optional<Id> parse_id(std::string_view text);

/// Makes ids that are unique and increasing for one node. Never uses a millisecond at or beyond the
/// reserved ceiling, so that a restart (which begins at the stored ceiling) can repeat none.
/// Thread-safe.
class IdGenerator {
 public:
  /// How far ids may run ahead of the clock (full sequence, clock set back) before they are
  /// refused.
  static constexpr auto max_ahead = std::chrono::seconds(1);

  /// `floor`: where the previous owner of this node number may have got to (its reserved ceiling).
  IdGenerator(const Clock& clock, int node, Time floor);

  /// The next id; `ids_exhausted` (unavailable) when more than max_ahead in front of the clock or
  /// at the ceiling.
  Result<Id> next();
  /// As next(), for callers that have no user to tell: waits a moment instead of refusing.
  Id next_or_wait();

  /// Allows milliseconds below `ceiling`; the caller has stored it durably beforehand.
  void extend(Time ceiling);
  /// One past the last millisecond used: what to store at a clean shutdown.
  Time used_until() const;

 private:
  const Clock& clock_;
  const std::int64_t node_;
  mutable std::mutex mutex_;
  std::int64_t next_;     // millisecond << sequence bits | sequence
  std::int64_t ceiling_;  // in the same unit
};

}  // namespace madang
