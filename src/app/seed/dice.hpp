// Chance for the seeded town: everything that is random in it comes from here, so that one seed
// gives one town.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/random.hpp"

namespace madang::app::seed {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_.below(bound); }
  /// Inclusive.
  int between(int low, int high) {
    const std::int64_t choices = std::int64_t{high} - low + 1;
    return low + static_cast<int>(below(static_cast<std::size_t>(choices)));
  }
  /// [0, 1)
  double unit() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * unit(); }
  bool chance(double probability) { return unit() < probability; }
  /// Mean 1.
  double exponential() { return -std::log(1.0 - unit()); }
  /// At least 1, with a heavy tail: the smaller the shape, the heavier.
  double pareto(double shape) { return std::pow(1.0 - unit(), -1.0 / shape); }

  template <class Range>
  const auto& pick(const Range& range) {
    return range[below(std::size(range))];
  }
  /// An index, with probability proportional to its weight; the weights' sum is positive.
  std::size_t weighted(std::span<const double> weights);

  Random& bytes() { return random_; }
  /// Independent dice for a part of the work: what one part throws does not change another.
  Dice fork() { return Dice(seed()); }
  std::uint64_t seed() { return random_(); }

 private:
  SeededRandom random_;
};

}  // namespace madang::app::seed
