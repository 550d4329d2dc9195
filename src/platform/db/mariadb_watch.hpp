// Ends conversations that take too long or whose host has fallen silent: a server that hangs never
// answers, and a client that only waits would hang with it. One thread watches all connections of a
// pool.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/db/mariadb_connection.hpp"

namespace madang::db::mariadb {

class Watch {
 public:
  using Steady = Deadline::Steady;

  explicit Watch(const MariaDbOptions& options);
  ~Watch();

  enum class After {
    kill,     // the server is told to stop working on it
    abandon,  // the server finishes it; the outcome is unknown here
  };

  /// Ends all conversations with a host. Any thread.
  void end_all(const MariaDbHost& host);

  /// While it lives, the connection's conversation ends at the deadline. The connection must
  /// outlive it.
  class Guard {
   public:
    Guard(Watch& watch, Connection& connection, Steady::time_point until, After after);
    ~Guard() { (void)end(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    /// Stops watching. True: it was too late, and the connection is of no use any more.
    bool end();

   private:
    friend class Watch;
    Watch& watch_;
    Connection& connection_;
    const Steady::time_point until_;
    const After after_;
    const unsigned long id_;
    bool watched_ = true;
    bool fired_ = false;
  };

 private:
  struct Victim {
    MariaDbHost host;
    unsigned long id;
  };
  void serve();
  void kill(const std::vector<Victim>& victims);

  const MariaDbOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Guard*> guards_;
  Steady::time_point next_ = Steady::time_point::max();
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace madang::db::mariadb
