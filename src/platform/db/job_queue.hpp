// The bounded queue in front of a pool of connections: two lanes, deadlines, metrics. People's jobs
// are refused when the queue stands (runtime/standing_delay.hpp); the house's own threads wait.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "platform/db/job.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/runtime/standing_delay.hpp"

namespace madang::db {

class JobQueue {
 public:
  /// `pool` is the metrics' label; the limits say how many jobs may wait in each lane, `max_wait`
  /// how long it may go on that people's wait (StandingDelay's floor).
  JobQueue(const std::string& pool, std::size_t interactive, std::size_t background,
           std::chrono::milliseconds max_wait, metrics::Registry& registry);
  ~JobQueue() { close(); }

  // For those who ask. Both return when the job's outcome is known: a Problem when it was refused
  // (`database_busy`), the body's exception as an exception.
  Task<std::optional<Problem>> submit(Deadline deadline, Lane lane, const Database::Body* body,
                                      HotRow hot = {});
  std::optional<Problem> wait(Lane lane, const Database::Body* body);

  // For the connections' threads.

  /// Waits until something is queued. False: closed, and everything was taken.
  bool wait_for_work();
  /// Waits for one job of the interactive lane; nothing when closed and empty.
  Job* wait_take();
  /// Takes up to `most` jobs that are not too late; those that are, are told so.
  JobList take(Lane lane, std::size_t most);
  /// Gives back the last ones taken from a lane, in front of it.
  void put_back(Lane lane, JobList jobs);
  bool waiting(Lane lane);
  /// A connection was at work for so long, on a job or on a group of them.
  void served(Deadline::Steady::duration took);

  /// `database_busy`
  static Problem refusal(const char* why);

  /// Refuses what comes from now on.
  void close();

 private:
  struct Waiting {
    JobList jobs;
    std::size_t limit;
  };

  bool push(Job& job, Lane lane);
  Waiting& lane_of(Lane lane) { return lanes_[lane == Lane::interactive ? 0 : 1]; }
  JobList take_locked(Waiting& lane, std::size_t most, JobList& refused);
  bool too_late(Job& job, bool interactive, Deadline::Steady::time_point now);
  void refuse_late(Job& job);
  void watch_deadlines();
  JobList remove_late(Deadline::Steady::time_point now);
  void show_waiting();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::array<Waiting, 2> lanes_;
  int idle_ = 0;
  bool closed_ = false;
  std::condition_variable watch_;
  Deadline::Steady::time_point watched_ = Deadline::Steady::time_point::max();
  runtime::StandingDelay delay_;
  metrics::Gauge& waiting_;
  metrics::Histogram& wait_seconds_;
  metrics::Counter& refused_full_;
  metrics::Counter& refused_late_;
  metrics::Counter& refused_overload_;
  metrics::Counter& refused_closed_;
  // A deadline is kept even when no connection's thread comes by for long.
  std::jthread watcher_;
};

}  // namespace madang::db
