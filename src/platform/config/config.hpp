// Configuration: a schema in code, values from a file (INI) and the environment (which wins).
//
//   [http]                          MADANG_HTTP__LISTEN=0.0.0.0:8080
//   listen = 0.0.0.0:8080
//
// Unknown keys and bad values are errors that say which and why. Nothing else reads the
// environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace madang::config {

enum class Type { text, integer, seconds, bytes, flag, list };

struct Key {
  std::string_view name;  // section.key
  Type type;
  std::string_view fallback;  // as it would be written
  std::string_view help;      // one or two sentences
  bool secret = false;        // masked wherever it is shown
  std::int64_t min = 0;
  std::int64_t max = (std::int64_t(1) << 53) - 1;
};

using Environment = std::map<std::string, std::string>;

/// The process's environment.
Environment system_environment();

class Config {
 public:
  /// An empty path: no file. Errors: `bad_configuration`, its detail one line for the operator.
  static Result<Config> load(const std::vector<Key>& schema, const std::filesystem::path& file,
                             const Environment& environment);
  /// A value given on the command line.
  Result<void> set(std::string_view name, std::string value);

  const std::string& text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  std::chrono::seconds seconds(std::string_view name) const;
  std::int64_t bytes(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;  // comma separated

  /// The effective configuration as a file, secrets masked.
  std::string to_text() const;

 private:
  const std::vector<Key>* schema_ = nullptr;
  std::map<std::string, std::string, std::less<>> values_;
};

/// docs/configuration.md
std::string documentation(const std::vector<Key>& schema);

}  // namespace madang::config
