#include <algorithm>

#include "modules/social/feed_shard.hpp"

namespace madang::social {

namespace {

/// The same view, or an earlier one that still counts.
bool has(std::span<const FeedMark> marks, FeedMark mark) {
  return std::ranges::any_of(marks, [&](const FeedMark& m) {
    return m.post == mark.post && m.first_seen <= mark.first_seen &&
           !FeedLife::forgotten(m.first_seen, mark.first_seen);
  });
}

bool known(const FeedRecord& record, FeedMark mark) {
  const FeedSide* const side = record.side.get();
  return side != nullptr && (has(side->unsaved, mark) || has(side->saving, mark) ||
                             (side->build && has(side->build->saved, mark)));
}

}  // namespace

void MemoryFeedStore::mark_seen(Id viewer, std::span<const Id> posts, Time now) {
  const std::uint64_t hash = FeedTable::hash(viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  FeedRecord* record = in.table.find(viewer, hash);
  if (record == nullptr) {
    if (posts.empty()) return;
    if (unsaved_ >= options_.max_marks) {
      in.counts.marks_dropped += posts.size();
      return;
    }
    record = &in.table.find_or_add(viewer, hash);
  }
  {
    const Shard::Tally tally(in, *record);
    for (const Id post : posts) {
      const FeedMark mark{post, FeedLife::seconds(now)};
      if (record->warm() && post >= record->covers_from)
        mark_warm(in, *record, mark);
      else if (!known(*record, mark))
        add_unsaved(in, *record, mark);
    }
  }
  if (record->removable()) drop_slot(in, *record);
}

void MemoryFeedStore::mark_warm(Shard& in, FeedRecord& record, FeedMark mark) {
  if (FeedEntry* const entry = record.find(mark.post)) {
    const bool again = entry->first_seen != 0;
    const bool lapsed = again && FeedLife::forgotten(entry->first_seen, mark.first_seen);
    if (again && !lapsed && entry->first_seen <= mark.first_seen) return;
    if (!add_unsaved(in, record, mark)) return;
    entry->first_seen = mark.first_seen;
    if (lapsed) record.cleared = std::max(record.cleared, mark.first_seen);
    return;
  }
  std::optional<FeedSeconds> in_ring;
  if (record.pulls() && rings_.any()) in_ring = RingsView(rings_).inserted(record, mark.post);
  if (!in_ring && known(record, mark)) return;
  if (!add_unsaved(in, record, mark)) return;
  if (!in_ring && id_time(mark.post) + FeedLife::may_still_arrive <
                      id_epoch + std::chrono::seconds(mark.first_seen))
    return;
  if (!make_room(in, record, mark.post)) return;
  FeedEntry& entry = record.insert(record.lower_bound(mark.post),
                                   {mark.post, in_ring.value_or(0), mark.first_seen});
  if (!in_ring) entry.make_view_only();
}

bool MemoryFeedStore::add_unsaved(Shard& in, FeedRecord& record, FeedMark mark) {
  FeedSide& side = record.with_side();
  bool fits = side.unsaved.size() + side.saving.size() < options_.max_marks_per_viewer;
  if (fits && unsaved_.fetch_add(1) >= options_.max_marks) {
    --unsaved_;
    fits = false;
  }
  if (!fits) {
    ++in.counts.marks_dropped;
    return false;
  }
  side.unsaved.push_back(mark);
  ++in.counts.marks;
  if (!side.queued) {
    in.unsaved.push_back(record.user);
    side.queued = true;
  }
  return true;
}

std::vector<FeedMark> MemoryFeedStore::pending_marks(Id viewer) const {
  const std::uint64_t hash = FeedTable::hash(viewer);
  Shard& in = shard(hash);
  const std::lock_guard lock(in.mutex);
  const FeedRecord* const record = in.table.find(viewer, hash);
  if (record == nullptr || !record->side) return {};
  std::vector<FeedMark> marks = record->side->unsaved;
  marks.insert(marks.end(), record->side->saving.begin(), record->side->saving.end());
  return marks;
}

std::vector<UnsavedMarks> MemoryFeedStore::take_unsaved_marks(std::size_t max_viewers, Time now) {
  std::vector<UnsavedMarks> out;
  const std::size_t first = marks_hand_++;  // another shard first each time: none starves
  for (std::size_t s = 0; s < shard_count && out.size() < max_viewers; ++s)
    take_from(shards_[(first + s) % shard_count], max_viewers, FeedLife::seconds(now), out);
  return out;
}

void MemoryFeedStore::take_from(Shard& in, std::size_t max_viewers, FeedSeconds now,
                                std::vector<UnsavedMarks>& out) {
  const Guard guard(*this, in);
  while (!in.unsaved.empty() && out.size() < max_viewers) {
    const Id viewer = in.unsaved.front();
    in.unsaved.pop_front();
    FeedRecord* const record = in.table.find(viewer, FeedTable::hash(viewer));
    FeedSide& side = *record->side;  // queued: it has unsaved marks
    side.queued = false;
    if (!side.saving.empty()) continue;  // queued again when that is settled
    side.saving = std::exchange(side.unsaved, {});
    // Saving drops forgotten views from SQL: from now on the feed must not judge as if it had them.
    if (record->warm()) record->cleared = std::max(record->cleared, now);
    out.push_back({viewer, side.saving});
  }
}

void MemoryFeedStore::marks_saved(std::span<const Id> viewers) {
  settle_marks(viewers, true);
}
void MemoryFeedStore::marks_failed(std::span<const Id> viewers) {
  settle_marks(viewers, false);
}

void MemoryFeedStore::settle_marks(std::span<const Id> viewers, bool saved) {
  for (const Id viewer : viewers) {
    const std::uint64_t hash = FeedTable::hash(viewer);
    Shard& in = shard(hash);
    const Guard guard(*this, in);
    FeedRecord* const record = in.table.find(viewer, hash);
    if (record == nullptr || !record->side) continue;
    FeedSide& side = *record->side;
    const std::vector<FeedMark> done = std::exchange(side.saving, {});
    std::vector<FeedMark>* const to = !saved       ? &side.unsaved
                                      : side.build ? &side.build->saved
                                                   : nullptr;
    if (saved) unsaved_ -= done.size();
    if (to != nullptr) to->insert(to->begin(), done.begin(), done.end());
    if (!side.unsaved.empty() && !side.queued) {
      in.unsaved.push_back(viewer);
      side.queued = true;
    }
    if (record->removable()) {
      drop_slot(in, *record);
    } else {
      const Shard::Tally tally(in, *record);
      record->drop_idle_side();
    }
  }
}

}  // namespace madang::social
