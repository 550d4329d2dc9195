#include "platform/runtime/io_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <string>
#include <thread>

#include "platform/log/log.hpp"
#include "platform/runtime/turns.hpp"

namespace madang::runtime {

namespace asio = boost::asio;

namespace {

/// An io_context that can destroy what waits in it before it is destroyed itself.
class Context : public asio::io_context {
 public:
  Context() : asio::io_context(1) {}
  void abandon() { shutdown(); }
};

/// An exception here left a plain handler (coroutines have their task group): a bug, not a reason
/// to lose the thread.
void run_until_stopped(Context& context) {
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& error) {
      log::error("runtime", "handler_threw", {{"error", std::string_view(error.what())}});
    } catch (...) {
      log::error("runtime", "handler_threw", {{"error", std::string_view("unknown")}});
    }
  }
}

}  // namespace

struct IoPool::Thread {
  explicit Thread(std::size_t index)
      : work(context.get_executor()), thread([this, index] {
          pthread_setname_np(pthread_self(), ("io-" + std::to_string(index)).c_str());
          take_short_turns();
          run_until_stopped(context);
        }) {}

  Context context;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::thread thread;
};

IoPool::IoPool(int threads) {
  const auto count = static_cast<std::size_t>(std::max(threads, 1));
  threads_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) threads_.push_back(std::make_unique<Thread>(i));
}

IoPool::~IoPool() {
  stop();
}

std::size_t IoPool::size() const {
  return threads_.size();
}

asio::any_io_executor IoPool::executor(std::size_t index) {
  return threads_.at(index)->context.get_executor();
}

asio::any_io_executor IoPool::any() {
  return executor(next_.fetch_add(1, std::memory_order_relaxed) % threads_.size());
}

void IoPool::stop() {
  for (const auto& thread : threads_) thread->context.stop();
  for (const auto& thread : threads_) {
    if (thread->thread.joinable()) thread->thread.join();
  }
  // Only when no thread runs any more: a destroyed coroutine may touch another thread's context.
  for (const auto& thread : threads_) thread->context.abandon();
}

}  // namespace madang::runtime
