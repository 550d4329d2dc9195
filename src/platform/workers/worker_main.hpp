// The worker process's side: takes jobs from descriptor 3, one after the other, until the server
// goes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "platform/workers/frame.hpp"

namespace madang::workers {

/// How a job tells how far it has got. Cheap; more than 50 a second are thinned out.
class Progress {
 public:
  virtual ~Progress() = default;
  /// fraction in [0, 1]; stage: a short stable name.
  virtual void report(double fraction, std::string_view stage) = 0;
};

/// What a worker can do. Exceptions become `worker_failed`, std::bad_alloc `worker_memory`.
using Function = std::function<Result<Bytes>(BytesView payload, Progress& progress)>;
using Functions = std::map<std::string, Function, std::less<>>;

/// Gives up its rights, calls `prepare` (loads libraries), serves. The process's exit code.
int serve_jobs(int socket, const Functions& functions, const std::function<void()>& prepare = {});

}  // namespace madang::workers
