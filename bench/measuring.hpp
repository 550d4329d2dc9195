// What the programs here share: whom a post goes to, and how samples are printed for script/bench.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "modules/social/feed_store.hpp"

namespace madang::bench {

using Steady = std::chrono::steady_clock;
constexpr Id first_person = 1;        // people have the ids from here on
constexpr Id author = 1'000'000'007;  // none of them

inline double micros_between(Steady::time_point from, Steady::time_point to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

/// splitmix64: other followers for each post, and the peer picks in the same way.
class Picker {
 public:
  explicit Picker(std::size_t people) : people_(people) {}

  /// Distinct people: a random place to begin and a step without a common divisor (`people` has no
  /// prime factors but 2 and 5).
  void pick(std::vector<social::FeedFollower>& out, std::size_t count, Time followed_at) {
    std::size_t step = 0;
    do {
      step = next() % people_ | 1U;
    } while (step % 5 == 0);
    std::size_t at = next() % people_;
    out.clear();
    for (std::size_t i = 0; i < count; ++i, at = (at + step) % people_)
      out.push_back({first_person + static_cast<Id>(at), followed_at});
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  const std::size_t people_;
  std::uint64_t state_ = static_cast<std::uint64_t>(std::time(nullptr));
};

/// A warm feed of `entries` posts, a third of them seen.
inline social::FeedSnapshot feed_of(std::size_t entries, Time now) {
  using social::FeedLife;
  social::FeedSnapshot snapshot;
  snapshot.taken_at = now;
  for (std::size_t i = 0; i < entries; ++i) {
    const Time made = now - std::chrono::hours(1) - std::chrono::minutes(entries - i);
    snapshot.items.push_back({first_id_at(made), FeedLife::seconds(made), 0});
    if (i % 3 == 0)
      snapshot.marks.push_back({first_id_at(made), FeedLife::seconds(now - std::chrono::hours(2))});
  }
  return snapshot;
}

/// A member of a JSON object.
inline void print(const char* name, const std::vector<double>& values, bool last = false) {
  std::string text = fmt::format("\"{}\":[", name);
  for (const double value : values) text += fmt::format("{:.1f},", value);
  text.back() = ']';
  std::fputs((text + (last ? "" : ",")).c_str(), stdout);
}

}  // namespace madang::bench
