// How the kernel lets threads take turns when there are fewer cores than threads that want one. A
// hint: where the kernel does not know it, or does not allow it, nothing changes.
#pragma once

namespace madang::runtime {

/// For the calling thread: short turns, soon. For a thread whose work comes in small pieces that
/// somebody waits for: it need not wait until another's turn, some milliseconds, has ended.
void take_short_turns();

}  // namespace madang::runtime
