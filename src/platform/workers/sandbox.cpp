#include "platform/workers/sandbox.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <system_error>
#include <vector>

#include "base/unique_fd.hpp"

namespace madang::workers {

namespace {

void set_limit(int resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{.rlim_cur = soft, .rlim_max = hard};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0)
    throw std::system_error(errno, std::generic_category(), "setrlimit");
}

rlim_t hard_limit(int resource) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  return limit.rlim_max;
}

#ifndef MADANG_SANITIZED

#if defined(__x86_64__)
constexpr std::uint32_t audit_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t audit_architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t audit_architecture = 0;
#endif

/// A filter that answers these calls with EPERM.
void deny_calls() {
  constexpr long denied[] = {SYS_execve,
                             SYS_execveat,
                             SYS_socket,
                             SYS_socketpair,
                             SYS_connect,
                             SYS_bind,
                             SYS_listen,
                             SYS_accept,
                             SYS_accept4,
                             SYS_kill,
                             SYS_tkill,
                             SYS_ptrace,
                             SYS_process_vm_readv,
                             SYS_process_vm_writev,
                             SYS_rt_sigqueueinfo,
                             SYS_mount,
                             SYS_umount2,
                             SYS_unshare,
                             SYS_setns,
                             SYS_bpf,
                             SYS_keyctl,
                             SYS_add_key,
                             SYS_request_key,
                             SYS_perf_event_open,
                             SYS_userfaultfd,
                             SYS_pidfd_open,
                             SYS_pidfd_getfd,
                             SYS_pidfd_send_signal,
                             SYS_io_uring_setup};
  if (audit_architecture == 0) return;
  std::vector<sock_filter> code{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit_architecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const long call : denied) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/// Files: reading the system's own, nothing else. The server's data folder is out of reach.
void deny_files() {
  constexpr std::uint64_t version_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  const landlock_ruleset_attr attributes{.handled_access_fs = version_1};
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules) return;
  for (const char* folder : {"/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev"}) {
    const UniqueFd parent(::open(folder, O_PATH | O_CLOEXEC));
    if (!parent) continue;
    const landlock_path_beneath_attr beneath{
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = parent.get()};
    ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
  }
  ::syscall(SYS_landlock_restrict_self, rules.get(), 0);
}

std::uint64_t address_space() {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                   std::fclose);
  unsigned long pages = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lu", &pages) != 1) return 0;
  return std::uint64_t(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Reserved and never touched: stacks of a library's threads, malloc's arenas.
constexpr std::uint64_t address_slack = 384ull << 20;

#endif  // MADANG_SANITIZED

}  // namespace

void limit_process() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    throw std::system_error(errno, std::generic_category(), "prctl");
  // The server decides when a worker ends: a stop signal sent to the whole service is not for it.
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a write to a file fails instead
  set_limit(RLIMIT_CORE, 0, 0);
  set_limit(RLIMIT_FSIZE, 0, 0);
  set_limit(RLIMIT_NOFILE, 64, 64);
  if (::nice(5) == -1 && errno == EPERM) errno = 0;
}

void close_doors() {
#ifndef MADANG_SANITIZED
  deny_files();
  deny_calls();
#endif
}

void limit_job([[maybe_unused]] std::uint64_t memory_bytes, std::uint32_t cpu_seconds) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto used = static_cast<rlim_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1;
  set_limit(RLIMIT_CPU, used + cpu_seconds, hard_limit(RLIMIT_CPU));
#ifndef MADANG_SANITIZED
  if (const std::uint64_t now = address_space(); now != 0)
    set_limit(RLIMIT_AS, now + memory_bytes + address_slack, hard_limit(RLIMIT_AS));
#endif
}

}  // namespace madang::workers
