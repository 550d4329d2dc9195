#include "platform/runtime/side_queue.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <utility>

namespace madang::runtime {

namespace {

/// Who stands aside is told soon too: beyond that, turns are longer by so much of the delay.
constexpr auto soon = std::chrono::milliseconds(100);
constexpr int of_delay = 300;
constexpr auto longest_turn = std::chrono::milliseconds(1);

std::chrono::nanoseconds cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

Task<> SideQueue::wait() {
  const auto begin = [this](Resume resume) { push(std::move(resume)); };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(begin, asio::use_awaitable);
}

void SideQueue::push(Resume resume) {
  end_work();
  waiting_.push_back({Steady::now(), std::move(resume)});
  if (!std::exchange(scheduled_, true)) schedule();
}

// Behind what is ready already.
void SideQueue::schedule() {
  asio::post(executor_, [this] { turn(); });
}

void SideQueue::turn() {
  end_work();
  may_let_go_ = worked_ < times_.round / 2;
  const CpuTime ends = cpu_time() + time_for_turn();
  std::size_t left = waiting_.size();  // those who come meanwhile have the next turn
  for (; left > 0 && cpu_time() < ends; --left) {
    Resume resume = std::move(waiting_.front().resume);
    waiting_.pop_front();
    resume();
  }
  stands_ = left > 0;
  scheduled_ = !waiting_.empty();
  if (scheduled_) schedule();
  begin_round();
}

SideQueue::CpuTime SideQueue::time_for_turn() const {
  const auto late = Steady::now() - waiting_.front().since - soon;
  return std::clamp<CpuTime>(times_.turn + late / of_delay, times_.turn, longest_turn);
}

void SideQueue::begin_round() {
  end_work();
  worked_ = {};
}

bool SideQueue::takes_room() {
  end_work();
  in_work_ = worked_ < times_.round;
  if (in_work_) work_began_ = cpu_time();
  return in_work_;
}

void SideQueue::end_work() {
  if (std::exchange(in_work_, false)) worked_ += cpu_time() - work_began_;
}

bool SideQueue::lets_one_go() {
  return std::exchange(may_let_go_, false);
}

}  // namespace madang::runtime
