// When a queue is too long, told by how long its jobs wait and not by how many they are. A burst
// waits and is worked off; when for a whole interval not one job came through quickly, the queue is
// standing: it adds delay and no throughput. Then a job that would wait for too long is refused as
// it comes, and one that has waited for longer than twice the target when its turn comes, so that
// those that are served are served soon and the others are told at once.
//
// This is controlled delay (CoDel: Nichols and Jacobson, ACM Queue 2012; RFC 8289) as servers use
// it for requests. The target follows the least that one job took lately: not more than twice that
// in the queue and once at work is three times what it takes when nobody waits. (Not the mean: a
// machine out of breath takes longer for everything, and would allow itself ever more.)
//
// Not thread-safe: it belongs to its queue's lock.
#pragma once

#include <algorithm>
#include <chrono>

namespace madang::runtime {

class StandingDelay {
 public:
  using Steady = std::chrono::steady_clock;

  /// `floor`: the target is never below it, nor what the machine's scheduler does to a thread.
  explicit StandingDelay(Steady::duration floor = std::chrono::milliseconds(2)) : floor_(floor) {}

  /// A job was worked on for so long, until now.
  void served(Steady::duration took, Steady::time_point now) {
    if (now >= least_until_) {
      least_before_ = now < least_until_ + lately ? least_ : took;
      least_ = took;
      least_until_ = now + lately;
    }
    least_ = std::min(least_, took);
  }

  /// Told of each job that comes, with what it will have to wait. True: it is to be refused. While
  /// the queue does not stand a burst is let in that is worked off in an interval.
  bool too_many(Steady::duration wait, Steady::time_point now) {
    if (now >= wary_until_) return wait > interval() / 2;
    if (wait <= std::max(floor_, least() * 3 / 2)) return false;
    wary_until_ = now + wary;
    return true;
  }

  /// Told of each job when its turn comes. True: it is to be refused.
  bool too_late(Steady::duration waited, Steady::time_point now) {
    observe(waited, now);
    return standing_ && waited > 2 * target();
  }

  /// The same for a queue that is only looked at from outside.
  void observe(Steady::duration waited, Steady::time_point now) {
    if (now >= ends_) {
      // After a time without jobs the last interval says nothing about now.
      const bool was_idle = now - waited > ends_ + interval();
      standing_ = !was_idle && std::min(shortest_, waited) > target();
      if (standing_) wary_until_ = now + wary;
      // A queue that has just stood is not given as long again.
      ends_ = now + (now < wary_until_ ? interval() / 8 : interval());
      shortest_ = waited;
    }
    shortest_ = std::min(shortest_, waited);
  }

  bool standing() const { return standing_; }
  Steady::duration target() const { return std::max(floor_, least()); }

 private:
  Steady::duration least() const { return std::min(least_, least_before_); }

  /// Long enough for a burst to be worked off.
  Steady::duration interval() const {
    return std::max<Steady::duration>(std::chrono::milliseconds(100), 4 * target());
  }

  static constexpr auto wary = std::chrono::seconds(1);
  static constexpr auto lately = std::chrono::seconds(5);

  Steady::duration floor_;
  // The least a job took, in this while and in the one before.
  Steady::duration least_{}, least_before_{};
  Steady::time_point least_until_{};
  Steady::time_point ends_{};
  Steady::time_point wary_until_{};
  Steady::duration shortest_{};
  bool standing_ = false;
};

}  // namespace madang::runtime
