#include "platform/db/job_queue.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace madang::db {

using Steady = Deadline::Steady;

namespace {

constexpr auto watch_interval = std::chrono::milliseconds(20);

metrics::Counter& refused(metrics::Registry& registry, const std::string& pool, const char* why) {
  return registry.counter("madang_pool_refused_total", "Jobs that were refused",
                          {{"pool", pool}, {"reason", why}});
}

std::optional<Problem> outcome(Job& job) {
  if (job.error) std::rethrow_exception(std::move(job.error));
  return std::move(job.refused);
}

}  // namespace

Problem JobQueue::refusal(const char* why) {
  return Problem{.kind = Kind::unavailable,
                 .code = "database_busy",
                 .detail = why,
                 .retry_after = std::chrono::seconds(1)};
}

JobQueue::JobQueue(const std::string& pool, std::size_t interactive, std::size_t background,
                   std::chrono::milliseconds max_wait, metrics::Registry& registry)
    : delay_(max_wait),
      waiting_(registry.gauge("madang_pool_waiting", "Jobs that wait", {{"pool", pool}})),
      wait_seconds_(
          registry.histogram("madang_pool_wait_seconds", "Time in the queue", {{"pool", pool}})),
      refused_full_(refused(registry, pool, "full")),
      refused_late_(refused(registry, pool, "deadline")),
      refused_overload_(refused(registry, pool, "overload")),
      refused_closed_(refused(registry, pool, "closed")) {
  lanes_[0].limit = interactive;
  lanes_[1].limit = background;
  watcher_ = std::jthread([this] { watch_deadlines(); });
}

Task<std::optional<Problem>> JobQueue::submit(Deadline deadline, Lane lane,
                                              const Database::Body* body, HotRow hot) {
  Job job(deadline, body);
  job.hot_row = hot.id;
  job.executor = co_await asio::this_coro::executor;
  const auto enqueue = [this, &job, lane](Resume resume) {
    job.resume.emplace(std::move(resume));
    // Once it is queued the job is another thread's: nothing may be touched after push().
    if (push(job, lane)) return;
    JobList refused_at_once;
    refused_at_once.push_back(job);
    tell(std::move(refused_at_once));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(enqueue,
                                                                       asio::use_awaitable);
  co_return outcome(job);
}

std::optional<Problem> JobQueue::wait(Lane lane, const Database::Body* body) {
  Job job(Deadline::never(), body);
  Doorbell doorbell;
  job.doorbell = &doorbell;
  if (push(job, lane)) doorbell.wait();
  return outcome(job);
}

bool JobQueue::push(Job& job, Lane lane) {
  job.queued = Steady::now();
  // Notified under the lock: as soon as it is free the job may be done, its owner told, and the
  // database, this queue with it, be gone.
  const std::lock_guard lock(mutex_);
  Waiting& to = lane_of(lane);
  if (closed_) {
    refused_closed_.Increment();
    job.refused = refusal("the server is shutting down.");
    return false;
  }
  if (to.jobs.size() >= to.limit) {
    refused_full_.Increment();
    job.refused = refusal("too much is waiting for the database already; try again shortly.");
    return false;
  }
  to.jobs.push_back(job);
  show_waiting();
  if (idle_ > 0) wake_.notify_one();
  if (job.deadline.at() < watched_) {
    watched_ = job.deadline.at();
    watch_.notify_one();
  }
  return true;
}

bool JobQueue::wait_for_work() {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return !lanes_[0].jobs.empty() || !lanes_[1].jobs.empty(); };
  ++idle_;
  wake_.wait(lock, [&] { return closed_ || something(); });
  --idle_;
  return something();
}

Job* JobQueue::wait_take() {
  for (;;) {
    JobList taken;
    JobList refused;
    {
      std::unique_lock lock(mutex_);
      Waiting& from = lane_of(Lane::interactive);
      ++idle_;
      wake_.wait(lock, [&] { return closed_ || !from.jobs.empty(); });
      --idle_;
      if (from.jobs.empty()) return nullptr;
      taken = take_locked(from, 1, refused);
    }
    tell(std::move(refused));
    if (Job* job = taken.pop_front()) return job;
  }
}

JobList JobQueue::take(Lane lane, std::size_t most) {
  JobList refused;
  JobList taken;
  {
    const std::lock_guard lock(mutex_);
    taken = take_locked(lane_of(lane), most, refused);
  }
  tell(std::move(refused));
  return taken;
}

JobList JobQueue::take_locked(Waiting& lane, std::size_t most, JobList& refused) {
  JobList taken;
  if (lane.jobs.empty()) return taken;
  const auto now = Steady::now();
  const bool interactive = &lane == &lane_of(Lane::interactive);
  while (taken.size() < most && !lane.jobs.empty()) {
    Job& job = *lane.jobs.pop_front();
    wait_seconds_.Observe(std::chrono::duration<double>(now - job.queued).count());
    (too_late(job, interactive, now) ? refused : taken).push_back(job);
  }
  show_waiting();
  return taken;
}

// Notes the reason in the job.
bool JobQueue::too_late(Job& job, bool interactive, Steady::time_point now) {
  const bool overload = interactive && delay_.too_late(now - job.queued, now) && !job.doorbell;
  if (job.deadline.at() <= now) {
    refuse_late(job);
    return true;
  }
  if (!overload) return false;
  refused_overload_.Increment();
  job.refused = refusal("more is asked of the database than it can do; try again shortly.");
  return true;
}

void JobQueue::refuse_late(Job& job) {
  refused_late_.Increment();
  job.refused = refusal("the database was not reached in time; try again shortly.");
}

void JobQueue::served(Steady::duration took) {
  const std::lock_guard lock(mutex_);
  delay_.served(took, Steady::now());
}

void JobQueue::watch_deadlines() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    if (watched_ == Steady::time_point::max()) {
      watch_.wait(lock);
      continue;
    }
    const auto now = Steady::now();
    if (now < watched_) {
      watch_.wait_until(lock, watched_);
      continue;
    }
    JobList late = remove_late(now);
    lock.unlock();
    tell(std::move(late));
    lock.lock();
  }
}

// Also finds the next deadline to watch, not too close: a crowd of them is looked at together.
JobList JobQueue::remove_late(Steady::time_point now) {
  JobList late;
  watched_ = Steady::time_point::max();
  for (Waiting& lane : lanes_) {
    JobList kept;
    while (Job* job = lane.jobs.pop_front()) {
      const bool passed = job->deadline.at() <= now;
      if (!passed) watched_ = std::min(watched_, job->deadline.at());
      if (passed) refuse_late(*job);
      (passed ? late : kept).push_back(*job);
    }
    lane.jobs = std::move(kept);
  }
  if (watched_ != Steady::time_point::max()) watched_ = std::max(watched_, now + watch_interval);
  show_waiting();
  return late;
}

void JobQueue::put_back(Lane lane, JobList jobs) {
  if (jobs.empty()) return;
  const std::lock_guard lock(mutex_);
  lane_of(lane).jobs.prepend(std::move(jobs));
  show_waiting();
}

bool JobQueue::waiting(Lane lane) {
  const std::lock_guard lock(mutex_);
  return !lane_of(lane).jobs.empty();
}

void JobQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  watch_.notify_all();
  if (watcher_.joinable()) watcher_.join();
}

void JobQueue::show_waiting() {
  waiting_.Set(static_cast<double>(lanes_[0].jobs.size() + lanes_[1].jobs.size()));
}

}  // namespace madang::db
