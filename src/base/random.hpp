// Randomness that tests can replace. The system's is libsodium's, fit for secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace madang {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;

  template <std::size_t N>
  std::array<std::byte, N> bytes() {
    std::array<std::byte, N> out;
    fill(out);
    return out;
  }
};

class SystemRandom final : public Random {
 public:
  SystemRandom();
  void fill(std::span<std::byte> bytes) override;
};

/// For tests and for the seeded town: the same seed gives the same bytes. Never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> bytes) override;
  std::uint64_t operator()() { return engine_(); }
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  static constexpr std::uint64_t min() { return std::mt19937_64::min(); }
  static constexpr std::uint64_t max() { return std::mt19937_64::max(); }
  using result_type = std::uint64_t;

 private:
  std::mt19937_64 engine_;
};

}  // namespace madang
