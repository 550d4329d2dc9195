// How quickly a queue moves while somebody waits in it: the time from one leaving it to the next.
// It holds whatever makes the work quick or slow, how many work at once and what else the machine
// does. The last tenth of a second counts for most.
//
// Not thread-safe: it belongs to its queue's lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace madang::runtime {

class Pace {
 public:
  using Steady = std::chrono::steady_clock;

  /// So many left the queue now; `more`: others go on waiting.
  void left(std::size_t count, bool more, Steady::time_point now) {
    counted_ = waited_for_;
    if (counted_) {
      if (is_old(now)) {
        time_ = {};
        count_ = 0;
      }
      measured_ = now;
      time_ += now - last_;
      count_ += static_cast<double>(count);
    }
    if (time_ > lately) {
      time_ /= 2;
      count_ /= 2;
    }
    waited_for_ = more;
    last_ = now;
  }

  /// Of those that left last, so many are in the queue again.
  void came_back(std::size_t count) {
    if (counted_) count_ = std::max(0.0, count_ - static_cast<double>(count));
    waited_for_ = waited_for_ || count > 0;
  }

  /// Zero when nobody has waited lately: how quick it was then says nothing about now.
  Steady::duration each(Steady::time_point now) const {
    if (count_ < 1 || is_old(now)) return {};
    return std::chrono::duration_cast<Steady::duration>(time_ / count_);
  }

 private:
  bool is_old(Steady::time_point now) const { return now - measured_ > 2 * lately; }

  static constexpr auto lately = std::chrono::milliseconds(100);

  std::chrono::duration<double, std::nano> time_{};
  double count_ = 0;
  bool waited_for_ = false;  // since the last left
  bool counted_ = false;     // the last that left
  Steady::time_point last_{}, measured_{};
};

}  // namespace madang::runtime
