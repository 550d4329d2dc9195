// For tests: a small world of people and posts that answers for SQL, with vectors and maps and no
// thought of speed. Of the store it uses the shapes and FeedLife alone.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "modules/social/feed_collector.hpp"
#include "modules/social/feed_oracle.hpp"

namespace madang::social {

class FeedWorld final : public FeedOracle {
 public:
  struct Post {
    FeedPost post;
    std::uint64_t seq = 0;
    bool deleted = false;
  };

  explicit FeedWorld(FeedLimits limits) : limits_(limits) {}

  std::uint64_t seq() const { return seq_; }
  const std::map<Id, Post>& posts() const { return posts_; }
  bool exists(Id post) const { return posts_.contains(post) && !posts_.at(post).deleted; }
  bool follows(Id viewer, Id author) const { return follows_.contains({viewer, author}); }

  FeedPost add_post(Id author, Time now) {
    last_id_ = std::max(last_id_ + 1, first_id_at(now));
    const FeedPost post{last_id_, author, now};
    posts_[post.id] = {post, ++seq_};
    return post;
  }
  void delete_post(Id post) {
    posts_.at(post).deleted = true;
    ++seq_;
  }
  void follow(Id viewer, Id author, Time now) {
    follows_[{viewer, author}] = now;
    ++seq_;
  }
  void unfollow(Id viewer, Id author) {
    follows_.erase({viewer, author});
    ++seq_;
  }
  std::vector<FeedFollower> followers(Id author) const {
    std::vector<FeedFollower> all;
    for (const auto& [pair, at] : follows_)
      if (pair.second == author) all.push_back({pair.first, at});
    return all;
  }

  void save_marks(const UnsavedMarks& unsaved, Time now) {
    const auto stored = stored_marks(unsaved.viewer);
    blobs_[unsaved.viewer] =
        encode_feed_marks(merge_feed_marks(stored, unsaved.marks, FeedLife::seconds(now)));
  }
  std::vector<FeedMark> stored_marks(Id viewer) const {
    const auto blob = blobs_.find(viewer);
    if (blob == blobs_.end()) return {};
    return decode_feed_marks(blob->second).value();
  }

  /// Marks that are not stored yet, asked of the store as a server would.
  std::function<std::vector<FeedMark>(Id)> pending_marks = [](Id) {
    return std::vector<FeedMark>();
  };

  /// As a server would build it. `only`: the followed authors that are named.
  FeedSnapshot snapshot(Id viewer, Time now, const std::function<bool(Id)>& only) const {
    FeedSnapshot out;
    out.marks = stored_marks(viewer);
    out.seq = seq_;
    out.taken_at = now;
    FeedCollector collector(limits_, out.marks, now);
    bool reached_end = true;
    for (auto at = posts_.rbegin(); at != posts_.rend(); ++at) {
      const auto inserted = this->inserted(viewer, at->second);
      if (!inserted) continue;
      if (collector.full()) {
        reached_end = false;
        break;
      }
      collector.add(at->first, *inserted);
    }
    collector.finish(reached_end, out);
    for (const auto& [pair, at] : follows_)
      if (pair.first == viewer && only(pair.second)) out.follows.push_back({pair.second, at});
    return out;
  }

  FeedListPage page(Id viewer, const std::optional<FeedCursor>& cursor, Time now,
                    std::size_t limit) override {
    return page_without(viewer, cursor, now, limit, {});
  }

  /// The same for someone whom these posts have not reached: they are not in the live part.
  FeedListPage page_without(Id viewer, const std::optional<FeedCursor>& cursor, Time now,
                            std::size_t limit, const std::set<Id>& unreached) {
    const Time begun = cursor ? cursor->begun : now;
    std::vector<Id> living = living_posts(viewer, begun);
    std::erase_if(living, [&](Id post) { return unreached.contains(post); });
    Id floor = cursor ? cursor->floor : 0;
    if (!cursor && living.size() >= limits_.max_live) floor = living[limits_.max_live - 1];
    const std::set<Id> live_set(living.begin(), living.end());
    std::vector<FeedListed> list;
    for (const Id post : living)
      if (post >= floor) list.push_back({post, FeedPart::live});
    const std::set<Id> ever = life_posts(viewer, begun);
    for (auto at = posts_.rbegin(); at != posts_.rend(); ++at) {
      if (!inserted(viewer, at->second)) continue;
      if (!ever.contains(at->first) || at->first < floor)
        list.push_back({at->first, FeedPart::archive});
    }
    return cut(list, cursor, begun, floor, limit);
  }

  FeedLimits limits() const { return limits_; }

 private:
  std::optional<FeedSeconds> inserted(Id viewer, const Post& post) const {
    if (post.deleted) return {};
    if (post.post.author == viewer) return FeedLife::seconds(post.post.created_at);
    const auto follow = follows_.find({viewer, post.post.author});
    if (follow == follows_.end()) return {};
    return FeedLife::seconds(std::max(post.post.created_at, follow->second));
  }

  std::map<Id, FeedSeconds> views(Id viewer, Time as_of) const {
    std::map<Id, FeedSeconds> views;
    for (const auto& marks : {pending_marks(viewer), stored_marks(viewer)})
      for (const FeedMark& mark : marks) {
        if (FeedLife::forgotten(mark.first_seen, FeedLife::seconds(as_of))) continue;
        const auto [at, fresh] = views.emplace(mark.post, mark.first_seen);
        if (!fresh) at->second = std::min(at->second, mark.first_seen);
      }
    return views;
  }

  std::vector<Id> living_posts(Id viewer, Time begun) const {
    const auto seen = views(viewer, begun);
    std::vector<Id> living;
    for (auto at = posts_.rbegin(); at != posts_.rend(); ++at) {
      const auto since = inserted(viewer, at->second);
      const auto view = seen.find(at->first);
      if (since &&
          FeedLife::live(*since, view == seen.end() ? 0 : view->second, FeedLife::seconds(begun)))
        living.push_back(at->first);
    }
    return living;
  }
  std::set<Id> life_posts(Id viewer, Time begun) const {
    const auto all = living_posts(viewer, begun);
    return {all.begin(), all.end()};
  }

  static FeedListPage cut(const std::vector<FeedListed>& list,
                          const std::optional<FeedCursor>& cursor, Time begun, Id floor,
                          std::size_t limit) {
    FeedListPage page{.items = {}, .next = {}, .floor = floor};
    bool more = false;
    for (const FeedListed& item : list) {
      const bool after = !cursor || (item.part == cursor->part && item.post < cursor->last) ||
                         item.part > cursor->part;
      if (!after) continue;
      if (page.items.size() == limit) {
        more = true;
        break;
      }
      page.items.push_back(item);
    }
    if (more) {
      const FeedListed& last = page.items.back();
      page.next = FeedCursor{last.part, last.post, begun, floor};
    }
    return page;
  }

  const FeedLimits limits_;
  std::uint64_t seq_ = 1;
  Id last_id_ = 0;
  std::map<Id, Post> posts_;
  std::map<std::pair<Id, Id>, Time> follows_;
  std::map<Id, std::string> blobs_;
};

}  // namespace madang::social
