#include "modules/social/feed_record.hpp"

#include <algorithm>
#include <utility>

namespace madang::social {

FeedSide& FeedRecord::with_side() {
  if (!side) side = std::make_unique<FeedSide>();
  return *side;
}

void FeedRecord::drop_idle_side() {
  if (side && side->idle() && !side->queued) side.reset();
}

std::size_t FeedRecord::lower_bound(Id post) const {
  const auto all = entries();
  return static_cast<std::size_t>(std::ranges::lower_bound(all, post, {}, &FeedEntry::post) -
                                  all.begin());
}

FeedEntry* FeedRecord::find(Id post) {
  const std::size_t at = lower_bound(post);
  return at < size_ && entries_[at].post() == post ? &entries_[at] : nullptr;
}

void FeedRecord::grow() {
  const std::uint32_t wanted = capacity_ + std::max<std::uint32_t>(4, capacity_ / 4);
  auto larger = std::make_unique_for_overwrite<FeedEntry[]>(wanted);
  std::copy_n(entries_.get(), size_, larger.get());
  entries_ = std::move(larger);
  capacity_ = wanted;
}

FeedEntry& FeedRecord::insert(std::size_t at, FeedEntry entry) {
  if (size_ == capacity_) grow();
  FeedEntry* const place = entries_.get() + at;
  std::move_backward(place, entries_.get() + size_, entries_.get() + size_ + 1);
  *place = entry;
  ++size_;
  return *place;
}

void FeedRecord::erase(std::size_t at) {
  std::move(entries_.get() + at + 1, entries_.get() + size_, entries_.get() + at);
  --size_;
}

void FeedRecord::drop_oldest(std::size_t count) {
  std::move(entries_.get() + count, entries_.get() + size_, entries_.get());
  size_ -= static_cast<std::uint32_t>(count);
}

void FeedRecord::assign(std::span<const FeedEntry> entries) {
  const std::size_t room = entries.size() + std::max<std::size_t>(2, entries.size() / 8);
  entries_ = std::make_unique_for_overwrite<FeedEntry[]>(room);
  std::ranges::copy(entries, entries_.get());
  size_ = static_cast<std::uint32_t>(entries.size());
  capacity_ = static_cast<std::uint32_t>(room);
}

void FeedRecord::cool() {
  state = State::cold;
  entries_.reset();
  size_ = capacity_ = 0;
  if (!side) return;
  side->pulled = {};
  side->doubt_until = 0;
  side->build.reset();
  drop_idle_side();
}

bool FeedRecord::spent(const FeedEntry& entry, FeedSeconds now) const {
  const bool keep_seen = pulls();
  if (entry.view_only())
    return keep_seen
               ? FeedLife::forgotten(entry.first_seen, now)
               : now >= std::uint64_t(entry.first_seen) + FeedLife::seen_life + FeedLife::grace;
  return FeedLife::over(entry.inserted, keep_seen || entry.erased() ? 0 : entry.first_seen, now);
}

std::size_t FeedRecord::sweep(FeedSeconds now) {
  const auto all = entries();
  const auto kept =
      std::remove_if(all.begin(), all.end(), [&](const FeedEntry& e) { return spent(e, now); });
  const auto removed = static_cast<std::size_t>(all.end() - kept);
  cleared = std::max(cleared, now);
  size_ -= static_cast<std::uint32_t>(removed);
  if (capacity_ > 16 && size_ < capacity_ / 2) assign(std::vector(all.begin(), kept));
  return removed;
}

std::uint64_t FeedTable::hash(Id user) {
  auto x = static_cast<std::uint64_t>(user);  // splitmix64's finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

FeedRecord* FeedTable::find(Id user, std::uint64_t hash) {
  if (slots_.empty()) return nullptr;
  std::uint64_t at = hash & mask_;
  while (slots_[at].user != 0) {
    if (slots_[at].user == user) return &slots_[at];
    at = (at + 1) & mask_;
  }
  return nullptr;
}

FeedRecord& FeedTable::find_or_add(Id user, std::uint64_t hash) {
  if (FeedRecord* found = find(user, hash)) return *found;
  if ((used_ + 1) * 10 > slots_.size() * 7) grow();
  std::uint64_t at = hash & mask_;
  while (slots_[at].user != 0) at = (at + 1) & mask_;
  slots_[at].user = user;
  ++used_;
  return slots_[at];
}

void FeedTable::erase(FeedRecord& record) {
  auto hole = static_cast<std::uint64_t>(&record - slots_.data());
  slots_[hole] = FeedRecord{};
  --used_;
  // Close the gap: whoever was pushed past the hole by probing moves back into it.
  for (std::uint64_t at = (hole + 1) & mask_; slots_[at].user != 0; at = (at + 1) & mask_) {
    const std::uint64_t home = hash(slots_[at].user) & mask_;
    if (((at - home) & mask_) < ((at - hole) & mask_)) continue;
    slots_[hole] = std::exchange(slots_[at], FeedRecord{});
    hole = at;
  }
}

void FeedTable::grow() {
  std::vector<FeedRecord> old(std::max<std::size_t>(16, slots_.size() * 2));
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (FeedRecord& record : old) {
    if (record.user == 0) continue;
    std::uint64_t at = hash(record.user) & mask_;
    while (slots_[at].user != 0) at = (at + 1) & mask_;
    slots_[at] = std::move(record);
  }
}

}  // namespace madang::social
