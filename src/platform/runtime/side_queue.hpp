// Where those stand aside who were refused lately because too much was asked. Refusing takes time
// too: at three times what a core can serve it takes more than the core. So an I/O thread does both
// in turns: a round of work for the others, of bounded length, then as much for those who stand
// aside. Who is served waits for a round and a turn, not for everybody.
//
// On its I/O thread only. Bounded by what waits in it: a request of each connection at most.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <deque>

#include "base/task.hpp"

namespace madang::runtime {

class SideQueue {
 public:
  /// A turn, and the work of a round. Who is served waits for one or two of each; shorter ones
  /// would spend more on going back and forth. Of the thread's own time, not the clock's: without a
  /// core it does neither.
  struct Times {
    std::chrono::nanoseconds turn = std::chrono::microseconds(30);
    std::chrono::nanoseconds round = std::chrono::microseconds(40);
  };

  SideQueue(asio::any_io_executor executor, Times times)
      : executor_(std::move(executor)), times_(times) {}
  SideQueue(const SideQueue&) = delete;
  SideQueue& operator=(const SideQueue&) = delete;

  /// The calling coroutine goes on when its turn comes.
  Task<> wait();
  std::size_t waiting() const { return waiting_.size(); }

  /// Whether the last turn was over before everybody had theirs.
  bool stands() const { return stands_; }
  /// A round is what is done between two turns, or until what was ready has been looked at.
  void begin_round();
  /// Asked before work that did not stand aside: whether this round has time for it. If so, what
  /// the thread does until it asks again, or one stands aside, is taken to be that work.
  bool takes_room();
  /// Whether one of those who have their turn need not stand aside any more: the round before left
  /// time. At most one in each turn.
  bool lets_one_go();

 private:
  using Resume = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
  using Steady = std::chrono::steady_clock;
  using CpuTime = std::chrono::nanoseconds;

  struct Waiting {
    Steady::time_point since;
    Resume resume;
  };

  void push(Resume resume);
  void schedule();
  void turn();
  CpuTime time_for_turn() const;
  void end_work();

  const asio::any_io_executor executor_;
  const Times times_;
  std::deque<Waiting> waiting_;
  bool scheduled_ = false;
  bool stands_ = false;
  bool may_let_go_ = false;
  bool in_work_ = false;
  CpuTime work_began_{}, worked_{};  // in this round
};

}  // namespace madang::runtime
