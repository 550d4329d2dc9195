// One worker process and our end of its socket pair.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace madang::workers {

/// How a process ended, and the most memory it ever held.
struct Ending {
  int status = 0;  // as waitpid tells it
  std::uint64_t peak_memory = 0;
  /// `signal 9`, `status 1`
  std::string text() const;
};

/// Killed (SIGKILL) and reaped when destroyed. Used by one thread: the kernel ends the process when
/// the thread that started it ends.
class ChildProcess {
 public:
  /// Starts `program arguments...` with the socket as descriptor 3 and nothing else but standard
  /// error inherited, in a process group of its own. Errors: `worker_crashed`.
  static Result<ChildProcess> start(const std::filesystem::path& program,
                                    const std::vector<std::string>& arguments);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  int socket() const { return socket_.get(); }
  pid_t pid() const { return pid_; }
  /// Resident memory in bytes; nothing when it is gone.
  std::optional<std::uint64_t> resident_memory() const;
  /// Waits up to `patience` for it to end by itself, then kills it.
  Ending end(std::chrono::milliseconds patience);

 private:
  ChildProcess(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_;  // 0: reaped
  UniqueFd socket_;
};

}  // namespace madang::workers
