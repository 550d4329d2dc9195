// A process's number among all that serve from one store: the node bits of its ids, and the right
// to serve at all beside the others.
//
// Ids stay unique whatever clocks, pauses and leases do: a process gives out ids below the ceiling
// that it has stored only, and whoever has its number next begins there. The lease, by the store's
// clock, is for knowing who is alive.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "platform/db/database.hpp"

namespace madang::nodes {

struct NodeOptions {
  /// Of the data folder, which one process has at a time: its last lease may be taken over at once.
  std::string place;
  /// Whether everything this process keeps beside the store is seen by others too.
  bool shares = false;
  /// Tells the secret that this process signs with from another; at most 64 characters.
  std::string secret_mark = {};
  std::chrono::milliseconds lease{6000};
  std::chrono::seconds max_clock_difference{30};
};

class NodeLease {
 public:
  static constexpr int numbers = 32;  // id_node_bits

  /// Takes a number. Throws std::runtime_error, one line for the operator: others serve from the
  /// store and one of them or this process does not share, or they sign with another secret; every
  /// number is taken; the store is half copied; this machine's clock and the store's are too far
  /// apart; the store cannot be reached.
  NodeLease(db::Database& db, const Clock& clock, NodeOptions options, Random& random);
  NodeLease(const NodeLease&) = delete;
  NodeLease& operator=(const NodeLease&) = delete;

  int number() const { return number_; }
  /// Where ids may go on: what the number's last holder may have used.
  Time id_floor() const { return floor_; }

  enum class Renewed { yes, lost, unknown };
  /// Keeps the lease for its length from now, and reserves ids below `ceiling`. Only `yes` allows
  /// them. `lost`: the number is another process's. `unknown`: the store was not reached; ask
  /// again.
  Renewed renew(Time ceiling);
  /// At a clean end: ids were used up to here and no further.
  void release(Time used_until);

 private:
  struct Row;
  Result<void> take(db::Transaction& tx);
  Result<void> check_clock(db::Transaction& tx) const;
  Result<void> check_others(const std::vector<Row>& rows) const;

  db::Database& db_;
  const Clock& clock_;
  const NodeOptions options_;
  const std::string holder_;
  int number_ = 0;
  std::int64_t fence_ = 0;
  Time floor_{};
};

}  // namespace madang::nodes
