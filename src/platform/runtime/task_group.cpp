#include "platform/runtime/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "platform/log/log.hpp"

namespace madang::runtime {

namespace {

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

/// The end of one task, told exactly once: by the completion, or by the destructor when the
/// coroutine is destroyed where it waits.
class TaskGroup::Finish {
 public:
  Finish(TaskGroup& group, std::string_view name) : group_(&group), name_(name) {}
  Finish(Finish&& other) noexcept
      : group_(std::exchange(other.group_, nullptr)), name_(std::move(other.name_)) {}
  Finish& operator=(Finish&&) = delete;
  ~Finish() { tell(nullptr); }

  void operator()(std::exception_ptr error) { tell(std::move(error)); }

 private:
  void tell(std::exception_ptr error) noexcept {
    if (TaskGroup* group = std::exchange(group_, nullptr)) group->finished(name_, std::move(error));
  }

  TaskGroup* group_;
  std::string name_;
};

TaskGroup::TaskGroup(std::string name, metrics::Registry& registry)
    : name_(std::move(name)),
      running_gauge_(
          registry.gauge("madang_tasks_running", "Background tasks that run", {{"group", name_}})),
      failed_(registry.counter("madang_tasks_failed_total", "Tasks that ended with an exception",
                               {{"group", name_}})) {}

TaskGroup::~TaskGroup() {
  wait();
}

void TaskGroup::spawn(const boost::asio::any_io_executor& executor, std::string_view task_name,
                      Task<> task) {
  {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  running_gauge_.Increment();
  boost::asio::co_spawn(executor, std::move(task), Finish(*this, task_name));
}

std::size_t TaskGroup::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void TaskGroup::wait() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

bool TaskGroup::wait_for(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, timeout, [this] { return running_ == 0; });
}

void TaskGroup::finished(const std::string& task_name, std::exception_ptr error) noexcept {
  if (error) {
    failed_.Increment();
    try {
      const std::string what = describe(error);
      log::error("runtime", "task_failed",
                 {{"group", name_}, {"task", task_name}, {"error", what}});
    } catch (...) {  // the log failed: the count above remains
    }
  }
  running_gauge_.Decrement();
  const std::lock_guard lock(mutex_);
  // Told under the lock: the group may be gone as soon as a waiter sees zero.
  if (--running_ == 0) idle_.notify_all();
}

}  // namespace madang::runtime
