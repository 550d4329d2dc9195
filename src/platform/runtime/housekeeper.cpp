#include "platform/runtime/housekeeper.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::runtime {

void Housekeeper::add(std::string name, std::chrono::milliseconds interval,
                      std::function<void()> job) {
  const metrics::Labels labels{{"job", name}};
  jobs_.push_back(
      {std::move(name),
       interval,
       std::move(job),
       {},
       &registry_.histogram("madang_housekeeping_seconds", "Time a housekeeping job takes", labels),
       &registry_.counter("madang_housekeeping_failed_total", "Housekeeping jobs that failed",
                          labels)});
}

void Housekeeper::start() {
  const auto now = Steady::now();
  for (Job& job : jobs_) job.due = now + job.interval;
  thread_ = std::jthread([this] { serve(); });
}

void Housekeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Housekeeper::serve() {
  if (jobs_.empty()) return;
  for (;;) {
    Job& next = *std::ranges::min_element(jobs_, {}, &Job::due);
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_until(lock, next.due, [this] { return stopping_; })) return;
    }
    perform(next);
    next.due = Steady::now() + next.interval;
  }
}

void Housekeeper::perform(Job& job) {
  const auto start = Steady::now();
  try {
    job.run();
  } catch (const std::exception& e) {
    job.failed->Increment();
    log::warn("housekeeper", "failed", {{"job", job.name}, {"error", e.what()}});
  }
  job.seconds->Observe(std::chrono::duration<double>(Steady::now() - start).count());
}

}  // namespace madang::runtime
