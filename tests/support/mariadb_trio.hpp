// A primary and two replicas of the test's own, replicating semi-synchronously by global
// transaction ids.
#pragma once

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "mariadb_server.hpp"

namespace madang::test {

class MariaDbTrio {
 public:
  /// `safe`: set up so that database.durability = replicated is kept.
  explicit MariaDbTrio(bool safe = true) : safe_(safe) {
    servers_[0].run("create user repl identified by 'r'");
    servers_[0].run("grant replication slave on *.* to repl");
    for (const int replica : {1, 2}) follow(replica, 0);
    lead(0);
    servers_[0].run("create database madang character set utf8mb4");
    catch_up(1, 0);
    catch_up(2, 0);
  }

  MariaDbServer& operator[](int at) { return servers_[static_cast<std::size_t>(at)]; }

  /// Makes it a replica of the other, from where it stands.
  void follow(int at, int primary) {
    MariaDbServer& server = (*this)[at];
    server.run("set global rpl_semi_sync_master_enabled = off");
    server.run("stop slave");
    server.run("change master to master_host='127.0.0.1', master_port=" +
               std::to_string((*this)[primary].port()) +
               ", master_user='repl', master_password='r', master_use_gtid=slave_pos, "
               "master_connect_retry=1, master_heartbeat_period=1");
    server.run("set global read_only = 1");
    server.run("start slave");
  }

  /// Makes it the primary; its predecessor must not take writes any more.
  void promote(int at) {
    (*this)[at].run("stop slave");
    (*this)[at].run("reset slave all");
    lead(at);
    (*this)[at].run("set global read_only = 0");
  }

  /// Waits until a replica has all that the primary has now.
  void catch_up(int at, int primary) {
    const std::string position = (*this)[primary].run("select @@gtid_binlog_pos");
    if ((*this)[at].run("select master_gtid_wait('" + position + "', 30)") != "0")
      throw std::runtime_error("a replica does not catch up");
  }

 private:
  static std::string settings() {
    return "rpl-semi-sync-slave-enabled=ON\nrpl-semi-sync-master-wait-point=AFTER_SYNC\n"
           "rpl-semi-sync-master-timeout=18446744073709551615\n"
           "rpl-semi-sync-master-wait-no-slave=ON\nslave-net-timeout=5\n";
  }

  // Not before its replicas are there: without any it would wait for ever.
  void lead(int at) {
    (*this)[at].run("set global rpl_semi_sync_master_enabled = on");
    if (!safe_) return;
    (*this)[at].run("set global sync_binlog = 1");
    (*this)[at].run("set global innodb_flush_log_at_trx_commit = 1");
  }

  const bool safe_;
  std::array<MariaDbServer, 3> servers_{MariaDbServer{1, settings()},
                                        MariaDbServer{2, settings(), MariaDbServer::Users::none},
                                        MariaDbServer{3, settings(), MariaDbServer::Users::none}};
};

}  // namespace madang::test
