#include "modules/social/feed_rings.hpp"

#include <algorithm>
#include <mutex>

namespace madang::social {

namespace {

/// For every follower: a follow after the post brings it by the snapshot, unless the clock was set
/// back in between; the id tells.
bool spent(const RingPost& post, FeedSeconds now) {
  return FeedLife::over(std::max(post.created, FeedLife::seconds(id_time(post.post))), 0, now);
}

}  // namespace

FanOut FeedRings::policy(Id author) const {
  if (!any()) return FanOut::push;
  const std::shared_lock lock(mutex_);
  const auto found = rings_.find(author);
  return found == rings_.end() ? FanOut::push : found->second.state;
}

bool FeedRings::begin_pull(Id author) {
  const std::unique_lock lock(mutex_);
  if (!rings_.contains(author) && rings_.size() >= bounds_.authors) return false;
  Ring& ring = rings_[author];
  count_ = rings_.size();
  if (ring.since != 0 && ring.state != FanOut::push) return true;
  ring.state = FanOut::turning;
  ring.since = ++epoch_;
  return true;
}

std::optional<std::uint32_t> FeedRings::turning_since(Id author) const {
  const std::shared_lock lock(mutex_);
  const auto found = rings_.find(author);
  if (found == rings_.end() || found->second.state != FanOut::turning) return {};
  return found->second.since;
}

std::optional<FeedSeconds> FeedRings::oldest(Id author) const {
  const std::shared_lock lock(mutex_);
  const auto found = rings_.find(author);
  if (found == rings_.end() || found->second.posts.empty()) return {};
  return std::ranges::min(found->second.posts, {}, &RingPost::created).created;
}

void FeedRings::complete_pull(Id author) {
  const std::unique_lock lock(mutex_);
  const auto found = rings_.find(author);
  if (found != rings_.end() && found->second.state == FanOut::turning)
    found->second.state = FanOut::pull;
}

void FeedRings::begin_push(Id author) {
  const std::unique_lock lock(mutex_);
  const auto found = rings_.find(author);
  if (found == rings_.end() || found->second.state == FanOut::push) return;
  found->second.state = FanOut::push;
  ++epoch_;
}

bool FeedRings::add(const FeedPost& post, FeedSeconds now) {
  const std::unique_lock lock(mutex_);
  const auto found = rings_.find(post.author);
  if (found == rings_.end() || found->second.state == FanOut::push) return false;
  Ring& ring = found->second;
  const RingPost item{post.id, FeedLife::seconds(post.created_at)};
  auto place = std::ranges::lower_bound(ring.posts, item.post, {}, &RingPost::post);
  if (place != ring.posts.end() && place->post == item.post) return true;
  // Feeds may have seen it (from SQL) and forgotten the view by now: they cannot judge it.
  if (now >= std::uint64_t(item.created) + FeedLife::seen_life) ring.valid_from = ++epoch_;
  ring.posts.insert(place, item);
  if (ring.posts.size() > bounds_.posts) {
    const auto half = static_cast<std::ptrdiff_t>(bounds_.posts / 2 + 1);
    ring.posts.erase(ring.posts.begin(), ring.posts.begin() + half);
    ring.valid_from = ++epoch_;
    ++overflows_;
  }
  return true;
}

bool FeedRings::remove(Id author, Id post) {
  if (!any()) return false;
  const std::unique_lock lock(mutex_);
  const auto found = rings_.find(author);
  if (found == rings_.end()) return false;
  return std::erase_if(found->second.posts, [&](const RingPost& p) { return p.post == post; }) != 0;
}

std::size_t FeedRings::sweep(FeedSeconds now) {
  if (!any()) return 0;
  const std::unique_lock lock(mutex_);
  std::size_t removed = 0;
  for (auto at = rings_.begin(); at != rings_.end();) {
    Ring& ring = at->second;
    removed += std::erase_if(ring.posts, [&](const RingPost& p) { return spent(p, now); });
    at = ring.state == FanOut::push && ring.posts.empty() ? rings_.erase(at) : std::next(at);
  }
  count_ = rings_.size();
  return removed;
}

void FeedRings::distrust_all() {
  const std::unique_lock lock(mutex_);
  const std::uint32_t next = ++epoch_;
  for (auto& [author, ring] : rings_) ring.valid_from = next;
}

std::size_t FeedRings::authors() const {
  return count_.load(std::memory_order_relaxed);
}

std::size_t FeedRings::posts() const {
  const std::shared_lock lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [author, ring] : rings_) sum += ring.posts.size();
  return sum;
}

