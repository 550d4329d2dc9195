#include "platform/workers/worker_pool.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include "platform/runtime/completion.hpp"
#include "platform/workers/worker_slot.hpp"

namespace madang::workers {

using Steady = Deadline::Steady;

WorkerPool::Metrics::Metrics(metrics::Registry& from, const std::string& name)
    : registry(from),
      pool(name),
      alive(from.gauge("madang_workers_alive", "Worker processes", {{"pool", name}})),
      busy(from.gauge("madang_workers_busy", "Worker processes at work", {{"pool", name}})),
      waiting(from.gauge("madang_workers_waiting", "Jobs that wait", {{"pool", name}})),
      starts(from.counter("madang_workers_starts_total", "Worker processes started",
                          {{"pool", name}})),
      wait_seconds(
          from.histogram("madang_workers_wait_seconds", "Time in the queue", {{"pool", name}})),
      run_seconds(
          from.histogram("madang_workers_run_seconds", "Time a job took", {{"pool", name}})) {}

metrics::Counter& WorkerPool::Metrics::outcome(std::string_view code) {
  return registry.counter("madang_workers_jobs_total", "Jobs by how they ended",
                          {{"pool", pool}, {"outcome", std::string(code)}});
}

WorkerPool::WorkerPool(PoolOptions options, metrics::Registry& registry)
    : options_(std::move(options)), metrics_(registry, options_.name) {
  for (int i = 0; i < options_.processes; ++i)
    threads_.emplace_back([this] { WorkerSlot(*this).serve(); });
}

WorkerPool::~WorkerPool() {
  close();
}

Problem WorkerPool::busy_problem(std::string_view why) const {
  return {.kind = Kind::unavailable,
          .code = "busy",
          .detail = options_.name + ": " + std::string(why),
          .retry_after = std::chrono::seconds(1)};
}

Task<Result<Bytes>> WorkerPool::run(Deadline deadline, std::string function, Bytes payload,
                                    Limits limits, ProgressCallback progress) {
  runtime::Completion<Result<Bytes>> completion(co_await asio::this_coro::executor);
  Job job;
  job.deadline = deadline;
  job.function = std::move(function);
  job.payload = std::move(payload);
  job.limits = limits;
  job.progress = std::move(progress);
  job.done = [&completion](Result<Bytes> result) {
    completion.complete(nullptr, std::move(result));
  };
  if (!enqueue(std::move(job)))
    co_return std::unexpected(busy_problem("too much is waiting already; try again shortly."));
  co_return co_await completion.wait();
}

Result<Bytes> WorkerPool::run_blocking(Deadline deadline, std::string function, Bytes payload,
                                       Limits limits, ProgressCallback progress) {
  std::promise<Result<Bytes>> promise;
  Job job;
  job.deadline = deadline;
  job.function = std::move(function);
  job.payload = std::move(payload);
  job.limits = limits;
  job.progress = std::move(progress);
  job.done = [&promise](Result<Bytes> result) { promise.set_value(std::move(result)); };
  if (!enqueue(std::move(job)))
    return std::unexpected(busy_problem("too much is waiting already; try again shortly."));
  return promise.get_future().get();
}

bool WorkerPool::enqueue(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && queue_.size() < options_.queue) {
      job.id = next_id_++;
      job.queued = Steady::now();
      queue_.push_back(std::move(job));
      metrics_.waiting.Set(static_cast<double>(queue_.size()));
      wake_.notify_one();
      return true;
    }
  }
  metrics_.outcome("busy").Increment();
  return false;
}

std::optional<WorkerPool::Job> WorkerPool::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, patience, [this] { return closed_ || !queue_.empty(); });
  if (closed_ || queue_.empty()) return {};
  Job job = std::move(queue_.front());
  queue_.pop_front();
  metrics_.waiting.Set(static_cast<double>(queue_.size()));
  metrics_.wait_seconds.Observe(std::chrono::duration<double>(Steady::now() - job.queued).count());
  return job;
}

void WorkerPool::expire() {
  std::vector<Job> late;
  {
    const std::lock_guard lock(mutex_);
    for (auto job = queue_.begin(); job != queue_.end();) {
      if (!job->deadline.passed()) {
        ++job;
        continue;
      }
      late.push_back(std::move(*job));
      job = queue_.erase(job);
    }
    metrics_.waiting.Set(static_cast<double>(queue_.size()));
  }
  for (Job& job : late)
    answer(job, std::unexpected(busy_problem("not reached in time; try again shortly.")));
}

void WorkerPool::answer(Job& job, Result<Bytes> result) {
  metrics_.outcome(result ? std::string_view("ok") : result.error().code).Increment();
  job.done(std::move(result));
}

bool WorkerPool::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool WorkerPool::out_of_grace() const {
  const std::lock_guard lock(mutex_);
  return closed_ && Steady::now() >= grace_end_;
}

void WorkerPool::close(std::chrono::milliseconds grace) {
  std::deque<Job> refused;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) grace_end_ = Steady::now() + grace;
    closed_ = true;
    refused.swap(queue_);
    metrics_.waiting.Set(0);
  }
  wake_.notify_all();
  start_wake_.notify_all();
  for (Job& job : refused) answer(job, std::unexpected(busy_problem("the server is stopping.")));
  threads_.clear();
}

/// When the next process may be started; nothing: now.
std::optional<Steady::time_point> WorkerPool::next_start() const {
  std::optional<Steady::time_point> at;
  if (failed_starts_ > 0 && !starts_.empty()) {
    const int doublings = std::min(failed_starts_ - 1, 16);
    at = starts_.back() + std::min(options_.first_backoff * (1 << doublings), options_.max_backoff);
  }
  if (starts_.size() >= options_.max_starts) {
    const auto window_end = starts_.front() + options_.start_window;
    at = std::max(at.value_or(window_end), window_end);
  }
  return at;
}

bool WorkerPool::may_start(Deadline deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto now = Steady::now();
    while (!starts_.empty() && starts_.front() + options_.start_window <= now && starts_.size() > 1)
      starts_.pop_front();
    const auto at = next_start();
    if (closed_ || deadline.passed()) return false;
    if (!at || *at <= now) break;
    start_wake_.wait_until(lock, std::min(*at, deadline.at()));
  }
  starts_.push_back(Steady::now());
  return true;
}

void WorkerPool::started(bool well) {
  const std::lock_guard lock(mutex_);
  failed_starts_ = well ? 0 : failed_starts_ + 1;
}

}  // namespace madang::workers
