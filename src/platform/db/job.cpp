#include "platform/db/job.hpp"

#include <boost/asio/post.hpp>

namespace madang::db {

void Doorbell::wait() {
  std::unique_lock lock(mutex_);
  rung_.wait(lock, [this] { return done_; });
}

void Doorbell::ring() {
  // Under the lock: the waiter may destroy the bell as soon as it can see done_.
  const std::lock_guard lock(mutex_);
  done_ = true;
  rung_.notify_one();
}

void JobList::push_back(Job& job) {
  job.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &job;
  last_ = &job;
  ++size_;
}

Job* JobList::pop_front() {
  Job* job = first_;
  if (job == nullptr) return nullptr;
  first_ = job->next;
  if (first_ == nullptr) last_ = nullptr;
  --size_;
  return job;
}

void JobList::prepend(JobList others) {
  if (others.empty()) return;
  others.last_->next = first_;
  if (last_ == nullptr) last_ = others.last_;
  first_ = others.first_;
  size_ += others.size_;
}

namespace {

/// What is posted to an executor: goes on with each coroutine of the list in turn.
class Resumption {
 public:
  explicit Resumption(JobList jobs) : jobs_(std::move(jobs)) {}
  Resumption(Resumption&&) noexcept = default;
  Resumption& operator=(Resumption&&) = delete;
  ~Resumption() {
    // The executor was destroyed before it ran this: its coroutines end with it.
    while (Job* job = jobs_.pop_front()) const Resume ended = std::move(*job->resume);
  }

  void operator()() {
    while (Job* job = jobs_.pop_front()) {
      Resume resume = std::move(*job->resume);
      try {
        resume();  // the job may be gone after this
      } catch (...) {
        post_rest();
        throw;
      }
    }
  }

 private:
  void post_rest() {
    if (jobs_.empty()) return;
    const asio::any_io_executor executor = jobs_.front()->executor;
    asio::post(executor, Resumption(std::move(jobs_)));
  }

  JobList jobs_;
};

}  // namespace

void tell(JobList jobs) {
  while (!jobs.empty()) {
    const asio::any_io_executor executor = jobs.front()->executor;
    JobList same;
    JobList rest;
    while (Job* job = jobs.pop_front()) {
      if (job->doorbell != nullptr) {
        job->doorbell->ring();
      } else {
        (job->executor == executor ? same : rest).push_back(*job);
      }
    }
    if (!same.empty()) asio::post(executor, Resumption(std::move(same)));
    jobs = std::move(rest);
  }
}

}  // namespace madang::db
