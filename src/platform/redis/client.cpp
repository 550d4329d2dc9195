#include "platform/redis/client.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <limits>
#include <thread>
#include <utility>

#include "platform/redis/client_thread.hpp"

namespace madang::redis {

namespace {

constexpr std::size_t send_at_once = 1'024;  // commands in one turn of the loop

void put_all(Gathering& to, const std::unexpected<Problem>& problem) {
  for (std::size_t i = 0, size = to.size(); i < size; ++i) to.put(i, problem);
}

}  // namespace

Client::Thread::Thread(ClientOptions options, Random& random, metrics::Registry& registry)
    : options_(std::move(options)),
      random_(random),
      registry_(registry),
      tasks_("redis", registry),
      pool_(1),
      cluster_(std::make_unique<Cluster>(pool_.executor(0), options_, random, tasks_, registry)) {
  asio::post(executor(), [this] {
    pthread_setname_np(pthread_self(), "redis");
    cluster_->start();
  });
}

Client::Thread::~Thread() {
  close();
  pool_.stop();
}

bool Client::Thread::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Client::Thread::close() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  ask([this] {
    take_over();
    send(std::numeric_limits<std::size_t>::max());
    cluster_->close();
  });
}

void Client::Thread::hand_over(std::shared_ptr<Gathering> to, std::vector<Command> commands,
                               Deadline deadline) {
  const std::size_t count = commands.size();
  std::unique_lock lock(mutex_);
  if (closed_) {
    lock.unlock();
    return put_all(*to, busy("redis_closed", "The Redis client is closed."));
  }
  if (queued_ + count > options_.max_queued) {
    lock.unlock();
    return put_all(*to, busy("redis_busy", "As many commands wait for Redis as may."));
  }
  queued_ += count;
  orders_.push_back({std::move(to), std::move(commands), deadline, Steady::now()});
  // One message for all that is handed over until it is taken. Under the lock, so that none comes
  // after close() has had its turn.
  if (orders_.size() == 1) asio::post(executor(), [this] { take_over(); });
}

void Client::Thread::take_over() {
  {
    const std::lock_guard lock(mutex_);
    for (Order& order : orders_) taken_.push_back(std::move(order));
    orders_.clear();
  }
  if (!sending_) send_some();
}

/// Some, and the rest after the sockets had their turn: the servers begin while we go on.
void Client::Thread::send_some() {
  send(send_at_once);
  sending_ = !taken_.empty();
  if (sending_) asio::post(executor(), [this] { send_some(); });
}

void Client::Thread::send(std::size_t at_most) {
  const auto now = Steady::now();
  std::size_t sent = 0;
  while (!taken_.empty() && sent < at_most) {
    Order& order = taken_.front();
    for (; order.next < order.commands.size() && sent < at_most; ++order.next, ++sent) {
      Call call{std::move(order.commands[order.next]), order.deadline, order.begun, order.to,
                static_cast<std::uint32_t>(order.next)};
      cluster_->submit(std::move(call), now);
    }
    if (order.next == order.commands.size()) taken_.pop_front();
  }
  const std::lock_guard lock(mutex_);
  queued_ -= sent;
}

Client::Client(ClientOptions options, Random& random, metrics::Registry& registry)
    : thread_(std::make_unique<Thread>(std::move(options), random, registry)) {}

Client::~Client() = default;

void Client::close() {
  thread_->close();
}

Pending Client::begin(std::vector<Command> commands, Deadline deadline) {
  auto gathering = std::make_shared<Gathering>(commands.size());
  if (!commands.empty()) thread_->hand_over(gathering, std::move(commands), deadline);
  return Pending(std::move(gathering));
}

void Client::fire(std::vector<Command> commands, Deadline deadline,
                  std::function<void(Results)> told) {
  if (commands.empty()) return told({});
  auto gathering = std::make_shared<Gathering>(commands.size(), std::move(told));
  thread_->hand_over(std::move(gathering), std::move(commands), deadline);
}

Results Client::execute_all_blocking(std::vector<Command> commands, Deadline deadline) {
  return begin(std::move(commands), deadline).wait();
}

Task<Results> Client::execute_all(std::vector<Command> commands, Deadline deadline) {
  Pending pending = begin(std::move(commands), deadline);
  co_return co_await pending.collect();
}

Result<Value> Client::execute_blocking(Command command, Deadline deadline) {
  std::vector<Command> one;
  one.push_back(std::move(command));
  return std::move(begin(std::move(one), deadline).wait().front());
}

Task<Result<Value>> Client::execute(Command command, Deadline deadline) {
  std::vector<Command> one;
  one.push_back(std::move(command));
  Pending pending = begin(std::move(one), deadline);
  Results results = co_await pending.collect();
  co_return std::move(results.front());
}

Result<void> Client::ready(Deadline deadline) {
  if (thread_->closed()) return busy("redis_closed", "The Redis client is closed.");
  for (;;) {
    const std::string trouble = thread_->ask([this] { return thread_->cluster().trouble(); });
    if (trouble.empty()) return {};
    // How a server refuses a sign-in.
    const bool denied =
        std::ranges::any_of(std::array{"refused: WRONGPASS", "refused: NOAUTH", "refused: NOPERM"},
                            [&](const char* words) { return trouble.contains(words); });
    if (denied) return fail(Kind::unavailable, "redis_denied", trouble);
    if (deadline.passed()) return fail(Kind::unavailable, "redis_unavailable", trouble);
    // At start-up only, and the only one who waits.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::vector<Address> Client::masters() {
  if (thread_->closed()) return {};
  return thread_->ask([this] { return thread_->cluster().masters(); });
}

}  // namespace madang::redis
