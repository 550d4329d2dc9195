#include "platform/runtime/bulkhead.hpp"

#include <algorithm>

#include "platform/runtime/completion.hpp"

namespace madang::runtime {

using Steady = Deadline::Steady;

namespace {

constexpr const char* too_much = "more is asked than can be done; try again shortly.";

}  // namespace

Bulkhead::Bulkhead(Options options, metrics::Registry& registry)
    : options_(std::move(options)),
      busy_(registry.gauge("madang_pool_busy", "Threads at work", {{"pool", options_.name}})),
      waiting_(registry.gauge("madang_pool_waiting", "Jobs that wait", {{"pool", options_.name}})),
      wait_seconds_(registry.histogram("madang_pool_wait_seconds", "Time in the queue",
                                       {{"pool", options_.name}})),
      refused_full_(registry.counter("madang_pool_refused_total", "Jobs that were refused",
                                     {{"pool", options_.name}, {"reason", "full"}})),
      refused_late_(registry.counter("madang_pool_refused_total", "Jobs that were refused",
                                     {{"pool", options_.name}, {"reason", "deadline"}})),
      refused_overload_(registry.counter("madang_pool_refused_total", "Jobs that were refused",
                                         {{"pool", options_.name}, {"reason", "overload"}})) {
  registry.gauge("madang_pool_size", "Threads", {{"pool", options_.name}}).Set(options_.threads);
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { serve(); });
}

Bulkhead::~Bulkhead() {
  close();
}

void Bulkhead::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  threads_.clear();
}

Problem Bulkhead::refusal(const char* why) {
  return Problem{.kind = Kind::unavailable,
                 .code = "busy",
                 .detail = options_.name + ": " + why,
                 .retry_after = std::chrono::seconds(1)};
}

Task<std::optional<Problem>> Bulkhead::submit(Deadline deadline,
                                              const std::function<void()>* work) {
  Completion<std::optional<Problem>> completion(co_await asio::this_coro::executor);
  Job job{deadline, Steady::now(), work,
          [&completion](std::exception_ptr error, std::optional<Problem> refused) {
            completion.complete(std::move(error), std::move(refused));
          }};
  if (const char* const why = enqueue(std::move(job))) co_return refusal(why);
  co_return co_await completion.wait();
}

const char* Bulkhead::enqueue(Job job) {
  // Notified under the lock: once it is free the job may be done and the pool be gone.
  const std::lock_guard lock(mutex_);
  if (closed_ || queue_.size() >= options_.queue) {
    refused_full_.Increment();
    return "too much is waiting already; try again shortly.";
  }
  // A thread that was woken is idle until it has a core.
  const std::size_t ahead = queue_.size() + 1;
  const auto wait = (ahead - std::min(ahead, idle_)) * pace_.each(job.queued);
  if (delay_.too_many(wait, job.queued)) {
    refused_overload_.Increment();
    return too_much;
  }
  queue_.push_back(std::move(job));
  waiting_.Set(static_cast<double>(queue_.size()));
  wake_.notify_one();
  return nullptr;
}

void Bulkhead::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    waiting_.Set(static_cast<double>(queue_.size()));
    const auto now = Steady::now();
    const bool overload = delay_.too_late(now - job.queued, now);
    pace_.left(overload ? 0 : 1, !queue_.empty(), now);
    lock.unlock();
    wait_seconds_.Observe(std::chrono::duration<double>(now - job.queued).count());
    if (overload) {
      refuse(job, refused_overload_, too_much);
    } else if (job.deadline.passed()) {
      refuse(job, refused_late_, "not reached in time; try again shortly.");
    } else {
      perform(job);
    }
    lock.lock();
    const auto done = Steady::now();
    if (!overload) delay_.served(done - now, done);
  }
}

void Bulkhead::refuse(Job& job, metrics::Counter& counter, const char* why) {
  counter.Increment();
  job.done(nullptr, refusal(why));
}

void Bulkhead::perform(Job& job) {
  busy_.Increment();
  std::exception_ptr error;
  try {
    (*job.work)();
  } catch (...) {
    error = std::current_exception();
  }
  busy_.Decrement();
  job.done(std::move(error), std::nullopt);
}

}  // namespace madang::runtime
