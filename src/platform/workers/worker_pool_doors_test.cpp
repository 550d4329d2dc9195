// What a worker process can do, may not do, and outlives: this program is its own worker (see
// main).
#include "platform/workers/worker_pool_fixture.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "platform/workers/child_process.hpp"
#include "platform/workers/worker_main.hpp"

namespace madang::workers {
namespace {

// What the worker can do.

Result<Bytes> hang(BytesView, Progress& progress) {
  progress.report(0.1, "hanging");
  for (;;) ::pause();
}

Result<Bytes> spin(BytesView, Progress&) {
  for (volatile std::uint64_t i = 0;; i = i + 1) {
  }
}

/// Takes memory and touches it until somebody acts.
Result<Bytes> hog(BytesView, Progress&) {
  std::vector<std::unique_ptr<char[]>> held;
  for (;;) {
    held.push_back(std::make_unique<char[]>(1 << 20));
    std::memset(held.back().get(), 1, 1 << 20);
    ::usleep(500);
  }
}

Result<Bytes> garbage(BytesView payload, Progress&) {
  const auto sent = ::send(3, payload.data(), payload.size(), MSG_NOSIGNAL);
  (void)sent;
  for (;;) ::pause();
}

Result<Bytes> steps(BytesView payload, Progress& progress) {
  for (int i = 1; i <= 4; ++i) {
    ::usleep(25'000);
    progress.report(i / 4.0, "step");
  }
  return Bytes(payload.begin(), payload.end());
}

/// What a decoder that was taken over might try; the names of what worked.
Result<Bytes> try_doors(BytesView payload, Progress&) {
  const std::string file(as_text(payload));
  std::string open;
  if (::open(file.c_str(), O_RDONLY) >= 0) open += "read ";
  if (::open((file + ".new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0) open += "create ";
  if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) open += "socket ";
  if (::kill(::getppid(), 0) == 0) open += "kill ";
  char* const argv[] = {nullptr};
  if (::execve("/bin/true", argv, argv) == 0 || errno != EPERM) open += "exec ";
  return bytes(open);
}

Functions test_functions() {
  Functions out;
  out["echo"] = [](BytesView in, Progress&) -> Result<Bytes> {
    return Bytes(in.begin(), in.end());
  };
  out["pid"] = [](BytesView, Progress&) -> Result<Bytes> {
    return bytes(std::to_string(::getpid()));
  };
  out["abort"] = [](BytesView, Progress&) -> Result<Bytes> {
    ::raise(SIGKILL);
    return {};
  };
  out["exit"] = [](BytesView, Progress&) -> Result<Bytes> { ::_exit(0); };
  out["throw"] = [](BytesView, Progress&) -> Result<Bytes> { throw std::runtime_error("boom"); };
  out["no_memory"] = [](BytesView, Progress&) -> Result<Bytes> { throw std::bad_alloc(); };
  out["refuse"] = [](BytesView, Progress&) -> Result<Bytes> {
    return fail(Kind::invalid, "not_an_image", "no");
  };
  out["zeros"] = [](BytesView in, Progress&) -> Result<Bytes> {
    return Bytes(std::stoul(std::string(as_text(in))));
  };
  out["hang"] = hang;
  out["spin"] = spin;
  out["hog"] = hog;
  out["garbage"] = garbage;
  out["steps"] = steps;
  out["doors"] = try_doors;
  return out;
}

#ifndef MADANG_SANITIZED
TEST_F(WorkerPoolTest, TheDoorsAreClosed) {
  const std::string file = testing::TempDir() + "/madang-doors-" + std::to_string(::getpid());
  {
    const UniqueFd created(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  WorkerPool pool(test_options(), registry_);
  const auto open = run(pool, "doors", file);
  ASSERT_TRUE(open) << open.error().detail;
  const long landlock = ::syscall(444, nullptr, 0, 1u);  // landlock_create_ruleset(VERSION)
  if (landlock > 0)
    EXPECT_EQ(as_text(*open), "");
  else
    EXPECT_TRUE(!open->empty()) << "without Landlock reading stays possible";
  ::unlink(file.c_str());
}
#endif

/// A server that starts a worker on a job without end, tells its pid, and waits to be killed.
int play_server() {
  metrics::Registry registry;
  WorkerPool pool(test_options(), registry);
  const auto pid = pool.run_blocking(Deadline::after(60s), "pid", {}, Limits{});
  if (!pid) return 1;
  const auto tell = [&](double, std::string_view) {
    const auto written = ::send(3, pid->data(), pid->size(), MSG_NOSIGNAL);
    (void)written;
  };
  (void)pool.run_blocking(Deadline::never(), "hang", {}, {.wall = 600s}, tell);
  return 0;
}

TEST_F(WorkerPoolTest, WorkersEndWithTheServer) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // so that the orphan is ours to reap
  auto server = ChildProcess::start("/proc/self/exe", {"play-server"});
  ASSERT_TRUE(server) << server.error().detail;
  char text[32] = {};
  ASSERT_GT(::recv(server->socket(), text, sizeof text - 1, 0), 0);
  const pid_t worker = std::stoi(text);
  ASSERT_EQ(::kill(worker, 0), 0);
  EXPECT_TRUE(WIFSIGNALED(server->end(0ms).status));
  int status = 0;
  ASSERT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace

int child_main(std::string_view role) {
  return role == "worker" ? serve_jobs(3, test_functions()) : play_server();
}

}  // namespace madang::workers

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "worker" || role == "play-server") return madang::workers::child_main(role);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
