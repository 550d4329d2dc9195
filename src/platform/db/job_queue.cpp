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
  first_.limit = interactive;
  interactive_.limit = interactive;
  background_.limit = background;
  watcher_ = std::jthread([this] { watch_deadlines(); });
}

Task<std::optional<Problem>> JobQueue::submit(Deadline deadline, Waiting& lane,
                                              const Database::Body* body, HotRow hot) {
  Job job(deadline, body);
  job.hot_row = hot.id;
  job.executor = co_await asio::this_coro::executor;
  const auto enqueue = [this, &job, &lane](Resume resume) {
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
  if (push(job, lane_of(lane))) doorbell.wait();
  return outcome(job);
}

bool JobQueue::push(Job& job, Waiting& lane) {
  job.queued = Steady::now();
  // Notified under the lock: as soon as it is free the job may be done, its owner told, and the
  // database, this queue with it, be gone.
  const std::lock_guard lock(mutex_);
  if (closed_) {
    refused_closed_.Increment();
    job.refused = refusal("the server is shutting down.");
    return false;
  }
  if (lane.jobs.size() >= lane.limit) {
    refused_full_.Increment();
    job.refused = refusal("too much is waiting for the database already; try again shortly.");
    return false;
  }
  if (&lane == &interactive_ && !job.doorbell &&
      delay_.too_many(wait_of_next(job.queued), job.queued)) {
    refuse_overload(job);
    return false;
  }
  lane.jobs.push_back(job);
  show_waiting();
  if (&lane == &first_ && idle_for_first_ > 0)
    wake_for_first_.notify_one();
  else if (idle_ > 0)
    wake_.notify_one();
  if (job.deadline.at() < watched_) {
    watched_ = job.deadline.at();
    watch_.notify_one();
  }
  return true;
}

bool JobQueue::refuses() {
  const std::lock_guard lock(mutex_);
  const auto now = Steady::now();
  return delay_.too_many(wait_of_next(now), now);
}

/// Until somebody begins with what comes now: those who wait go first, and one who is at work ends.
/// A thread that was woken is idle until it has a core.
Steady::duration JobQueue::wait_of_next(Steady::time_point now) {
  const std::size_t ahead = interactive_.jobs.size() + 1;
  return (ahead - std::min(ahead, static_cast<std::size_t>(idle_))) * pace_.each(now);
}

bool JobQueue::wait_for_work() {
  std::unique_lock lock(mutex_);
  ++idle_;
  wake_.wait(lock, [&] { return closed_ || waiting_jobs() > 0; });
  --idle_;
  return waiting_jobs() > 0;
}

Job* JobQueue::wait_take_first() {
  std::unique_lock lock(mutex_);
  const JobList& first = first_.jobs;
  for (;;) {
    ++idle_for_first_;
    wake_for_first_.wait(lock, [&] { return closed_ || !first.empty(); });
    --idle_for_first_;
    if (first.empty()) return nullptr;
    JobList late;
    JobList taken = take_locked(first_, 1, late);
    if (Job* job = taken.pop_front()) return job;
    lock.unlock();
    tell(std::move(late));
    lock.lock();
  }
}

Job* JobQueue::wait_take() {
  for (;;) {
    JobList taken;
    JobList refused;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      wake_.wait(lock,
                 [&] { return closed_ || !first_.jobs.empty() || !interactive_.jobs.empty(); });
      --idle_;
      if (first_.jobs.empty() && interactive_.jobs.empty()) return nullptr;
      taken = take_locked(first_.jobs.empty() ? interactive_ : first_, 1, refused);
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
  JobList& jobs = lane.jobs;
  if (jobs.empty()) return taken;
  const auto now = Steady::now();
  const bool interactive = &lane == &interactive_;
  while (taken.size() < most && !jobs.empty()) {
    Job& job = *jobs.pop_front();
    wait_seconds_.Observe(std::chrono::duration<double>(now - job.queued).count());
    (too_late(job, interactive, now) ? refused : taken).push_back(job);
  }
  if (interactive) pace_.left(taken.size(), !jobs.empty(), now);
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
  if (overload) refuse_overload(job);
  return overload;
}

void JobQueue::refuse_overload(Job& job) {
  refused_overload_.Increment();
  job.refused = refusal("more is asked of the database than it can do; try again shortly.");
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
  if (lane == Lane::interactive) pace_.came_back(jobs.size());
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
  wake_for_first_.notify_all();
  watch_.notify_all();
  if (watcher_.joinable()) watcher_.join();
}

std::size_t JobQueue::waiting_jobs() const {
  std::size_t count = 0;
  for (const Waiting& lane : lanes_) count += lane.jobs.size();
  return count;
}

void JobQueue::show_waiting() {
  waiting_.Set(static_cast<double>(waiting_jobs()));
}

}  // namespace madang::db
