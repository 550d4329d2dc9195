#include "platform/workers/worker_main.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>

#include "platform/log/log.hpp"
#include "platform/workers/sandbox.hpp"

namespace madang::workers {

using Steady = std::chrono::steady_clock;

namespace {

/// Blocking reads and writes of whole frames; false when the server is gone.
class Channel {
 public:
  explicit Channel(int socket) : socket_(socket) {}

  bool read(std::span<std::byte> into) {
    while (!into.empty()) {
      const ssize_t count = ::recv(socket_, into.data(), into.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      into = into.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool write(FrameKind kind, std::uint64_t job, BytesView payload) {
    const Bytes frame = make_frame(kind, job, payload);
    BytesView left = frame;
    while (!left.empty()) {
      const ssize_t count = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      left = left.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

 private:
  int socket_;
};

class ChannelProgress final : public Progress {
 public:
  ChannelProgress(Channel& channel, std::uint64_t job) : channel_(channel), job_(job) {}

  void report(double fraction, std::string_view stage) override {
    const auto now = Steady::now();
    if (now - last_ < std::chrono::milliseconds(20) && fraction < 1) return;
    last_ = now;
    ByteWriter writer;
    writer.u32(static_cast<std::uint32_t>(std::clamp(fraction, 0.0, 1.0) * 1000));
    writer.text(stage.substr(0, 64));
    channel_.write(FrameKind::progress, job_, writer.take());
  }

 private:
  Channel& channel_;
  const std::uint64_t job_;
  Steady::time_point last_{};
};

Result<Bytes> perform(const Functions& functions, const JobHead& head, BytesView payload,
                      Progress& progress) {
  const auto function = functions.find(head.function);
  if (function == functions.end())
    return fail(Kind::internal, "worker_failed", "unknown job " + std::string(head.function));
  try {
    limit_job(head.memory, head.cpu_seconds);
    return function->second(payload, progress);
  } catch (const std::bad_alloc&) {
    return fail(Kind::unavailable, "worker_memory", "The job needs more memory than it may have.");
  } catch (const std::exception& error) {
    return fail(Kind::internal, "worker_failed", error.what());
  }
}

/// False: the connection is over.
bool serve_one(Channel& channel, const Functions& functions) {
  std::byte head[frame_header_size];
  if (!channel.read(head)) return false;
  const auto header = parse_header(head);
  if (!header || header->kind != FrameKind::job) return false;
  Bytes payload(header->length);
  if (!channel.read(payload)) return false;
  const auto job = parse_job(payload);
  if (!job) return false;
  ChannelProgress progress(channel, header->job);
  Result<Bytes> result = perform(functions, job->first, job->second, progress);
  if (result && result->size() > max_frame)
    result = fail(Kind::internal, "worker_failed", "The result is too large.");
  if (result) return channel.write(FrameKind::result, header->job, *result);
  return channel.write(FrameKind::failure, header->job, make_failure(result.error()));
}

}  // namespace

int serve_jobs(int socket, const Functions& functions, const std::function<void()>& prepare) {
  try {
    limit_process();
    if (prepare) prepare();
    close_doors();
  } catch (const std::exception& error) {
    log::error("worker", "start_failed", {{"error", std::string_view(error.what())}});
    log::flush();
    return 1;
  }
  Channel channel(socket);
  if (!channel.write(FrameKind::ready, 0, {})) return 0;
  while (serve_one(channel, functions)) {
  }
  return 0;
}

}  // namespace madang::workers
