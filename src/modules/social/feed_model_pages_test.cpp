// For tests: pages as a server makes them, and what they are held against (feed_model.hpp).
#include <sstream>

#include "modules/social/feed_model.hpp"

namespace madang::social {

std::string FeedModel::read() {
  if (!settings_.lag) deliver_all();
  if (lists_.empty() || (lists_.size() < 10 && chance(45))) {
    lists_.emplace_back();
    lists_.back().viewer = person();
  }
  const std::size_t which = random_.below(lists_.size());
  OpenList& list = lists_[which];
  const std::size_t limit = 1 + random_.below(9);
  const Time begun = list.cursor ? list.cursor->begun : now_;
  if (now_ - begun >= std::chrono::seconds(FeedLife::list_life)) list.excused = true;
  const Served served = serve(list.viewer, list.cursor, limit);
  if (!list.begun) {
    const auto missing = served.from_store ? unreached(list.viewer) : std::set<Id>();
    const auto whole = world_.page_without(list.viewer, {}, now_, 1'000'000, missing);
    for (const FeedListed& item : whole.items) list.at_begin.push_back(item.post);
  }
  note("read " + std::to_string(list.viewer) + (served.from_store ? " from store" : " from SQL") +
       (list.cursor ? " after " + std::to_string(list.cursor->last) : ""));
  ++tally_.pages;
  if (!list.cursor || list.cursor->part == FeedPart::live) ++tally_.live_pages;
  ++(served.from_store ? tally_.from_store : tally_.from_sql);
  std::string wrong = compare(list, served, limit);
  if (wrong == "skip") {
    ++tally_.excused;
    lists_.erase(lists_.begin() + static_cast<std::ptrdiff_t>(which));
    return {};
  }
  if (wrong.empty()) wrong = follow_list(list, served.page);
  if (!wrong.empty()) return wrong;
  if (chance(85)) mark_seen(list.viewer, served.page, std::max(now_, begun));  // or a prefetch
  if (!served.from_store && chance(70)) begin_build(list.viewer);
  list.begun = true;
  list.cursor = served.page.next;
  const bool archive = list.cursor && list.cursor->part == FeedPart::archive;
  if (!list.cursor || chance(archive ? 25 : 3)) {
    if (!list.cursor) {
      wrong = check_end(list);
      tally_.lists_checked += list.excused ? 0 : 1;
    }
    lists_.erase(lists_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  if (wrong.empty() && chance(5)) wrong = check_marks();
  return wrong;
}

/// As the service does it, only what was not seen; and sometimes, as two requests at once would,
/// also what was (but not what is about to be forgotten: then either view may be the one that
/// counts).
void FeedModel::mark_seen(Id viewer, const FeedListPage& page, Time at) {
  const FeedSeconds seen = FeedLife::seconds(at);
  const bool all = chance(20);
  std::vector<Id> posts;
  for (const FeedListed& item : page.items) {
    FeedSeconds& first = views_[viewer][item.post];
    const bool lapsed = first != 0 && FeedLife::forgotten(first, seen);
    const bool fresh = first != 0 && first + FeedLife::view_life / 2 > seen;
    if (first != 0 && !lapsed && !(all && fresh)) continue;
    posts.push_back(item.post);
    if (lapsed) lapsed_[viewer].insert(item.post);
    first = first == 0 ? seen : std::min(first, seen);
  }
  store_->mark_seen(viewer, posts, at);
}

FeedModel::Served FeedModel::from_sql(Id viewer, const std::optional<FeedCursor>& cursor,
                                      std::size_t limit) {
  return {world_.page(viewer, cursor, now_, limit), false};
}

/// As the service does it: the live part from the store, the archive from SQL.
FeedModel::Served FeedModel::serve(Id viewer, const std::optional<FeedCursor>& cursor,
                                   std::size_t limit) {
  if (cursor && cursor->part == FeedPart::archive) return from_sql(viewer, cursor, limit);
  FeedQuery query{.begun = cursor ? cursor->begun : now_,
                  .below = cursor ? cursor->last : 0,
                  .floor = cursor ? cursor->floor : 0,
                  .limit = limit};
  Served served{.page = {}, .from_store = true};
  bool more_live = true;
  while (more_live && served.page.items.size() < limit) {
    query.limit = limit - served.page.items.size();
    const FeedPage page = store_->read(viewer, query);
    if (page.answer == FeedAnswer::below_coverage) ++tally_.below_coverage;
    if (page.answer != FeedAnswer::page) return from_sql(viewer, cursor, limit);
    for (const FeedItem& item : page.items) {
      if (world_.exists(item.post))
        served.page.items.push_back({item.post, FeedPart::live});
      else
        store_->erase(viewer, item.post);
    }
    more_live = page.more_live;
    query.floor = served.page.floor = page.floor;
    if (!page.items.empty()) query.below = page.items.back().post;
    if (page.items.empty()) break;
  }
  if (served.page.items.size() == limit && more_live) {
    served.page.next =
        FeedCursor{FeedPart::live, served.page.items.back().post, query.begun, served.page.floor};
    return served;
  }
  add_archive(viewer, served, limit, query.begun);
  return served;
}

void FeedModel::add_archive(Id viewer, Served& served, std::size_t limit, Time begun) {
  const FeedCursor start{FeedPart::archive, max_id, begun, served.page.floor};
  const std::size_t wanted = limit - served.page.items.size();
  const FeedListPage rest = world_.page(viewer, start, now_, std::max<std::size_t>(1, wanted));
  if (wanted == 0) {
    if (!rest.items.empty())
      served.page.next =
          FeedCursor{FeedPart::live, served.page.items.back().post, begun, served.page.floor};
    return;
  }
  if (!served.page.items.empty() && !rest.items.empty()) ++tally_.crossed;
  served.page.items.insert(served.page.items.end(), rest.items.begin(), rest.items.end());
  served.page.next = rest.next;
}

/// Posts that SQL has and this viewer's feed in memory cannot have yet.
std::set<Id> FeedModel::unreached(Id viewer) const {
  std::set<Id> posts;
  const auto warm = warm_seq_.find(viewer);
  for (const Delivery& on_its_way : deliveries_)
    if (!on_its_way.removal && on_its_way.post.author != viewer && warm != warm_seq_.end() &&
        world_.posts().at(on_its_way.post.id).seq > warm->second)
      posts.insert(on_its_way.post.id);
  return posts;
}

bool FeedModel::ghosts(Id viewer) const {
  return std::ranges::any_of(deliveries_, [&](const Delivery& one) {
    return one.removal && (one.post.author == viewer || world_.follows(viewer, one.post.author));
  });
}

std::string describe(const FeedListPage& page) {
  std::ostringstream out;
  for (const FeedListed& item : page.items)
    out << (item.part == FeedPart::live ? " " : " a") << item.post;
  out << "; floor " << page.floor;
  if (page.next)
    out << "; next " << (page.next->part == FeedPart::live ? "" : "a") << page.next->last;
  return out.str();
}

std::string FeedModel::compare(OpenList& list, const Served& served, std::size_t limit) {
  std::set<Id> missing;
  if (served.from_store) missing = unreached(list.viewer);
  tally_.unreached += missing.empty() ? 0 : 1;
  if (served.page.floor != 0) ++tally_.floors;
  const auto same = [&](const FeedListPage& page) {
    return page.items == served.page.items && page.next == served.page.next;
  };
  const auto expected = world_.page_without(list.viewer, list.cursor, now_, limit, missing);
  if (same(expected)) return {};
  // The post that is being delivered right now has reached some feeds and not others.
  if (!deliveries_.empty() && deliveries_.front().stage != Delivery::Stage::fresh) {
    missing.erase(deliveries_.front().post.id);
    if (same(world_.page_without(list.viewer, list.cursor, now_, limit, missing))) return {};
  }
  // Deleted posts that the fan-out has not removed still count for the bound, and as more to come.
  if (expected.items == served.page.items && !expected.next && ghosts(list.viewer)) return {};
  if (expected.floor != served.page.floor && !list.cursor && ghosts(list.viewer)) return "skip";
  return "viewer " + std::to_string(list.viewer) +
         (served.from_store ? " from store" : " from SQL") + ":" + describe(served.page) +
         "\n  expected:" + describe(expected) + explain(list, served.page, expected);
}

/// What is known of the first post in which the pages differ.
std::string FeedModel::explain(const OpenList& list, const FeedListPage& page,
                               const FeedListPage& expected) const {
  const auto [a, b] = std::ranges::mismatch(page.items, expected.items);
  std::ostringstream out;
  for (const auto& [at, end] : {std::pair(a, page.items.end()), {b, expected.items.end()}}) {
    if (at == end) continue;
    const FeedWorld::Post& post = world_.posts().at(at->post);
    out << "\n  post " << at->post << " by " << post.post.author << " at "
        << to_rfc3339(post.post.created_at) << " seq " << post.seq
        << (store_->policy(post.post.author) == FanOut::push ? " pushed" : " pulled") << " unsaved "
        << first_seen(store_->pending_marks(list.viewer), at->post) << " stored "
        << first_seen(world_.stored_marks(list.viewer), at->post);
  }
  out << "\n  list begun " << (list.cursor ? to_rfc3339(list.cursor->begun) : "now") << " = "
      << FeedLife::seconds(list.cursor ? list.cursor->begun : now_) << ", now "
      << FeedLife::seconds(now_);
  return out.str();
}

std::string FeedModel::follow_list(OpenList& list, const FeedListPage& page) {
  for (const FeedListed& item : page.items) {
    const bool again = !list.shown.insert(item.post).second;
    const Id author = world_.posts().at(item.post).post.author;
    if (again && !list.excused && !list.touched.contains(author))
      return "post " + std::to_string(item.post) + " twice in one list";
  }
  return {};
}

std::string FeedModel::check_end(const OpenList& list) const {
  if (list.excused) return {};
  for (const Id post : list.at_begin) {
    const Id author = world_.posts().at(post).post.author;
    if (!list.shown.contains(post) && world_.exists(post) && !list.touched.contains(author))
      return "post " + std::to_string(post) + " missing from a whole list";
  }
  return {};
}

/// Stored and unsaved marks together are all that were made.
std::string FeedModel::check_marks() const {
  for (const auto& [viewer, views] : views_) {
    const auto lapsed = lapsed_.find(viewer);
    std::map<Id, FeedSeconds> known;
    for (const auto& marks : {store_->pending_marks(viewer), world_.stored_marks(viewer)})
      for (const FeedMark& mark : marks) {
        const auto [at, fresh] = known.emplace(mark.post, mark.first_seen);
        if (!fresh) at->second = std::min(at->second, mark.first_seen);
      }
    for (const auto& [post, seen] : views)
      if (!FeedLife::forgotten(seen, latest_) &&
          (lapsed == lapsed_.end() || !lapsed->second.contains(post)) &&
          (!known.contains(post) || known.at(post) > seen))
        return "a view of " + std::to_string(post) + " by " + std::to_string(viewer) + " at " +
               std::to_string(seen) + " is lost, known is " +
               std::to_string(known.contains(post) ? known.at(post) : 0);
  }
  return {};
}

}  // namespace madang::social
