// The one place that escapes text for JSON.
#pragma once

#include <string>
#include <string_view>

namespace madang {

/// Appends text as a JSON string, quotes included. The text is UTF-8 already.
void append_json_string(std::string& out, std::string_view text);

inline std::string json_string(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_string(out, text);
  return out;
}

}  // namespace madang
