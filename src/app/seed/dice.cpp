#include "app/seed/dice.hpp"

#include <numeric>

namespace madang::app::seed {

std::size_t Dice::weighted(std::span<const double> weights) {
  double left = unit() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return weights.size() - 1;
}

}  // namespace madang::app::seed
