// The named ways in which one answer is less than it should be, such as `feed-from-sql`: what the
// HTTP layer sends as `Madang-Degraded` and counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace madang::resilience {

/// Belongs to one request; not thread-safe.
class Degraded {
 public:
  /// A name of a-z, 0-9 and `-` that outlives the request: a literal. Twice is once.
  void add(std::string_view name) {
    for (const std::string_view known : names_)
      if (known == name) return;
    names_.push_back(name);
  }
  bool empty() const { return names_.empty(); }
  const std::vector<std::string_view>& names() const { return names_; }
  /// `feed-from-sql, likes-from-sql`
  std::string header() const {
    std::string out;
    for (const std::string_view name : names_) {
      if (!out.empty()) out += ", ";
      out += name;
    }
    return out;
  }

 private:
  std::vector<std::string_view> names_;
};

inline constexpr std::string_view degraded_header = "Madang-Degraded";

}  // namespace madang::resilience
