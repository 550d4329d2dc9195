// Feeds that are to be forgotten elsewhere and could not be yet. Until that is done nobody here may
// believe what lies there. Bounded: beyond it all feeds are owed. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"

namespace madang::social {

class FeedDebts {
 public:
  explicit FeedDebts(std::size_t bound) : bound_(bound) {}

  void owe(Id viewer) {
    const std::lock_guard lock(mutex_);
    if (viewers_.size() >= bound_ && !viewers_.contains(viewer)) return owe_all_locked();
    viewers_[viewer] = ++last_;
    any_ = true;
  }
  void owe_all() {
    const std::lock_guard lock(mutex_);
    owe_all_locked();
  }
  /// Costs one load while nothing is owed.
  bool owes(Id viewer) const {
    if (!any_) return false;
    const std::lock_guard lock(mutex_);
    return all_ != 0 || viewers_.contains(viewer);
  }

  struct Debt {
    Id viewer = 0;
    std::uint64_t number = 0;
  };
  struct Debts {
    std::uint64_t all = 0;  // 0: not all of them
    std::vector<Debt> viewers;
    bool none() const { return all == 0 && viewers.empty(); }
  };
  /// At most `most` viewers. What is owed again before it is paid stays owed.
  Debts some(std::size_t most) const {
    Debts out;
    if (!any_) return out;
    const std::lock_guard lock(mutex_);
    out.all = all_;
    for (const auto& [viewer, number] : viewers_) {
      if (out.viewers.size() == most) break;
      out.viewers.push_back({viewer, number});
    }
    return out;
  }
  void paid(const Debt& debt) {
    const std::lock_guard lock(mutex_);
    const auto at = viewers_.find(debt.viewer);
    if (at != viewers_.end() && at->second == debt.number) viewers_.erase(at);
    any_ = all_ != 0 || !viewers_.empty();
  }
  void paid_all(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    if (all_ == number) all_ = 0;
    std::erase_if(viewers_, [number](const auto& debt) { return debt.second <= number; });
    any_ = all_ != 0 || !viewers_.empty();
  }
  /// All feeds count as one.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return viewers_.size() + (all_ != 0 ? 1 : 0);
  }

 private:
  void owe_all_locked() {
    all_ = ++last_;
    viewers_.clear();
    any_ = true;
  }

  const std::size_t bound_;
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<Id, std::uint64_t> viewers_;
  std::uint64_t all_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace madang::social
