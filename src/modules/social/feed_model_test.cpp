#include "modules/social/feed_model.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

namespace madang::social {

using namespace std::chrono_literals;

FeedModel::FeedModel(std::uint64_t seed, FeedModelSettings settings)
    : settings_(settings),
      random_(seed),
      now_(*parse_rfc3339("2026-11-21T12:00:00.123456Z")),
      world_(settings.store.limits),
      store_(std::make_unique<MemoryFeedStore>(settings.store)) {
  world_.pending_marks = [this](Id viewer) { return store_->pending_marks(viewer); };
  for (Id a = 1; a <= settings_.people; ++a)
    for (Id b = 1; b <= settings_.people; ++b)
      if (a != b && chance(50)) world_.follow(a, b, now_);
  latest_ = FeedLife::seconds(now_);
  store_->sweep(now_, 1);
}

void FeedModel::note(std::string what) {
  notes_.push_back(to_rfc3339(now_) + " " + std::move(what));
  if (notes_.size() > 60) notes_.pop_front();
}

std::string FeedModel::trace() const {
  std::ostringstream out;
  for (const std::string& line : notes_) out << "\n  " << line;
  return out.str();
}

std::string FeedModel::step() {
  move_clock();
  if (chance(30)) build();
  const auto dice = random_.below(100);
  if (dice < 8)
    write_post();
  else if (dice < 10)
    change_follow();
  else if (dice < 11)
    delete_post();
  else if (dice < 36)
    deliver();
  else if (dice < 38)
    change_policy();
  else if (dice < 58)
    build();
  else if (dice < 62)
    save_marks();
  else if (dice < 66)
    store_->sweep(now_, 1 + random_.below(40));
  else if (dice < 67)
    forget_something();
  else
    return read();
  return {};
}

void FeedModel::move_clock() {
  const auto dice = random_.below(1'000);
  Micros by(static_cast<std::int64_t>(random_.below(600'000'000)));  // 5 minutes on average
  if (settings_.clock_jumps && dice < 4)
    by = std::chrono::hours(random_.below(chance(50) ? 30 : 24 * 9));
  if (settings_.clock_back && dice >= 4 && dice < 8) {
    by = -std::chrono::hours(random_.below(chance(50) ? 3 : 24 * 9));
    for (OpenList& list : lists_) list.excused = true;
  }
  if (dice < 8) {
    ++tally_.jumps;
    note("clock jumps " + std::to_string(by / 1s) + " s");
  }
  // Marks wait for seconds on a server; what a second view does to a first one that has waited
  // until it is forgotten is not what this is about.
  if (std::chrono::abs(by) > 1h || now_ - marks_settled_ > 6h) save_all_marks();
  now_ += by;
  latest_ = std::max(latest_, FeedLife::seconds(now_));
}

void FeedModel::write_post() {
  const FeedPost post = world_.add_post(person(), now_);
  note("post " + std::to_string(post.id) + " by " + std::to_string(post.author));
  deliveries_.push_back({.post = post, .followers = {}});
  const FeedFollower self{post.author, post.created_at};
  store_->push(post, {&self, 1}, world_.seq());
}

void FeedModel::change_follow() {
  const Id viewer = person();
  const Id author = person();
  if (viewer == author) return;
  const bool follows = world_.follows(viewer, author);
  note(std::to_string(viewer) + (follows ? " unfollows " : " follows ") + std::to_string(author));
  if (follows) world_.unfollow(viewer, author);
  if (!follows || chance(15)) world_.follow(viewer, author, now_);
  if (settings_.lag && chance(50)) deliver();
  store_->invalidate(viewer);
  for (OpenList& list : lists_)
    if (list.viewer == viewer) list.touched.insert(author);
}

void FeedModel::delete_post() {
  if (world_.posts().empty()) return;
  auto at = world_.posts().rbegin();
  std::advance(at, random_.below(std::min<std::size_t>(30, world_.posts().size())));
  if (at->second.deleted) return;
  note("delete " + std::to_string(at->first));
  world_.delete_post(at->first);
  deliveries_.push_back({.post = at->second.post, .removal = true, .followers = {}});
}

/// One stage of the first delivery in the queue.
void FeedModel::deliver() {
  if (deliveries_.empty()) {
    if (delivered_.empty()) return;
    const FeedPost again = delivered_[random_.below(delivered_.size())];
    if (!world_.exists(again.id)) return;
    note("deliver again " + std::to_string(again.id));
    if (store_->policy(again.author) != FanOut::push && store_->pull(again, now_)) return;
    store_->push(again, world_.followers(again.author), world_.seq());
    return;
  }
  Delivery& next = deliveries_.front();
  using Stage = Delivery::Stage;
  note("deliver " + std::to_string(next.post.id) + " stage " +
       std::to_string(static_cast<int>(next.stage)));
  bool done = false;
  if (next.removal) {
    auto feeds = world_.followers(next.post.author);
    feeds.push_back({next.post.author, next.post.created_at});
    store_->remove(next.post, feeds);
    done = true;
  } else if (next.stage == Stage::fresh) {
    const FanOut policy = store_->policy(next.post.author);
    const bool pulled = policy != FanOut::push && store_->pull(next.post, now_);
    done = pulled && policy == FanOut::pull;
    next.stage = Stage::policy_read;
  } else if (next.stage == Stage::policy_read) {
    next.followers = world_.followers(next.post.author);
    next.read_seq = world_.seq();
    next.stage = Stage::followers_read;
  } else {
    store_->push(next.post, next.followers, next.read_seq);
    done = true;
  }
  if (!done) return;
  if (!next.removal) delivered_.push_back(next.post);
  if (delivered_.size() > 5) delivered_.pop_front();
  deliveries_.pop_front();
}

void FeedModel::deliver_all() {
  while (!deliveries_.empty()) deliver();
}

void FeedModel::change_policy() {
  if (!settings_.pulls) return;
  if (!turning_) {
    const Id author = person();
    if (store_->policy(author) != FanOut::push) {
      note("back to push " + std::to_string(author));
      return store_->begin_push(author);
    }
    note("begin to pull " + std::to_string(author));
    if (store_->begin_pull(author)) turning_ = Turning{author, {}};
  } else if (!turning_->followers) {
    turning_->followers = world_.followers(turning_->author);
  } else {
    note("pull " + std::to_string(turning_->author));
    store_->complete_pull(turning_->author, *turning_->followers);
    turning_.reset();
  }
}

void FeedModel::begin_build(Id viewer) {
  if (const auto ticket = store_->begin_build(viewer)) {
    note("begin to build " + std::to_string(viewer));
    buildings_.push_back({*ticket, now_, {}});
  }
}

void FeedModel::build() {
  // A build takes milliseconds on a server; here it may take two hours of the model's time.
  std::erase_if(buildings_, [&](const Building& one) {
    const bool old = std::chrono::abs(now_ - one.begun) > 2h;
    if (old) store_->abandon_build(one.ticket);
    return old;
  });
  if (buildings_.empty()) return;
  const std::size_t which = random_.below(buildings_.size());
  Building& one = buildings_[which];
  const Id viewer = one.ticket.viewer;
  if (chance(4)) {
    store_->abandon_build(one.ticket);
  } else if (!one.snapshot) {
    const bool all = chance(50);
    one.snapshot = world_.snapshot(
        viewer, now_, [&](Id author) { return all || store_->policy(author) != FanOut::push; });
    return;
  } else {
    const std::uint64_t seq = one.snapshot->seq;
    const BuildOutcome outcome = store_->finish_build(one.ticket, std::move(*one.snapshot));
    note("built " + std::to_string(viewer) + (outcome == BuildOutcome::warm ? "" : " in vain"));
    if (outcome == BuildOutcome::warm) warm_seq_[viewer] = seq;
    ++(outcome == BuildOutcome::warm ? tally_.builds : tally_.void_tickets);
  }
  buildings_.erase(buildings_.begin() + static_cast<std::ptrdiff_t>(which));
}

/// Taken, committed (or not), reported (or, with the outcome unknown, reported as failed).
void FeedModel::save_marks() {
  if (!saving_) {
    saving_.emplace(store_->take_unsaved_marks(1 + random_.below(3), now_), false);
  } else if (!saving_->second && chance(80)) {
    for (const UnsavedMarks& unsaved : saving_->first) world_.save_marks(unsaved, now_);
    saving_->second = true;
  } else {
    std::vector<Id> viewers;
    for (const UnsavedMarks& unsaved : saving_->first) viewers.push_back(unsaved.viewer);
    if (saving_->second && chance(80))
      store_->marks_saved(viewers);
    else
      store_->marks_failed(viewers);
    saving_.reset();
  }
}

void FeedModel::save_all_marks() {
  const auto save = [this](const std::vector<UnsavedMarks>& taken, bool committed) {
    for (const UnsavedMarks& unsaved : taken) {
      if (!committed) world_.save_marks(unsaved, now_);
      store_->marks_saved({&unsaved.viewer, 1});
    }
  };
  if (saving_) save(saving_->first, saving_->second);
  saving_.reset();
  for (;;) {
    const auto taken = store_->take_unsaved_marks(100, now_);
    if (taken.empty()) break;
    save(taken, false);
  }
  marks_settled_ = now_;
}

void FeedModel::forget_something() {
  if (chance(70)) return store_->invalidate(person());
  if (!settings_.wipes) return;
  ++tally_.wipes;
  if (chance(60)) {
    note("wipe");
    return store_->invalidate_all();
  }
  note("restart");  // what was not saved is lost, and so are all stages
  store_ = std::make_unique<MemoryFeedStore>(settings_.store);
  store_->sweep(now_, 1);
  deliveries_.clear();
  delivered_.clear();
  buildings_.clear();
  turning_.reset();
  saving_.reset();
  views_.clear();
  for (Id viewer = 1; viewer <= settings_.people; ++viewer)
    for (const FeedMark& mark : world_.stored_marks(viewer))
      views_[viewer][mark.post] = mark.first_seen;
  for (OpenList& list : lists_) list.excused = true;
}

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

namespace {

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<std::size_t>(std::atoll(text));
}

void add(FeedModelTally& sum, const FeedModelTally& one) {
  for (const auto member :
       {&FeedModelTally::pages, &FeedModelTally::live_pages, &FeedModelTally::from_store,
        &FeedModelTally::from_sql, &FeedModelTally::below_coverage, &FeedModelTally::crossed,
        &FeedModelTally::floors, &FeedModelTally::lists_checked, &FeedModelTally::builds,
        &FeedModelTally::void_tickets, &FeedModelTally::excused, &FeedModelTally::unreached,
        &FeedModelTally::jumps, &FeedModelTally::wipes})
    sum.*member += one.*member;
}

/// MADANG_FEED_SEEDS and MADANG_FEED_FIRST_SEED make a longer or a particular run.
FeedModelTally run(const FeedModelSettings& settings, std::size_t seeds, std::size_t steps) {
  FeedModelTally sum;
  const std::size_t first = from_environment("MADANG_FEED_FIRST_SEED", 1);
  seeds = from_environment("MADANG_FEED_SEEDS", seeds);
  for (std::size_t seed = first; seed < first + seeds; ++seed) {
    FeedModel model(seed, settings);
    for (std::size_t step = 0; step < steps; ++step) {
      const std::string wrong = model.step();
      if (wrong.empty()) continue;
      ADD_FAILURE() << "seed " << seed << " step " << step << ": " << wrong << model.trace();
      return sum;
    }
    add(sum, model.tally());
  }
  std::printf(
      "%zu pages (%zu of the live part), %zu from the store, %zu below coverage, %zu across both "
      "parts, %zu with a floor, %zu while posts were on their way, %zu excused; %zu whole "
      "lists; %zu builds, %zu in vain; %zu clock jumps, %zu wipes\n",
      sum.pages, sum.live_pages, sum.from_store, sum.below_coverage, sum.crossed, sum.floors,
      sum.unreached, sum.excused, sum.lists_checked, sum.builds, sum.void_tickets, sum.jumps,
      sum.wipes);
  return sum;
}

FeedModelSettings tiny() {
  FeedModelSettings settings;
  settings.store.limits = {.max_live = 7, .slack = 3};
  return settings;
}

TEST(FeedModel, AgreesWithThePlainRules) {
  const auto tally = run({}, 12, 4'000);
  EXPECT_GT(tally.from_store, tally.live_pages / 4);
  EXPECT_GT(tally.crossed, 100);
}

TEST(FeedModel, AgreesAtTheBoundOfLivePosts) {
  const auto tally = run(tiny(), 12, 4'000);
  EXPECT_GT(tally.floors, 100);
  EXPECT_GT(tally.below_coverage, 10);
  EXPECT_LT(tally.excused, tally.pages / 20);
}

TEST(FeedModel, AgreesWithoutLag) {
  FeedModelSettings settings = tiny();
  settings.lag = false;
  settings.store.limits = {.max_live = 20, .slack = 5};
  run(settings, 8, 4'000);
}

TEST(FeedModel, AgreesWhileFeedsAreEvictedAndBuildsOverflow) {
  FeedModelSettings settings;
  settings.store.max_entries = 150;
  settings.store.max_pending = 2;
  settings.store.max_builds = 2;
  settings.store.idle_life = std::chrono::hours(9);
  settings.store.rings = {.authors = 3, .posts = 6};
  run(settings, 12, 4'000);
}

TEST(FeedModel, AgreesWithPushAlone) {
  FeedModelSettings settings;
  settings.pulls = false;
  settings.clock_back = false;
  run(settings, 8, 4'000);
}

}  // namespace
}  // namespace madang::social
