#include "platform/log/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <concepts>
#include <cstdio>
#include <iterator>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/json_text.hpp"

namespace madang::log {

namespace {

/// Standard error through a buffer of its own: spdlog's stderr sink flushes every line.
class BufferedStderr final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  BufferedStderr() : file_(fdopen(dup(STDERR_FILENO), "w")) {
    // Without a buffer of ours the C library takes one of 4 KB, whatever size is named.
    if (file_ != nullptr) std::setvbuf(file_, buffer_.data(), _IOFBF, buffer_.size());
  }
  ~BufferedStderr() override {
    if (file_ != nullptr) std::fclose(file_);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (file_ == nullptr) return;
    std::fwrite(message.payload.data(), 1, message.payload.size(), file_);
    std::fputc('\n', file_);
  }
  void flush_() override {
    if (file_ != nullptr) std::fflush(file_);
  }

 private:
  std::vector<char> buffer_ = std::vector<char>(std::size_t(1) << 16);
  std::FILE* file_;
};

spdlog::level::level_enum native(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

constexpr std::string_view names[] = {"debug", "info", "warn", "error", "off"};

std::shared_ptr<spdlog::logger> make_logger() {
  auto made = std::make_shared<spdlog::logger>("madang", std::make_shared<BufferedStderr>());
  made->flush_on(spdlog::level::warn);
  spdlog::register_logger(made);  // flush_every knows registered loggers only
  spdlog::flush_every(std::chrono::seconds(1));
  return made;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

/// The time of now in RFC 3339. Its whole seconds are worked out once a second: written with every
/// line, the date was the costliest part of one.
void put_time(std::string& out) {
  using std::chrono::seconds;
  constexpr std::size_t whole = std::string_view("2026-11-21T23:05:00.").size();
  thread_local std::chrono::sys_seconds shown{};
  thread_local std::string text;
  const Time now = SystemClock().now();
  const auto second = std::chrono::floor<seconds>(now);
  if (second != shown) text = to_rfc3339(second).substr(0, whole);
  shown = second;
  const auto millis = static_cast<unsigned>((now - second) / std::chrono::milliseconds(1));
  out += text;
  for (const unsigned unit : {100U, 10U, 1U}) out += static_cast<char>('0' + millis / unit % 10);
  out += 'Z';
}

struct PutValue {
  std::string& out;

  void operator()(std::string_view text) const { append_json_string(out, text); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(double value) const { fmt::format_to(std::back_inserter(out), "{}", value); }
  template <std::integral T>
  void operator()(T value) const {
    const fmt::format_int digits(value);
    out.append(digits.data(), digits.size());
  }
};

}  // namespace

bool set_level(std::string_view name) {
  for (int i = 0; i < 5; ++i) {
    if (names[i] != name) continue;
    logger().set_level(native(static_cast<Level>(i)));
    return true;
  }
  return false;
}

bool enabled(Level level) {
  return logger().should_log(native(level));
}

void write(Level level, std::string_view area, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  thread_local std::string line;
  line = R"({"time":")";
  put_time(line);
  line += R"(","level":")";
  line += names[static_cast<int>(level)];
  line += R"(","area":")";
  line += area;
  line += R"(","event":")";
  line += event;
  line += '"';
  for (const Field& field : fields) {
    line += ",\"";
    line += field.name;
    line += "\":";
    std::visit(PutValue{line}, field.value);
  }
  line += '}';
  logger().log(native(level), spdlog::string_view_t(line.data(), line.size()));
}

void flush() {
  logger().flush();
}

}  // namespace madang::log
