#include <algorithm>

#include "modules/social/feed_shard.hpp"

namespace madang::social {

namespace {

std::int64_t steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

/// Sorts, and gives each post its stored view.
void prepare(FeedSnapshot& snapshot) {
  std::ranges::sort(snapshot.items, {}, &FeedItem::post);
  const auto again = std::ranges::unique(snapshot.items, {}, &FeedItem::post);
  snapshot.items.erase(again.begin(), again.end());
  std::erase_if(snapshot.marks, [now = FeedLife::seconds(snapshot.taken_at)](const FeedMark& mark) {
    return FeedLife::forgotten(mark.first_seen, now);
  });
  sort_feed_marks(snapshot.marks);
  for (FeedItem& item : snapshot.items) item.first_seen = first_seen(snapshot.marks, item.post);
}

/// What is known here and may not be in the snapshot.
std::vector<FeedMark> views_in_memory(const FeedSide& side, FeedSeconds now) {
  std::vector<FeedMark> views = side.unsaved;
  views.insert(views.end(), side.saving.begin(), side.saving.end());
  views.insert(views.end(), side.build->saved.begin(), side.build->saved.end());
  return merge_feed_marks(views, {}, now);
}

FeedSeconds earlier(FeedSeconds a, FeedSeconds b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

/// `entries` has an entry for the post among its first `sorted`.
bool contains(const std::vector<FeedEntry>& entries, std::size_t sorted, Id post) {
  return std::ranges::binary_search(std::span(entries).first(sorted), post, {}, &FeedEntry::post);
}

}  // namespace

std::expected<BuildTicket, BuildRefusal> MemoryFeedStore::begin_build(Id viewer) {
  const std::uint64_t hash = FeedTable::hash(viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  FeedRecord* record = in.table.find(viewer, hash);
  if (record != nullptr && (record->warm() || record->building())) {
    ++in.counts.builds_refused;
    return std::unexpected(record->warm() ? BuildRefusal::already_warm
                                          : BuildRefusal::already_building);
  }
  if (builds_.fetch_add(1) >= options_.max_builds) {
    --builds_;
    ++in.counts.builds_refused;
    return std::unexpected(BuildRefusal::too_many_builds);
  }
  if (record == nullptr) record = &in.table.find_or_add(viewer, hash);
  const Shard::Tally tally(in, *record);
  const std::uint64_t number = next_ticket_++;
  record->with_side().build = std::make_unique<FeedBuild>(
      FeedBuild{.number = number, .epoch = rings_.epoch(), .started = steady_now()});
  return BuildTicket{viewer, number};
}

BuildOutcome MemoryFeedStore::finish_build(const BuildTicket& ticket, FeedSnapshot snapshot) {
  prepare(snapshot);  // the long part, before the lock
  const BuildOutcome outcome = warm_up(ticket, snapshot);
  relieve();
  return outcome;
}

BuildOutcome MemoryFeedStore::warm_up(const BuildTicket& ticket, const FeedSnapshot& snapshot) {
  const std::uint64_t hash = FeedTable::hash(ticket.viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  FeedRecord* const record = in.table.find(ticket.viewer, hash);
  if (record == nullptr || !record->building() || record->side->build->number != ticket.number)
    return BuildOutcome::void_ticket;
  const RingsView rings(rings_);
  if (rings.epoch() != record->side->build->epoch) {
    ++in.counts.builds_void;
    forget(in, *record);
    return BuildOutcome::void_ticket;
  }
  const std::vector<FeedPending> pending = std::move(record->side->build->pending);
  {
    const Shard::Tally tally(in, *record);
    fill(*record, snapshot, rings);
    end_build(*record);
    record->state = FeedRecord::State::warm;
  }
  apply_pending(in, *record, pending);
  {
    const Shard::Tally tally(in, *record);
    record->drop_idle_side();
  }
  ++in.counts.builds;
  return record->warm() ? BuildOutcome::warm : BuildOutcome::void_ticket;
}

void MemoryFeedStore::fill(FeedRecord& record, const FeedSnapshot& snapshot,
                           const RingsView& rings) {
  FeedSide& side = *record.side;
  const FeedSeconds taken = FeedLife::seconds(snapshot.taken_at);
  for (const FeedFollow& follow : snapshot.follows)
    if (rings.pulled(follow.author))
      side.pulled.push_back({follow.author, FeedLife::seconds(follow.followed_at)});
  const std::vector<FeedMark> fresh = views_in_memory(side, taken);

  std::vector<FeedEntry> entries;
  entries.reserve(snapshot.items.size());
  for (const FeedItem& item : snapshot.items) {
    const FeedSeconds seen = earlier(item.first_seen, first_seen(fresh, item.post));
    const FeedEntry entry(item.post, item.inserted, seen);
    if (item.post >= snapshot.covers_from && !record.spent(entry, taken)) entries.push_back(entry);
  }
  const std::size_t own = entries.size();
  // A ring knows no views: what was seen of it must be an entry, even when its life is over.
  for (const FeedPulled& pulled : side.pulled) {
    for (const RingPost& post : rings.posts(pulled.author)) {
      const FeedSeconds seen =
          earlier(first_seen(snapshot.marks, post.post), first_seen(fresh, post.post));
      if (seen != 0 && post.post >= snapshot.covers_from && !contains(entries, own, post.post))
        entries.emplace_back(post.post, std::max(post.created, pulled.followed), seen);
    }
  }
  // Seen meanwhile (on a page from SQL) and not in the snapshot: the post itself may still come.
  const Id youngest = first_id_at(snapshot.taken_at - FeedLife::may_still_arrive);
  for (const FeedMark& mark : fresh) {
    if (mark.post < std::max(snapshot.covers_from, youngest)) continue;
    if (contains(entries, own, mark.post) || rings.inserted(record, mark.post)) continue;
    entries.emplace_back(mark.post, 0, mark.first_seen).make_view_only();
  }
  std::ranges::sort(entries, {}, &FeedEntry::post);
  record.assign(entries);
  record.covers_from = snapshot.covers_from;
  record.snapshot_seq = snapshot.seq;
  record.epoch = rings.epoch();
  record.cleared = taken;
  record.last_read = taken;
  side.doubt_from = taken;
  side.doubt_until = side.build->last_cold >= taken ? side.build->last_cold : 0;
  record.referenced = true;
}

void MemoryFeedStore::apply_pending(Shard& in, FeedRecord& record,
                                    std::span<const FeedPending> pending) {
  PushReport report;
  for (const FeedPending& post : pending) {
    if (!post.erase) {
      push_one(in, record, post, report);
    } else if (record.warm() && record.find(post.post) != nullptr) {
      const Shard::Tally tally(in, record);
      record.erase(record.lower_bound(post.post));
    }
  }
  in.counts.push_inserted += report.inserted;
  in.counts.push_skipped += report.skipped;
}

void MemoryFeedStore::abandon_build(const BuildTicket& ticket) {
  const std::uint64_t hash = FeedTable::hash(ticket.viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  FeedRecord* const record = in.table.find(ticket.viewer, hash);
  if (record == nullptr || !record->building() || record->side->build->number != ticket.number)
    return;
  forget(in, *record);
}

void MemoryFeedStore::end_build(FeedRecord& record) {
  if (!record.building()) return;
  record.side->build.reset();
  --builds_;
}

}  // namespace madang::social
