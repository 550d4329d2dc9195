// Inside the client: its thread, and how commands come to it.
#pragma once

#include <boost/asio/post.hpp>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

#include "platform/redis/client.hpp"
#include "platform/redis/cluster.hpp"
#include "platform/runtime/io_pool.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::redis {

class Client::Thread {
 public:
  Thread(ClientOptions options, Random& random, metrics::Registry& registry);
  ~Thread();

  void close();
  void hand_over(std::shared_ptr<Gathering> to, std::vector<Command> commands, Deadline deadline);
  /// Runs f on the thread and waits for its result. Not from the thread itself; not after close().
  template <class F>
  auto ask(F f) {
    std::packaged_task<std::invoke_result_t<F&>()> task(std::move(f));
    auto answer = task.get_future();
    asio::post(executor(), std::move(task));
    return answer.get();
  }

  asio::any_io_executor executor() { return pool_.executor(0); }
  Cluster& cluster() { return *cluster_; }
  const ClientOptions& options() const { return options_; }
  Random& random() { return random_; }
  runtime::TaskGroup& tasks() { return tasks_; }
  metrics::Registry& registry() { return registry_; }
  bool closed() const;

 private:
  struct Order {
    std::shared_ptr<Gathering> to;
    std::vector<Command> commands;
    Deadline deadline;
    Steady::time_point begun;
    std::size_t next = 0;  // command to be sent
  };
  void take_over();
  void send_some();
  void send(std::size_t at_most);

  const ClientOptions options_;
  Random& random_;
  metrics::Registry& registry_;
  runtime::TaskGroup tasks_;
  // Destroyed before its tasks' group and after the cluster, whose timers live on it.
  runtime::IoPool pool_;
  std::unique_ptr<Cluster> cluster_;
  mutable std::mutex mutex_;
  std::vector<Order> orders_;
  std::size_t queued_ = 0;  // commands in orders_ and taken_
  bool closed_ = false;
  std::deque<Order> taken_;  // of the thread alone
  bool sending_ = false;     // send_some() comes
};

}  // namespace madang::redis
