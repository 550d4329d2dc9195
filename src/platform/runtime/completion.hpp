// One result handed from a thread of ours to a coroutine that waits for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/task.hpp"

namespace madang::runtime {

/// Lives in the waiting coroutine's frame. complete() is called exactly once, from any thread,
/// before or after wait(); the coroutine goes on on its own executor. The frame must not be
/// destroyed in between: who owns the threads is closed before the I/O threads are.
template <class T>
class Completion {
 public:
  explicit Completion(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  void complete(std::exception_ptr error, T value) {
    Handler resume;
    const asio::any_io_executor executor = executor_;  // *this may be gone as soon as post() begins
    {
      const std::lock_guard lock(mutex_);
      error_ = std::move(error);
      value_.emplace(std::move(value));
      if (!handler_) return;
      resume = std::move(handler_);
    }
    asio::post(executor, std::move(resume));
  }

  Task<T> wait() {
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [this](auto handler) { this->arm(std::move(handler)); }, asio::use_awaitable);
    if (error_) std::rethrow_exception(error_);
    co_return std::move(*value_);
  }

 private:
  // Asio 1.81 has no small move-only function of its own that is cheap to name.
  struct Handler {
    struct Base {
      virtual ~Base() = default;
      virtual void call() = 0;
    };
    std::unique_ptr<Base> held;
    explicit operator bool() const { return held != nullptr; }
    void operator()() { held->call(); }
  };
  template <class H>
  struct Held final : Handler::Base {
    explicit Held(H h) : handler(std::move(h)) {}
    void call() override { std::move(handler)(); }
    H handler;
  };

  template <class H>
  void arm(H handler) {
    Handler held{std::make_unique<Held<H>>(std::move(handler))};
    {
      const std::lock_guard lock(mutex_);
      if (!value_) {
        handler_ = std::move(held);
        return;
      }
    }
    const asio::any_io_executor executor = executor_;
    asio::post(executor, std::move(held));
  }

  asio::any_io_executor executor_;
  std::mutex mutex_;
  Handler handler_;
  std::exception_ptr error_;
  std::optional<T> value_;
};

}  // namespace madang::runtime
