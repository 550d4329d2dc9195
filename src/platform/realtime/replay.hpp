// Where stored messages are read again. Implemented by the module that keeps them.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/realtime/message.hpp"

namespace madang::realtime {

struct ReplayPage {
  /// Something after the asked-for id is no longer kept, or that id was never given out. There are
  /// no messages then; the listener begins anew at `upto`.
  bool reset = false;
  std::vector<Stored> messages;  // ascending ids, all above the asked-for one
  /// Everything up to here is in `messages`, came before, or is not for this listener.
  Id upto = 0;
  bool more = false;  // ask again after `upto`
};

class Replay {
 public:
  virtual ~Replay() = default;
  /// At most `limit` messages of `account` after the id `after` (0: from the beginning of its
  /// sequence). Without `after`: no messages, `upto` is the end of the sequence. Sees everything
  /// that was committed before the call. Errors: database_busy.
  virtual Task<Result<ReplayPage>> read(Id account, std::optional<Id> after, std::int64_t limit,
                                        Deadline deadline) = 0;
};

}  // namespace madang::realtime