std::size_t FeedRings::bytes() const {
  const std::shared_lock lock(mutex_);
  std::size_t sum = rings_.bucket_count() * sizeof(void*);
  for (const auto& [author, ring] : rings_)
    sum += sizeof(Ring) + 48 + ring.posts.capacity() * sizeof(RingPost);
  return sum;
}

std::span<const RingPost> RingsView::posts(Id author) const {
  const auto found = rings_.rings_.find(author);
  if (found == rings_.rings_.end()) return {};
  return found->second.posts;
}

bool RingsView::pulled(Id author) const {
  const auto found = rings_.rings_.find(author);
  return found != rings_.rings_.end() && found->second.state != FanOut::push;
}

bool RingsView::stale(const FeedRecord& record) const {
  if (!record.pulls()) return false;
  return std::ranges::any_of(record.side->pulled, [&](const FeedPulled& pulled) {
    const auto found = rings_.rings_.find(pulled.author);
    return found != rings_.rings_.end() && record.epoch < found->second.valid_from;
  });
}

std::optional<FeedSeconds> RingsView::inserted(const FeedRecord& record, Id post) const {
  if (!record.pulls()) return {};
  for (const FeedPulled& pulled : record.side->pulled) {
    const auto all = posts(pulled.author);
    const auto at = std::ranges::lower_bound(all, post, {}, &RingPost::post);
    if (at != all.end() && at->post == post) return std::max(at->created, pulled.followed);
  }
  return {};
}

FeedWalk::FeedWalk(const FeedRecord& record, const RingsView* rings, Id below)
    : entries_(record.entries()),
      left_(below == 0 ? record.size() : record.lower_bound(below)),
      at_most_(left_) {
  if (rings == nullptr || !record.pulls()) return;
  heads_.reserve(record.side->pulled.size());
  for (const FeedPulled& pulled : record.side->pulled) {
    const auto all = rings->posts(pulled.author);
    const auto first = std::ranges::lower_bound(all, record.covers_from, {}, &RingPost::post);
    const auto end =
        below == 0 ? all.end() : std::ranges::lower_bound(all, below, {}, &RingPost::post);
    if (first >= end) continue;
    at_most_ += static_cast<std::size_t>(end - first);
    heads_.push_back({&*(end - 1), &*first, pulled.followed});
  }
  std::ranges::make_heap(heads_, older);
}

RingPost FeedWalk::take_ring(FeedSeconds& inserted) {
  std::ranges::pop_heap(heads_, older);
  Head& head = heads_.back();
  const RingPost taken = *head.at;
  inserted = std::max(taken.created, head.followed);
  if (head.at == head.first) {
    heads_.pop_back();
  } else {
    --head.at;
    std::ranges::push_heap(heads_, older);
  }
  return taken;
}

bool FeedWalk::next(FeedItem& item) {
  while (left_ != 0 || !heads_.empty()) {
    const Id ring = heads_.empty() ? 0 : heads_.front().at->post;
    const Id own = left_ == 0 ? 0 : entries_[left_ - 1].post();
    FeedSeconds inserted = 0;
    if (ring > own) {
      take_ring(inserted);
      item = {ring, inserted, 0};
      return true;
    }
    const FeedEntry& entry = entries_[--left_];
    const bool in_ring = ring == own;
    if (in_ring) take_ring(inserted);
    if (entry.erased() || (entry.view_only() && !in_ring)) continue;
    item = {own, entry.view_only() ? inserted : entry.inserted, entry.first_seen};
    return true;
  }
  return false;
}

}  // namespace madang::social
