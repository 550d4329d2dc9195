// Wall-clock time and deadlines. Code that asks the time takes a Clock, so that tests can turn it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace madang {

using Micros = std::chrono::microseconds;
/// UTC, microseconds; stored in SQL as an integer, shown as RFC 3339 with milliseconds.
using Time = std::chrono::sys_time<Micros>;

inline std::int64_t to_micros(Time time) {
  return time.time_since_epoch().count();
}
inline Time from_micros(std::int64_t micros) {
  return Time(Micros(micros));
}

/// `2026-11-21T23:05:00.123Z`
std::string to_rfc3339(Time time);
/// Accepts RFC 3339 with `Z` or an offset and up to 6 fractional digits.
std::optional<Time> parse_rfc3339(std::string_view text);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override {
    return std::chrono::time_point_cast<Micros>(std::chrono::system_clock::now());
  }
};

/// For tests: stands still until it is moved, forwards or backwards.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start) : micros_(to_micros(start)) {}
  Time now() const override { return from_micros(micros_.load()); }
  void advance(Micros by) { micros_ += by.count(); }
  void set(Time time) { micros_ = to_micros(time); }

 private:
  std::atomic<std::int64_t> micros_;
};

/// The moment by which an answer is worth having; travels with a request and bounds every wait
/// below it. Steady time: a jump of the wall clock does not move it.
class Deadline {
 public:
  using Steady = std::chrono::steady_clock;
  static Deadline after(Steady::duration duration) { return Deadline(Steady::now() + duration); }
  static Deadline never() { return Deadline(Steady::time_point::max()); }
  explicit Deadline(Steady::time_point at) : at_(at) {}
  Steady::time_point at() const { return at_; }
  bool passed() const { return Steady::now() >= at_; }

 private:
  Steady::time_point at_;
};

}  // namespace madang
