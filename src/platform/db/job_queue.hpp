// The bounded queue in front of a pool of connections: lanes, deadlines, metrics. People's jobs are
// refused when the queue stands (runtime/standing_delay.hpp): at once, when their turn would come
// too late at the pace at which the queue moves, or at the latest when their turn does come too
// late. The house's own threads wait.
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
#include "platform/runtime/pace.hpp"
#include "platform/runtime/standing_delay.hpp"

namespace madang::db {

class JobQueue {
 public:
  /// `pool` is the metrics' label; the limits say how many jobs may wait in each lane, `max_wait`
  /// how long it may go on that people's wait (StandingDelay's floor).
  JobQueue(const std::string& pool, std::size_t interactive, std::size_t background,
           std::chrono::milliseconds max_wait, metrics::Registry& registry);
  ~JobQueue() { close(); }

  // For those who ask. All return when the job's outcome is known: a Problem when it was refused
  // (`database_busy`), the body's exception as an exception.
  Task<std::optional<Problem>> submit(Deadline deadline, Lane lane, const Database::Body* body,
                                      HotRow hot = {}) {
    return submit(deadline, lane_of(lane), body, hot);
  }
  Task<std::optional<Problem>> submit(Deadline deadline, ReadLane lane,
                                      const Database::Body* body) {
    return submit(deadline, lane_of(lane), body, {});
  }
  std::optional<Problem> wait(Lane lane, const Database::Body* body);
  /// Whether a job of the interactive lane that came now would be refused because the queue stands.
  bool refuses();

  // For the connections' threads.

  /// Waits until something is queued. False: closed, and everything was taken.
  bool wait_for_work();
  /// Waits for one job of a request, those of the first lane first; nothing when closed and empty.
  Job* wait_take();
  /// The same for a thread that takes those of the first lane alone.
  Job* wait_take_first();
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

  Task<std::optional<Problem>> submit(Deadline deadline, Waiting& lane, const Database::Body* body,
                                      HotRow hot);
  bool push(Job& job, Waiting& lane);
  Deadline::Steady::duration wait_of_next(Deadline::Steady::time_point now);
  Waiting& lane_of(Lane lane) { return lane == Lane::interactive ? interactive_ : background_; }
  Waiting& lane_of(ReadLane lane) { return lane == ReadLane::first ? first_ : interactive_; }
  JobList take_locked(Waiting& lane, std::size_t most, JobList& refused);
  bool too_late(Job& job, bool interactive, Deadline::Steady::time_point now);
  void refuse_late(Job& job);
  void refuse_overload(Job& job);
  void watch_deadlines();
  JobList remove_late(Deadline::Steady::time_point now);
  std::size_t waiting_jobs() const;
  void show_waiting();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::array<Waiting, 3> lanes_;
  Waiting& first_ = lanes_[0];
  Waiting& interactive_ = lanes_[1];
  Waiting& background_ = lanes_[2];
  int idle_ = 0;
  std::condition_variable wake_for_first_;
  int idle_for_first_ = 0;
  bool closed_ = false;
  std::condition_variable watch_;
  Deadline::Steady::time_point watched_ = Deadline::Steady::time_point::max();
  runtime::StandingDelay delay_;
  runtime::Pace pace_;  // of the interactive lane
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
