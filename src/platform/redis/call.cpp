#include "platform/redis/call.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace madang::redis {

Gathering::Gathering(std::size_t count, std::function<void(Results)> told)
    : size_(count), left_(count), results_(count), done_(count == 0), told_(std::move(told)) {}

void Gathering::put(std::size_t index, Result<Value> result) {
  results_[index] = std::move(result);
  if (--left_ == 0) finish();
}

void Gathering::finish() {
  if (told_) return told_(std::move(results_));
  runtime::Completion<bool>* waiting = nullptr;
  {
    // Notified under the lock: once it is free the gathering may be gone.
    const std::lock_guard lock(mutex_);
    done_ = true;
    waiting = waiting_;
    ready_.notify_all();
  }
  if (waiting != nullptr) waiting->complete(nullptr, true);
}

Results Gathering::wait() {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return done_; });
  return std::move(results_);
}

Task<Results> Gathering::collect() {
  runtime::Completion<bool> completion(co_await asio::this_coro::executor);
  bool done = false;
  {
    const std::lock_guard lock(mutex_);
    done = done_;
    if (!done) waiting_ = &completion;
  }
  if (!done) co_await completion.wait();
  co_return std::move(results_);
}

Call unheard(Command command) {
  Call call{std::move(command), Deadline::never(), Steady::now(), nullptr};
  call.unheard = true;
  return call;
}

Problem problem_of_error(const Value& error) {
  const std::string_view code = error.error_code();
  const auto any = [code](auto... names) { return ((code == names) || ...); };
  Problem problem{.kind = Kind::internal, .code = "redis_error", .detail = error.text};
  if (any("OOM")) {
    problem.kind = Kind::unavailable;
    problem.code = "redis_full";
  } else if (any("CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY", "TRYAGAIN", "BUSY", "MOVED",
                 "ASK", "NOREPLICAS")) {
    problem.kind = Kind::unavailable;
    problem.code = "redis_unavailable";
  } else if (any("NOAUTH", "WRONGPASS", "NOPERM")) {
    problem.code = "redis_denied";
  }
  return problem;
}

}  // namespace madang::redis
