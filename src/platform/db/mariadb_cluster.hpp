// Who is the primary, and which replicas are near enough: every host is asked in turn by a thread
// of its own. Private to the adapter.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "platform/db/mariadb.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db::mariadb {

class Connection;

/// A position in the log of all commits: for each replication domain its last sequence number.
using Position = std::map<std::uint32_t, std::uint64_t>;
/// Of the text of a global transaction id list, such as 0-1-42,1-3-7.
Position parse_position(std::string_view text);
/// Whether everything up to `wanted` is there.
bool reached(const Position& have, const Position& wanted);

/// What readers must see: the latest commit made or heard of here.
class Horizon {
 public:
  /// Moves it forward, by a global transaction id list.
  void advance(std::string_view text);
  /// As a list; empty at first.
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, std::pair<std::uint64_t, std::string>> latest_;  // by domain
  std::string text_;
};

class Cluster {
 public:
  using Steady = Deadline::Steady;

  /// Asks every host once. Throws std::runtime_error, one line, when nobody can write.
  Cluster(const MariaDbOptions& options, metrics::Registry& registry);
  ~Cluster();

  /// Waits for a primary; nothing when none was found by then, and at once while write_fault() says
  /// that there has been none for a while.
  std::optional<MariaDbHost> primary(Steady::time_point until);
  /// The next in turn of the replicas that are near enough.
  std::optional<MariaDbHost> replica();
  bool has_replicas();
  /// Why nothing can be written, when that has been so for longer than a failover takes:
  /// database_unreachable (no host answers), database_read_only (those that answer take no writes),
  /// database_two_primaries; and where database.durability wants it, database_without_replica and
  /// database_unsafe (a setting of the primary).
  std::optional<WriteFault> write_fault();
  /// Why nobody may write now, although there is a primary.
  std::optional<std::string> write_obstacle();
  /// All is well but that no replica acknowledges what is written: mostly for a moment.
  bool lacks_replica();
  /// Whether connections to its host were found broken since it was made, so that it should not be
  /// tried: it may have fallen silent without a word, and would be waited for in vain.
  bool outlived(const Connection& connection);
  /// Called for a host that has fallen silent, or all of whose older connections may have, from its
  /// thread. Before any other use.
  void on_silence(std::function<void(const MariaDbHost&)> listener);
  /// This host did not do what it should: it is asked again at once, and not used until it answers.
  void suspect(const MariaDbHost& host);
  Horizon& horizon() { return horizon_; }
  const Horizon& horizon() const { return horizon_; }

 private:
  /// What one look at a host told.
  struct Look {
    bool reachable = false;
    bool writable = false;
    std::string fault;  // why it is not reachable
    Position position;
    std::string unsafe;        // what `durability` misses there
    bool acknowledged = true;  // a replica is there to acknowledge
  };
  struct Member {
    MariaDbHost host;
    Look look;
    bool asked = false;
    bool again = false;
    int silent = 0;                          // looks in a row
    Steady::time_point trusted_since{};      // connections made before may be broken
    bool broken = false;                     // ... and whoever waits on one is not told yet
    std::unique_ptr<Connection> connection;  // of its thread
    metrics::Gauge* up = nullptr;
    metrics::Gauge* writable = nullptr;
    metrics::Gauge* lag = nullptr;
    std::jthread thread;
  };

  void serve(Member& member);
  Look look_at(Member& member);
  Look ask(Connection& connection);
  void look_at_safety(Connection& connection, Look& look);
  void keep(Member& member, Look look);
  void choose_primary();
  std::string_view obstacle() const;
  void note_obstacle();
  bool obstructed_for_long() const;
  void show_lag();
  Steady::duration lag_of(const Member& member) const;
  std::string describe() const;

  const MariaDbOptions options_;
  Horizon horizon_;
  metrics::Counter& failovers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Member>> members_;
  Member* primary_ = nullptr;
  Member* last_primary_ = nullptr;
  std::optional<Steady::time_point> obstructed_since_;  // nothing can be written since
  std::size_t turn_ = 0;
  std::deque<std::pair<Steady::time_point, Position>> history_;  // of the primary, oldest first
  bool stopping_ = false;
  std::vector<std::function<void(const MariaDbHost&)>> listeners_;
};

}  // namespace madang::db::mariadb
