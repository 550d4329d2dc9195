// Which keys of the shared cache could not be deleted when they had to be, until they are or cannot
// be there any more.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang::social {

/// A key of the shared cache. Keys of one bucket are in one slot of the cluster.
struct SharedKey {
  static constexpr std::size_t buckets = 8;
  enum class Kind : std::uint8_t {
    era,  // what makes the values of its bucket valid: without it all of them are void
    post,
    viewer,
  };

  static std::size_t bucket_of(Id id) {
    return static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15ULL >> 61U;
  }
  static SharedKey of_post(Id id) { return {bucket_of(id), Kind::post, id}; }
  static SharedKey of_viewer(Id id) { return {bucket_of(id), Kind::viewer, id}; }
  static SharedKey of_era(std::size_t bucket) { return {bucket, Kind::era, 0}; }
  auto operator<=>(const SharedKey&) const = default;

  std::size_t bucket = 0;
  Kind kind = Kind::era;
  Id id = 0;
};

/// Thread-safe. A bucket that owes more than may be remembered owes its era instead.
class OwedKeys {
 public:
  using Steady = Deadline::Steady;
  struct Owed {
    SharedKey key;
    std::uint64_t version = 0;  // another each time it is owed anew
  };

  /// `max_keys` of each bucket; `life`: no value is in the cache for longer than this.
  OwedKeys(std::size_t max_keys, std::chrono::milliseconds life)
      : max_keys_(max_keys), life_(life) {}

  bool any() const { return size_.load(std::memory_order_acquire) != 0; }
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  /// Itself, or its bucket's era.
  bool owes(const SharedKey& key) const;
  void add(std::span<const SharedKey> keys, Steady::time_point now);
  /// About `most` of them, some of every bucket; forgets those whose value has ended by itself.
  std::vector<Owed> some(std::size_t most, Steady::time_point now);
  /// They were deleted; a key that became owed again meanwhile stays.
  void paid(const Owed& owed);

 private:
  struct Entry {
    std::uint64_t version = 0;
    Steady::time_point until{};
  };
  using Bucket = std::map<SharedKey, Entry>;
  void count();

  const std::size_t max_keys_;
  const std::chrono::milliseconds life_;
  mutable std::mutex mutex_;
  std::array<Bucket, SharedKey::buckets> buckets_;
  std::uint64_t next_version_ = 0;
  std::atomic<std::size_t> size_{0};
};

/// Since when each bucket takes no deletions: an outage is waited for once, not by every write.
class BucketTrouble {
 public:
  using Steady = Deadline::Steady;
  /// Since when, from now on if it was well so far.
  Steady::time_point note(std::size_t bucket, Steady::time_point now);
  void clear(std::size_t bucket);

 private:
  std::mutex mutex_;
  std::array<std::optional<Steady::time_point>, SharedKey::buckets> since_;
};

}  // namespace madang::social
