#include "platform/log/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>

#include "base/clock.hpp"
#include "base/json_text.hpp"

namespace madang::log {

namespace {

/// Standard error through a buffer of its own: spdlog's stderr sink flushes every line.
class BufferedStderr final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  BufferedStderr() : file_(fdopen(dup(STDERR_FILENO), "w")) {
    if (file_ != nullptr) std::setvbuf(file_, nullptr, _IOFBF, 1 << 16);
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

void put(fmt::memory_buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

void put_value(fmt::memory_buffer& out, const FieldValue& value) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string_view>)
          put(out, json_string(v));
        else
          fmt::format_to(fmt::appender(out), "{}", v);
      },
      value);
}

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
  fmt::memory_buffer line;
  fmt::format_to(fmt::appender(line), R"({{"time":"{}","level":"{}","area":"{}","event":"{}")",
                 to_rfc3339(SystemClock().now()), names[static_cast<int>(level)], area, event);
  for (const Field& field : fields) {
    put(line, ",\"");
    put(line, field.name);
    put(line, "\":");
    put_value(line, field.value);
  }
  line.push_back('}');
  logger().log(native(level), spdlog::string_view_t(line.data(), line.size()));
}

void flush() {
  logger().flush();
}

}  // namespace madang::log
