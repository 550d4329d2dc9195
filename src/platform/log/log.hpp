// Structured log: one JSON object a line on standard error. Secrets never go in: log ids, not
// tokens.
//
//   log::info("http", "request", {{"request_id", id}, {"status", 200}});
//
// Lines below `warn` are buffered for up to a second; warnings and errors are written at once.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace madang::log {

enum class Level { debug, info, warn, error, off };

using FieldValue = std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view>;

struct Field {
  template <class T>
  Field(std::string_view field_name, const T& field_value)
      : name(field_name), value(convert(field_value)) {}
  std::string_view name;
  FieldValue value;

 private:
  template <class T>
  static FieldValue convert(const T& from) {
    if constexpr (std::is_same_v<T, bool>)
      return from;
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<double>(from);
    else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
      return static_cast<std::int64_t>(from);
    else if constexpr (std::is_integral_v<T>)
      return static_cast<std::uint64_t>(from);
    else
      return std::string_view(from);
  }
};

using Fields = std::initializer_list<Field>;

/// Nothing when the name is unknown.
bool set_level(std::string_view name);
bool enabled(Level level);
/// `area` names the part of the server, `event` what happened: stable words to search for.
void write(Level level, std::string_view area, std::string_view event, Fields fields);
/// Writes out what is buffered.
void flush();

inline void debug(std::string_view area, std::string_view event, Fields fields = {}) {
  write(Level::debug, area, event, fields);
}
inline void info(std::string_view area, std::string_view event, Fields fields = {}) {
  write(Level::info, area, event, fields);
}
inline void warn(std::string_view area, std::string_view event, Fields fields = {}) {
  write(Level::warn, area, event, fields);
}
inline void error(std::string_view area, std::string_view event, Fields fields = {}) {
  write(Level::error, area, event, fields);
}

}  // namespace madang::log
