#include "modules/social/post_cache_owed.hpp"

namespace madang::social {

bool OwedKeys::owes(const SharedKey& key) const {
  if (!any()) return false;
  const std::lock_guard lock(mutex_);
  const Bucket& bucket = buckets_[key.bucket];
  return bucket.contains(key) || bucket.contains(SharedKey::of_era(key.bucket));
}

void OwedKeys::add(std::span<const SharedKey> keys, Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const SharedKey& key : keys) {
    Bucket& bucket = buckets_[key.bucket];
    SharedKey owed = key;
    if (bucket.size() >= max_keys_ && !bucket.contains(key)) owed = SharedKey::of_era(key.bucket);
    // An era stands for all of its bucket.
    const SharedKey era = SharedKey::of_era(key.bucket);
    if (bucket.contains(era)) owed = era;
    if (owed == era) bucket.clear();
    bucket[owed] = {++next_version_, now + life_};
  }
  count();
}

std::vector<OwedKeys::Owed> OwedKeys::some(std::size_t most, Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  std::vector<Owed> out;
  const std::size_t share = most / SharedKey::buckets + 1;
  for (Bucket& bucket : buckets_) {
    std::erase_if(bucket, [now](const auto& entry) { return entry.second.until <= now; });
    std::size_t taken = 0;
    for (const auto& [key, entry] : bucket) {
      if (taken++ == share) break;
      out.push_back({key, entry.version});
    }
  }
  count();
  return out;
}

void OwedKeys::paid(const Owed& owed) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = buckets_[owed.key.bucket];
  const auto found = bucket.find(owed.key);
  if (found != bucket.end() && found->second.version == owed.version) bucket.erase(found);
  count();
}

void OwedKeys::count() {
  std::size_t all = 0;
  for (const Bucket& bucket : buckets_) all += bucket.size();
  size_.store(all, std::memory_order_release);
}

BucketTrouble::Steady::time_point BucketTrouble::note(std::size_t bucket, Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!since_[bucket]) since_[bucket] = now;
  return *since_[bucket];
}

void BucketTrouble::clear(std::size_t bucket) {
  const std::lock_guard lock(mutex_);
  since_[bucket].reset();
}

}  // namespace madang::social
