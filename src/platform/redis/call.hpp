// Inside the client: one command on its way, and those who wait for answers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/redis/command.hpp"
#include "platform/redis/resp.hpp"
#include "platform/resilience/circuit_breaker.hpp"
#include "platform/runtime/completion.hpp"

namespace madang::redis {

using Steady = Deadline::Steady;
using Results = std::vector<Result<Value>>;

/// The answers to several commands, filled in on the client's thread, waited for once elsewhere.
class Gathering {
 public:
  /// `told`, when given, has the answers instead of a waiter, on the thread of the last put().
  explicit Gathering(std::size_t count, std::function<void(Results)> told = {});
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  /// On one thread at a time; each index once.
  void put(std::size_t index, Result<Value> result);
  std::size_t size() const { return size_; }

  // One of these, once.
  Results wait();
  Task<Results> collect();

 private:
  void finish();

  const std::size_t size_;
  std::size_t left_;
  Results results_;  // the waiter's once done_
  std::mutex mutex_;
  std::condition_variable ready_;
  bool done_ = false;
  runtime::Completion<bool>* waiting_ = nullptr;
  const std::function<void(Results)> told_;
};

/// One command with what has become of it so far.
struct Call {
  Command command;
  Deadline deadline;
  Steady::time_point begun;
  std::shared_ptr<Gathering> to;  // null: nobody wants the answer
  std::uint32_t index = 0;
  std::uint8_t redirects = 0;  // MOVED, ASK
  std::uint8_t waits = 0;      // pauses after a failure or a `not now`
  bool master_only = false;    // a replica did not answer
  bool unheard = false;        // the connection drops its answer
  /// The leave of a breaker that is not closed.
  std::unique_ptr<resilience::CircuitBreaker::Permit> probe{};
};

/// A command of our own whose answer nobody waits for.
Call unheard(Command command);

/// What a server's error is to our callers: redis_full (its memory), redis_unavailable (not now),
/// redis_denied (credentials or rights), redis_error (anything else; the detail has its words).
Problem problem_of_error(const Value& error);

}  // namespace madang::redis
