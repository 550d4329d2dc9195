#include "base/clock.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace madang {

using namespace std::chrono;

std::string to_rfc3339(Time time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time) - day};
  std::array<char, 40> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

namespace {

/// Reads exactly `digits` digits and moves past them.
std::optional<int> number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return {};
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool skip(std::string_view& text, char wanted) {
  if (text.empty() || (text.front() | 0x20) != (wanted | 0x20)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Micros> fraction(std::string_view& text) {
  if (!skip(text, '.')) return Micros(0);
  int value = 0;
  int digits = 0;
  for (; digits < 6 && !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
    value = value * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return {};
  for (; digits < 6; ++digits) value *= 10;
  return Micros(value);
}

std::optional<minutes> offset(std::string_view& text) {
  if (skip(text, 'Z')) return minutes(0);
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return {};
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hour = number(text, 2);
  if (!hour || !skip(text, ':')) return {};
  const auto minute = number(text, 2);
  if (!minute || *hour > 23 || *minute > 59) return {};
  return minutes(sign * (*hour * 60 + *minute));
}

}  // namespace

std::optional<Time> parse_rfc3339(std::string_view text) {
  const auto y = number(text, 4);
  if (!y || !skip(text, '-')) return {};
  const auto mo = number(text, 2);
  if (!mo || !skip(text, '-')) return {};
  const auto d = number(text, 2);
  if (!d || !skip(text, 'T')) return {};
  const auto h = number(text, 2);
  if (!h || !skip(text, ':')) return {};
  const auto mi = number(text, 2);
  if (!mi || !skip(text, ':')) return {};
  const auto s = number(text, 2);
  if (!s) return {};
  const auto micros = fraction(text);
  if (!micros) return {};
  const auto zone = offset(text);
  if (!zone || !text.empty()) return {};
  const year_month_day date{year(*y), month(static_cast<unsigned>(*mo)),
                            day(static_cast<unsigned>(*d))};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 59) return {};
  return Time(sys_days(date)) + hours(*h) + minutes(*mi) + seconds(*s) + *micros - *zone;
}

}  // namespace madang
