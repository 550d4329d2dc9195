#include "platform/workers/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <thread>

extern char** environ;

namespace madang::workers {

namespace {

constexpr int child_fd = 3;

std::unexpected<Problem> cannot_start(std::string_view doing, int error) {
  return fail(Kind::internal, "worker_crashed",
              fmt::format("{}: {}", doing, std::generic_category().message(error)));
}

/// What posix_spawn is to do between fork and exec, and with which signals.
struct SpawnPlan {
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int fill(int socket) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    // A group of its own: Ctrl-C in a terminal is the server's to handle.
    constexpr short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    for (const int error :
         {posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0),
          posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0),
          posix_spawn_file_actions_adddup2(&actions, socket, child_fd),
          posix_spawn_file_actions_addclosefrom_np(&actions, child_fd + 1),
          posix_spawnattr_setflags(&attributes, flags), posix_spawnattr_setpgroup(&attributes, 0),
          posix_spawnattr_setsigmask(&attributes, &none),
          posix_spawnattr_setsigdefault(&attributes, &all)})
      if (error != 0) return error;
    return 0;
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

std::string Ending::text() const {
  return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                             : fmt::format("status {}", WEXITSTATUS(status));
}

Result<ChildProcess> ChildProcess::start(const std::filesystem::path& program,
                                         const std::vector<std::string>& arguments) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return cannot_start("socketpair", errno);
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  SpawnPlan plan;
  if (const int error = plan.fill(theirs.get()); error != 0)
    return cannot_start("prepare worker", error);
  std::string name = program.string();
  std::vector<std::string> words = arguments;
  std::vector<char*> argv{name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, name.c_str(), &plan.actions, &plan.attributes, argv.data(), environ);
  if (error != 0) return cannot_start("start worker", error);
  return ChildProcess(pid, std::move(ours));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), socket_(std::move(other.socket_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ != 0) end(std::chrono::milliseconds(0));
}

std::optional<std::uint64_t> ChildProcess::resident_memory() const {
  const auto path = fmt::format("/proc/{}/statm", pid_);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  unsigned long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) return {};
  if (total == 0) return {};  // it has ended and was not reaped yet
  return std::uint64_t(resident) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Ending ChildProcess::end(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  Ending out;
  rusage usage{};
  pid_t reaped = 0;
  while ((reaped = ::wait4(pid_, &out.status, WNOHANG, &usage)) == 0 &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (reaped == 0) {
    ::kill(pid_, SIGKILL);
    while (::wait4(pid_, &out.status, 0, &usage) < 0 && errno == EINTR) {
    }
  }
  out.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  pid_ = 0;
  socket_.reset();
  return out;
}

}  // namespace madang::workers
