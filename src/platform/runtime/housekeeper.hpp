// One thread for the small jobs that come round: sweeps, saving marks, forgetting what is old. They
// run one after the other, each at most once an interval, and may block.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/metrics/metrics.hpp"

namespace madang::runtime {

class Housekeeper {
 public:
  explicit Housekeeper(metrics::Registry& registry) : registry_(registry) {}
  ~Housekeeper() { stop(); }
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  /// Before start(). An exception that leaves the job is logged and counted; it runs again next
  /// time.
  void add(std::string name, std::chrono::milliseconds interval, std::function<void()> job);
  void start();
  /// Waits for the job that runs.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;
  struct Job {
    std::string name;
    std::chrono::milliseconds interval;
    std::function<void()> run;
    Steady::time_point due{};
    metrics::Histogram* seconds = nullptr;
    metrics::Counter* failed = nullptr;
  };
  void serve();
  static void perform(Job& job);

  metrics::Registry& registry_;
  std::vector<Job> jobs_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace madang::runtime
