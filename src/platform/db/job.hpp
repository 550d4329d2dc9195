// One transaction body that waits for a connection's thread, and those who are to be told. A job
// lives in the frame of the coroutine (or on the stack of the thread) that waits for it, so neither
// queueing nor answering allocates.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "platform/db/database.hpp"

namespace madang::db {

using Resume = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;

/// A thread of ours that waits.
class Doorbell {
 public:
  void wait();
  void ring();

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
  bool done_ = false;
};

struct Job {
  Job(Deadline until, const Database::Body* what) : body(what), deadline(until) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const Database::Body* body;
  Deadline deadline;
  Id hot_row = 0;  // Database's HotRow
  Deadline::Steady::time_point queued{};

  // The outcome: refused (nothing was done), or error, or neither.
  std::optional<Problem> refused;
  std::exception_ptr error;
  bool settled = false;  // the writer's mark: not to be run again

  // Whom to tell: a coroutine or a thread.
  asio::any_io_executor executor;
  std::optional<Resume> resume;
  Doorbell* doorbell = nullptr;

  Job* next = nullptr;
};

/// A first-in, first-out chain of jobs that belong to others.
class JobList {
 public:
  JobList() = default;
  JobList(JobList&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)),
        last_(std::exchange(other.last_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  JobList& operator=(JobList&& other) noexcept {
    first_ = std::exchange(other.first_, nullptr);
    last_ = std::exchange(other.last_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  Job* front() const { return first_; }
  void push_back(Job& job);
  /// Nothing when empty.
  Job* pop_front();
  /// Puts the others in front of these.
  void prepend(JobList others);

 private:
  Job* first_ = nullptr;
  Job* last_ = nullptr;
  std::size_t size_ = 0;
};

/// Tells everyone in the list that the outcome is known. All coroutines of one executor are woken
/// by one message. The jobs may be gone when it returns.
void tell(JobList jobs);

}  // namespace madang::db
