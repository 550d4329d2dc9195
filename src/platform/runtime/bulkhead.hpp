// A bulkhead: a small pool of threads with a bounded queue, for work that must not run on an I/O
// thread (hashing, files). A full pool refuses at once; one slow kind of work cannot take the
// threads of another.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/runtime/pace.hpp"
#include "platform/runtime/standing_delay.hpp"

namespace madang::runtime {

class Bulkhead {
 public:
  struct Options {
    std::string name;  // the metrics' label
    int threads = 1;
    std::size_t queue = 64;  // waiting at most; beyond: `busy`
    /// How long it may go on that work waits; then some of it is refused. Files and hashes are
    /// waited for in tens of milliseconds by their nature.
    std::chrono::milliseconds max_wait{20};
  };

  Bulkhead(Options options, metrics::Registry& registry);
  ~Bulkhead();
  Bulkhead(const Bulkhead&) = delete;
  Bulkhead& operator=(const Bulkhead&) = delete;

  /// Runs work on one of the threads: any callable returning a Result. Exceptions come back to the
  /// caller. Errors: `busy` when the queue is full or stands (standing_delay.hpp; told at once,
  /// from the pace at which it moves), or when the deadline passes before the work begins.
  template <class F>
  auto run(Deadline deadline, F work) -> Task<std::invoke_result_t<F&>> {
    std::optional<std::invoke_result_t<F&>> out;
    const std::function<void()> erased = [&out, &work] { out.emplace(work()); };
    std::optional<Problem> refused = co_await submit(deadline, &erased);
    if (refused) co_return std::unexpected(std::move(*refused));
    co_return std::move(*out);
  }

  /// Finishes what is queued and ends the threads.
  void close();

 private:
  struct Job {
    Deadline deadline;
    Deadline::Steady::time_point queued;
    const std::function<void()>* work;
    std::function<void(std::exception_ptr, std::optional<Problem>)> done;
  };

  Task<std::optional<Problem>> submit(Deadline deadline, const std::function<void()>* work);
  /// Why it was not taken, or nothing.
  const char* enqueue(Job job);
  void serve();
  void refuse(Job& job, metrics::Counter& counter, const char* why);
  void perform(Job& job);
  Problem refusal(const char* why);

  const Options options_;
  metrics::Gauge& busy_;
  metrics::Gauge& waiting_;
  metrics::Histogram& wait_seconds_;
  metrics::Counter& refused_full_;
  metrics::Counter& refused_late_;
  metrics::Counter& refused_overload_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  StandingDelay delay_{options_.max_wait};
  Pace pace_;
  std::size_t idle_ = 0;
  bool closed_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace madang::runtime
