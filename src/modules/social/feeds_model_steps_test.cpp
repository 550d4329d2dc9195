// For tests: what people do and what happens to the house (feeds_model.hpp).
#include <thread>

#include "modules/social/feeds_model.hpp"

namespace madang::social::feeds_model {

void Yard::step() {
  move_clock();
  const auto dice = random_.below(100);
  if (dice < 20) return post();
  if (dice < 23) return edit();
  if (dice < 26) return remove();
  if (dice < 31) return hide_or_restore();
  if (dice < 37) return follow(person(), person(), chance(70));
  if (dice < 38) return block();
  if (dice < 40) return mute();
  if (dice < 46) return like();
  if (dice < 49) return forget();
  if (dice < 50) return change_policy();
  if (dice < 58) return upkeep();
  if (dice < 64) return read(false);
  if (dice < 70) return read_meanwhile();
  read(true);
}

// ---- what people do: the transactions of the routes, and what follows them

void Yard::post() {
  const Result<Id> id = ids_.next();
  if (!id) {
    ++tally_.ids_refused;  // the clock was set back: the house waits for it
    return;
  }
  // Some write much, so that there are authors of both kinds.
  const Id author = std::min(person(), person());
  const Time now = clock_.now();
  sql([&](db::Transaction& tx) {
    insert_post(tx, PostRow{*id, author, "first", 0, 0, now, {}}, {});
    outbox_.append(tx, post_created, *id, PostEvent{1, *id, author, now});
    return true;
  });
  run(feeds().add_own(*id, author, now));
  posts_.push_back(*id);
}

void Yard::edit() {
  if (posts_.empty()) return;
  const Id id = posts_[random_.below(posts_.size())];
  sql([&](db::Transaction& tx) {
    const auto post = find_post(tx, id);
    return post && update_post_text(tx, id, post->author, "edited " + std::to_string(random_()),
                                    clock_.now()) == 1;
  });
  run(cache_.forget_post(id));
}

void Yard::remove() {
  if (posts_.empty()) return;
  const Id id = posts_[random_.below(posts_.size())];
  sql([&](db::Transaction& tx) {
    const auto post = find_post(tx, id);
    if (!post) return false;
    move_post(tx, id, post->author, ContentState::shown, ContentState::deleted);
    outbox_.append(tx, post_deleted, id, PostEvent{1, id, post->author, post->created_at});
    return true;
  });
  run(cache_.forget_post(id));
}

void Yard::hide_or_restore() {
  if (posts_.empty()) return;
  const bool hide = hidden_.empty() || chance(50);
  const std::size_t recent = std::min<std::size_t>(posts_.size(), 15);
  const Id id = hide ? posts_[posts_.size() - 1 - random_.below(recent)] : hidden_.back();
  if (!hide) hidden_.pop_back();
  const bool moved = sql([&](db::Transaction& tx) {
    const auto place = post_author_and_state(tx, id);
    const ContentState from = hide ? ContentState::shown : ContentState::hidden;
    const ContentState to = hide ? ContentState::hidden : ContentState::shown;
    if (!place || !move_post(tx, id, place->first, from, to)) return false;
    const auto created = tx.value<Time>("select created_at from posts where id = ?", id);
    outbox_.append(tx, hide ? post_deleted : post_restored, id,
                   PostEvent{1, id, place->first, created.value()});
    return true;
  });
  run(cache_.forget_post(id));
  if (!moved) return;
  ++(hide ? tally_.hidden : tally_.restored);
  if (hide) hidden_.push_back(id);
}

void Yard::follow(Id me, Id other, bool wanted) {
  if (me == other) return;
  sql([&](db::Transaction& tx) {
    if (wanted && blocked_between(tx, me, other)) return false;
    const bool changed =
        wanted ? insert_follow(tx, me, other, clock_.now()) : delete_follow(tx, me, other);
    if (changed)
      outbox_.append(tx, wanted ? account_followed : account_unfollowed, me,
                     FollowEvent{1, me, other});
    return changed;
  });
  run(feeds().follows_changed(me));
}

void Yard::block() {
  const Id me = person();
  const Id other = person();
  if (me == other) return;
  const bool wanted = chance(50);
  sql([&](db::Transaction& tx) {
    if (!wanted) return delete_block(tx, me, other);
    insert_block(tx, me, other, clock_.now());
    for (const auto& [follower, followee] : {std::pair(me, other), std::pair(other, me)})
      if (delete_follow(tx, follower, followee))
        outbox_.append(tx, account_unfollowed, follower, FollowEvent{1, follower, followee});
    return true;
  });
  for (const Id account : {me, other}) {
    run(cache_.forget_viewer(account));
    run(feeds().follows_changed(account));
  }
}

void Yard::mute() {
  const Id me = person();
  const Id other = person();
  if (me == other) return;
  const bool wanted = chance(60);
  sql([&](db::Transaction& tx) {
    return wanted ? insert_mute(tx, me, other, clock_.now()) : delete_mute(tx, me, other);
  });
  run(cache_.forget_viewer(me));
}

void Yard::like() {
  if (posts_.empty()) return;
  const Id me = person();
  const std::size_t recent = std::min<std::size_t>(posts_.size(), 20);
  const Id id = posts_[posts_.size() - 1 - random_.below(recent)];
  const bool wanted = chance(75);
  sql([&](db::Transaction& tx) {
    const auto author = author_for(tx, id, me);
    if (!author) return false;
    const bool changed = wanted ? insert_like(tx, id, me, clock_.now()) : delete_like(tx, id, me);
    if (changed)
      outbox_.append(tx, wanted ? post_liked : post_unliked, id, LikeEvent{1, id, *author, me});
    return changed;
  });
  run(cache_.forget_post(id));
  run(cache_.forget_viewer(me));
}

// ---- what happens to the house

void Yard::move_clock() {
  const auto dice = random_.below(1'000);
  if (dice < 12) return clock_.advance(std::chrono::hours(random_.below(chance(70) ? 30 : 24 * 9)));
  if (dice < 20) {
    ++tally_.turned_back;
    return clock_.advance(-std::chrono::minutes(random_.below(chance(50) ? 3 : 200)));
  }
  clock_.advance(Micros(static_cast<std::int64_t>(random_.below(2'400'000'000))));  // 20 minutes
}

/// A first page is asked for while other things happen, also to the build that it starts: its
/// snapshot may miss them. What was answered is not compared, as the moment is unknown.
void Yard::read_meanwhile() {
  const Id viewer = person();
  bool answered = false;
  asio::co_spawn(io_, feeds().read_page(Deadline::after(30s), viewer, {}, 5, chance(50)),
                 [&answered](const std::exception_ptr& error, const Result<Feeds::Page>& page) {
                   EXPECT_TRUE(!error && page.has_value());
                   answered = true;
                 });
  for (std::uint64_t handlers = 1 + random_.below(4); handlers > 0; --handlers)
    io_.run_one_for(1ms);
  if (tasks_.running() > 0) ++tally_.disturbed;
  if (chance(25)) {
    follow(viewer, person(), chance(70));
  } else if (chance(15)) {
    fan_out_.reset();
  } else if (chance(20)) {
    change_policy();
  } else {
    for (std::uint64_t posts = random_.below(6); posts > 0; --posts) post();
    if (chance(30)) remove();
    if (chance(70)) catch_up();
  }
  while (!answered) io_.run_one_for(10ms);
}

void Yard::forget() {
  ++tally_.wipes;
  if (stores_.shared() && chance(35)) return fault();
  if (chance(30)) return fan_out_.reset();
  if (chance(30)) return store().invalidate_all();
  run(store().invalidate(soon(), person()));
}

/// Life goes on while something is broken.
void Yard::fault() {
  ++tally_.faults;
  settle();
  const auto mend = stores_.fault(random_);
  for (std::uint64_t things = 2 + random_.below(8); things > 0; --things) {
    if (chance(25))
      post();
    else if (chance(20))
      follow(person(), person(), chance(50));
    else if (chance(10))
      remove();
    else
      read(false);
  }
  if (mend) mend();
  settle();
}

/// Until everybody knows what one instance knows: views are shared when they are saved, should
/// Redis have lost them, and what is owed is paid.
void Yard::settle() {
  const Deadline deadline = Deadline::after(30s);
  for (bool owed = true; owed && !deadline.passed();) {
    owed = false;
    for (std::size_t i = 0; i < feeds_.size(); ++i) {
      feeds_[i].save_marks();
      feeds_[i].sweep();
      owed |= feed_stores_[i]->stats().owed > 0;
    }
  }
}

void Yard::catch_up() {
  dispatcher_.drain();
  const Deadline deadline = Deadline::after(30s);
  while (stores_.shared() && behind() && !deadline.passed()) {
    std::this_thread::sleep_for(5ms);
    dispatcher_.drain();
  }
}

bool Yard::behind() {
  return query([](db::Transaction& tx) {
    const auto position =
        tx.value<std::int64_t>("select seq from event_positions where subscriber like 'leased:%'");
    return position.value_or(-1) < events::last_sequence(tx);
  });
}

/// As the policy would after a change of what things cost. The fan-out stands still meanwhile.
void Yard::change_policy() {
  dispatcher_.drain();
  store().begin_push(person());
}

void Yard::upkeep() {
  switch (random_.below(5)) {
    case 0:
      return feeds().save_marks();
    case 1:
      return feeds().sweep();
    case 2:
      return catch_up();
    case 3:
      return finish_builds();
    default:
      io_.poll_one();
  }
}

}  // namespace madang::social::feeds_model
