#include "platform/runtime/lag.hpp"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <thread>

namespace madang::runtime {
namespace {

using namespace std::chrono_literals;

class Lag : public testing::Test {
 protected:
  Lag() { monitor_.start(tasks_); }
  ~Lag() override {
    monitor_.stop();
    tasks_.wait();
    pool_.stop();
  }

  bool refused() {
    std::promise<bool> answer;
    asio::post(pool_.executor(0), [&] { answer.set_value(LagMonitor::refuse_next(false)); });
    return answer.get_future().get();
  }

  /// How many of the next hundred are refused.
  int refused_of_a_hundred() {
    int count = 0;
    for (int i = 0; i < 100; ++i) count += refused() ? 1 : 0;
    return count;
  }

  // Keeps the thread busy for ever: each piece of work is followed by the next.
  void toil() {
    if (!toiling_) return;
    for (const auto begun = std::chrono::steady_clock::now();
         std::chrono::steady_clock::now() - begun < 20ms;) {
    }
    asio::post(pool_.executor(0), [this] { toil(); });
  }

  metrics::Registry registry_;
  std::atomic<bool> toiling_{false};
  IoPool pool_{1};
  TaskGroup tasks_{"lag_test", registry_};
  LagMonitor monitor_{1ms, pool_, registry_};
};

TEST_F(Lag, RefusesNothingAtRest) {
  EXPECT_FALSE(refused());
  EXPECT_FALSE(LagMonitor::refuse_next(false)) << "not an I/O thread";
}

TEST_F(Lag, RefusesWhenWorkPilesUpAndAdmitsAllWhenItIsDone) {
  toiling_ = true;
  asio::post(pool_.executor(0), [this] { toil(); });
  while (!refused()) std::this_thread::sleep_for(1ms);  // the test's own time-out is the bound
  // Some are still served, however late: refusing all would help nobody.
  while (refused()) std::this_thread::sleep_for(1ms);
  toiling_ = false;
  while (refused_of_a_hundred() > 0) std::this_thread::sleep_for(5ms);
}

}  // namespace
}  // namespace madang::runtime
