#include "platform/workers/worker_slot.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "platform/log/log.hpp"

namespace madang::workers {

using Steady = Deadline::Steady;
using namespace std::chrono_literals;

namespace {

/// How long a process whose socket has closed may take to end, so that we learn why.
constexpr auto ending_patience = 200ms;

Problem out_of_memory() {
  return {.kind = Kind::unavailable,
          .code = "worker_memory",
          .detail = "The job needs more memory than it may have."};
}

Problem out_of_time() {
  return {.kind = Kind::unavailable,
          .code = "worker_timeout",
          .detail = "The job takes longer than it may."};
}

}  // namespace

void WorkerSlot::serve() {
  while (!pool_.closed()) {
    auto job = pool_.take(pool_.options_.idle_timeout);
    if (!job) {
      stop();
      continue;
    }
    pool_.metrics_.busy.Increment();
    Result<Bytes> result = perform(*job);
    pool_.metrics_.busy.Decrement();
    if (!result && result.error().code.starts_with("worker_"))
      log::warn("workers", "job_failed",
                {{"function", job->function},
                 {"code", result.error().code},
                 {"detail", result.error().detail}});
    pool_.answer(*job, std::move(result));
  }
}

Result<Bytes> WorkerSlot::perform(Job& job) {
  if (job.deadline.passed())
    return std::unexpected(pool_.busy_problem("not reached in time; try again shortly."));
  if (auto ready = ensure_process(job.deadline); !ready) return fail(std::move(ready.error()));
  const auto begun = Steady::now();
  Result<Bytes> result = converse(job);
  pool_.metrics_.run_seconds.Observe(std::chrono::duration<double>(Steady::now() - begun).count());
  retire_if_worn();
  return result;
}

Result<void> WorkerSlot::ensure_process(Deadline deadline) {
  if (process_) return {};
  if (!pool_.may_start(deadline))
    return std::unexpected(pool_.busy_problem("no worker could be started in time."));
  pool_.metrics_.starts.Increment();
  auto started = ChildProcess::start(pool_.options_.program, pool_.options_.arguments);
  if (!started) {
    pool_.started(false);
    return fail(std::move(started.error()));
  }
  process_.emplace(std::move(*started));
  pool_.metrics_.alive.Increment();
  memory_limit_ = 0;
  jobs_done_ = 0;
  auto hello = receive(Steady::now() + pool_.options_.start_timeout, 0);
  const bool well = hello && hello->header.kind == FrameKind::ready;
  pool_.started(well);
  if (well) return {};
  if (hello) return broken("it did not greet");
  return fail(std::move(hello.error()));
}

Result<Bytes> WorkerSlot::converse(Job& job) {
  const auto until = std::min(job.deadline.at(), Steady::now() + job.limits.wall);
  const std::uint64_t idle = process_->resident_memory().value_or(0);
  memory_limit_ = idle + job.limits.memory;
  const JobHead head{job.function, job.limits.memory,
                     static_cast<std::uint32_t>(job.limits.cpu.count())};
  const Bytes frame = make_frame(FrameKind::job, job.id, make_job(head, job.payload));
  if (auto sent = send(frame, until); !sent) return fail(std::move(sent.error()));
  const std::size_t max_payload =
      std::min(std::max<std::size_t>(job.limits.result, 4096), max_frame);
  for (;;) {
    auto received = receive(until, max_payload);
    if (!received) return fail(std::move(received.error()));
    const FrameKind kind = received->header.kind;
    if (received->header.job != job.id) return broken("it answered another job");
    if (kind == FrameKind::result || kind == FrameKind::failure) ++jobs_done_;
    if (kind == FrameKind::result) return std::move(received->payload);
    if (kind == FrameKind::failure) return fail(parse_failure(received->payload));
    if (kind != FrameKind::progress) return broken("it sent what only the server sends");
    ByteReader reader(received->payload);
    const double fraction = std::min(reader.u32(), 1000u) / 1000.0;
    const std::string_view stage = reader.text();
    if (!reader.done() || stage.size() > 64) return broken("it sent no progress");
    if (job.progress) job.progress(fraction, stage);
  }
}

Result<WorkerSlot::Frame> WorkerSlot::receive(Time until, std::size_t max_payload) {
  Frame frame;
  Bytes head(frame_header_size);
  Bytes* into = &head;
  std::size_t have = 0;
  for (;;) {
    while (have < into->size()) {
      auto ready = wait(POLLIN, until);
      if (!ready) return fail(std::move(ready.error()));
      if (!*ready) continue;
      const ssize_t count =
          ::recv(process_->socket(), into->data() + have, into->size() - have, MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (count <= 0) return died();
      have += static_cast<std::size_t>(count);
    }
    if (into == &frame.payload) return frame;
    const auto header = parse_header(head);
    if (!header || header->length > max_payload) return broken("it sent what is no frame");
    frame.header = *header;
    frame.payload.resize(header->length);
    into = &frame.payload;
    have = 0;
  }
}

Result<void> WorkerSlot::send(BytesView bytes, Time until) {
  while (!bytes.empty()) {
    auto ready = wait(POLLOUT, until);
    if (!ready) return fail(std::move(ready.error()));
    if (!*ready) continue;
    const ssize_t count =
        ::send(process_->socket(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return died();
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<bool> WorkerSlot::wait(short events, Time until) {
  if (auto fine = watch(until); !fine) return fail(std::move(fine.error()));
  pollfd waiting{.fd = process_->socket(), .events = events, .revents = 0};
  const int count = ::poll(&waiting, 1, static_cast<int>(pool_.options_.watch_interval.count()));
  return count > 0;
}

Result<void> WorkerSlot::watch(Time until) {
  pool_.expire();
  const bool late = Steady::now() >= until;
  const bool stopping = pool_.out_of_grace();
  const std::uint64_t resident = memory_limit_ == 0 ? 0 : process_->resident_memory().value_or(0);
  if (!late && !stopping && resident <= memory_limit_) return {};
  stop();
  if (stopping) return std::unexpected(pool_.busy_problem("the server is stopping."));
  return fail(late ? out_of_time() : out_of_memory());
}

std::unexpected<Problem> WorkerSlot::broken(std::string_view what) {
  stop();
  return fail(Kind::internal, "worker_crashed",
              fmt::format("The worker was ended because {}.", what));
}

std::unexpected<Problem> WorkerSlot::died() {
  const Ending ending = process_->end(ending_patience);
  stop();
  if (WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGXCPU) return fail(out_of_time());
  // Close to the limit when it ended: an allocation failed, and a library gave up.
  if (memory_limit_ != 0 && ending.peak_memory >= memory_limit_ / 10 * 9)
    return fail(out_of_memory());
  return fail(Kind::internal, "worker_crashed",
              fmt::format("The worker ended with {}.", ending.text()));
}

void WorkerSlot::stop() {
  if (!process_) return;
  process_.reset();
  pool_.metrics_.alive.Decrement();
}

void WorkerSlot::retire_if_worn() {
  if (!process_) return;
  const bool fat = process_->resident_memory().value_or(0) > pool_.options_.idle_memory;
  if (fat || jobs_done_ >= pool_.options_.jobs_per_process) stop();
}

}  // namespace madang::workers
