#include "modules/social/feed_mark_buffer.hpp"

#include <algorithm>
#include <utility>

namespace madang::social {

namespace {

/// The same view, or an earlier one that still counts.
bool has(std::span<const FeedMark> marks, FeedMark mark) {
  return std::ranges::any_of(marks, [&](const FeedMark& m) {
    return m.post == mark.post && m.first_seen <= mark.first_seen &&
           !FeedLife::forgotten(m.first_seen, mark.first_seen);
  });
}

}  // namespace

std::vector<FeedMark> FeedMarkBuffer::add(Id viewer, std::vector<FeedMark> marks) {
  const std::lock_guard lock(mutex_);
  if (marks.empty()) return marks;
  if (counts_.unsaved >= max_in_all_) {
    counts_.dropped += marks.size();
    return {};
  }
  Viewer& of = viewers_[viewer];
  std::erase_if(marks, [&](FeedMark mark) {
    if (has(of.unsaved, mark) || has(of.saving, mark)) return false;
    if (of.unsaved.size() + of.saving.size() >= max_per_viewer_ || counts_.unsaved >= max_in_all_) {
      ++counts_.dropped;
      return true;
    }
    of.unsaved.push_back(mark);
    ++counts_.unsaved;
    ++counts_.marks;
    return false;
  });
  queue(viewer, of);
  return marks;
}

void FeedMarkBuffer::queue(Id viewer, Viewer& of) {
  if (of.unsaved.empty() || of.queued) return;
  queue_.push_back(viewer);
  of.queued = true;
}

std::vector<FeedMark> FeedMarkBuffer::pending(Id viewer) const {
  const std::lock_guard lock(mutex_);
  const auto at = viewers_.find(viewer);
  if (at == viewers_.end()) return {};
  std::vector<FeedMark> marks = at->second.unsaved;
  marks.insert(marks.end(), at->second.saving.begin(), at->second.saving.end());
  return marks;
}

std::vector<UnsavedMarks> FeedMarkBuffer::take(std::size_t max_viewers) {
  std::vector<UnsavedMarks> out;
  const std::lock_guard lock(mutex_);
  while (!queue_.empty() && out.size() < max_viewers) {
    const Id viewer = queue_.front();
    queue_.pop_front();
    Viewer& of = viewers_[viewer];
    of.queued = false;
    if (!of.saving.empty()) continue;  // queued again when that is settled
    of.saving = std::exchange(of.unsaved, {});
    out.push_back({viewer, of.saving});
  }
  return out;
}

std::vector<UnsavedMarks> FeedMarkBuffer::saved(std::span<const Id> viewers) {
  std::vector<UnsavedMarks> out;
  const std::lock_guard lock(mutex_);
  for (const Id viewer : viewers) {
    const auto at = viewers_.find(viewer);
    if (at == viewers_.end()) continue;
    Viewer& of = at->second;
    counts_.unsaved -= of.saving.size();
    out.push_back({viewer, std::exchange(of.saving, {})});
    queue(viewer, of);
    if (of.unsaved.empty()) viewers_.erase(at);
  }
  return out;
}

void FeedMarkBuffer::failed(std::span<const Id> viewers) {
  const std::lock_guard lock(mutex_);
  for (const Id viewer : viewers) {
    const auto at = viewers_.find(viewer);
    if (at == viewers_.end()) continue;
    Viewer& of = at->second;
    const std::vector<FeedMark> again = std::exchange(of.saving, {});
    of.unsaved.insert(of.unsaved.begin(), again.begin(), again.end());
    queue(viewer, of);
  }
}

FeedMarkBuffer::Counts FeedMarkBuffer::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace madang::social
