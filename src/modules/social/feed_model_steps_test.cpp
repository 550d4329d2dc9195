// For tests: what happens around the reading of pages, step by step (feed_model.hpp).
#include <sstream>

#include "modules/social/feed_model.hpp"

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
    store_->sweep(now_, random_.below(6));
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

}  // namespace madang::social
