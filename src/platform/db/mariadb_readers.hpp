// The readers: threads with a connection to each host they were sent to. All statements of one body
// see one snapshot. A read that is at work at its deadline is stopped.
#pragma once

#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "platform/db/job_queue.hpp"
#include "platform/db/mariadb_cluster.hpp"
#include "platform/db/mariadb_watch.hpp"
#include "platform/db/pool_metrics.hpp"

namespace madang::db::mariadb {

class Readers {
 public:
  enum class From { primary, replicas };  // replicas: the primary when none is near enough

  Readers(const std::string& pool, From from, const MariaDbOptions& options, Cluster& cluster,
          metrics::Registry& registry);
  ~Readers();

  JobQueue& queue() { return queue_; }
  bool is_current_thread() const;
  void close();

 private:
  using Steady = Deadline::Steady;
  struct Place {
    std::unique_ptr<Connection> connection;
    std::string seen;  // the horizon it was found to have reached
  };
  using Connections = std::map<std::string, Place>;  // by host
  struct Worker {
    Connections connections;
    std::jthread thread;
  };

  void serve(Worker& worker);
  void perform(Worker& worker, Job& job);
  enum class Try { done, elsewhere, primary };
  Try attempt(Worker& worker, Job& job, const MariaDbHost& host, bool replica);
  void end(Worker& worker, Connection& connection);
  Place& place_at(Worker& worker, const MariaDbHost& host);
  bool reaches_horizon(Place& place);

  const From from_;
  const MariaDbOptions options_;
  Cluster& cluster_;
  JobQueue queue_;
  PoolMetrics metrics_;
  metrics::Counter& stopped_;
  metrics::Counter& behind_;
  Watch watch_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace madang::db::mariadb
