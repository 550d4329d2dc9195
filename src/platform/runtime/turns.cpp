#include "platform/runtime/turns.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace madang::runtime {

namespace {

constexpr std::uint64_t short_turn_ns = 100'000;  // the shortest that Linux gives

/// Debian 12's C library has no name for it.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

}  // namespace

// Linux 6.12 and later take the run time of an ordinary thread for the length of its turns: the
// shorter they are the sooner it is given one. Before, it was ignored.
void take_short_turns() {
  if (sched_getscheduler(0) != SCHED_OTHER) return;  // somebody decided otherwise
  SchedulingAttributes attributes{.nice = getpriority(PRIO_PROCESS, 0), .runtime = short_turn_ns};
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace madang::runtime
