// Leases and positions, and the subscribers that work outside of SQL under one.
#include <algorithm>

#include "platform/events/dispatcher_states.hpp"
#include "platform/log/log.hpp"

namespace madang::events {

namespace {

/// Of a row whose subscriber has never begun. Trimming passes over rows of this kind by their name:
/// who shares nothing any more must not keep the log for ever.
constexpr std::int64_t not_begun = -1;

/// How often due retries, leases and trimming are looked at when nothing happens.
constexpr auto idle_tick = std::chrono::milliseconds(500);

}  // namespace

std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown exception";
  }
}

/// `first`: where a subscriber that nobody has heard of begins. Leases go by the store's clock:
/// those of the programs may be seconds apart.
bool Dispatcher::hold_lease(Place& place, std::int64_t first) {
  const Time now = clock_.now();
  if (place.loaded && place.lease_until - now > place.lease / 2) return true;
  const auto position = db_.write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
    tx.execute(
        "insert into event_positions (subscriber, seq, holder, lease_until) select ?, ?, '', 0 "
        "where not exists (select 1 from event_positions where subscriber = ?)",
        place.name, first, place.name);
    const std::string store_now(db::store_clock(tx.dialect()));
    const auto taken = tx.execute(
        "update event_positions set holder = ?, lease_until = " + store_now +
            " + ? where subscriber = ? and (holder = ? or lease_until < " + store_now +
            " or ? = 1)",
        holder_, Micros(place.lease).count(), place.name, holder_, place.exclusive ? 1 : 0);
    if (taken == 0) return fail(Kind::conflict, "lease_held");
    return *tx.value<std::int64_t>("select seq from event_positions where subscriber = ?",
                                   place.name);
  });
  place.loaded = position.has_value();
  if (!position) return false;
  place.position = *position;
  place.lease_until = now + place.lease;
  return true;
}

void Dispatcher::move_position(const Place& place, db::Transaction& tx, std::int64_t seq) {
  const auto moved = tx.execute(
      "update event_positions set seq = ? where subscriber = ? and holder = ? and seq < ?", seq,
      place.name, holder_, seq);
  if (moved == 0) throw std::runtime_error("the lease on " + place.name + " was lost");
}

void Dispatcher::add(LeasedSubscriber& subscriber) {
  const metrics::Labels labels{{"subscriber", std::string(subscriber.name())}};
  auto state = std::make_unique<Leased>();
  state->subscriber = &subscriber;
  state->name = subscriber.name();
  state->place = {.name = "leased:" + state->name, .lease = options_.leased_for};
  state->handled = &registry_.counter("madang_events_handled_total", "Events handed out", labels);
  state->failed = &registry_.counter("madang_events_held_up_total",
                                     "Times that a leased subscriber could not go on", labels);
  state->leading = &registry_.gauge("madang_events_lease_held",
                                    "1 where this program handles events for all", labels);
  leased_.push_back(std::move(state));
}

bool Dispatcher::advance(Leased& subscriber) {
  if (std::chrono::steady_clock::now() < subscriber.next_try) return false;
  const bool held = hold_lease(subscriber.place, not_begun);
  subscriber.leading->Set(held ? 1 : 0);
  if (!held) {  // asking is a write: not with every round
    subscriber.next_try = std::chrono::steady_clock::now() + options_.leased_for / 8;
    return false;
  }
  if (subscriber.place.position == not_begun && !begin(subscriber)) return false;
  const auto events = db_.read_blocking([&](db::Transaction& tx) -> Result<std::vector<Event>> {
    return read_after(tx, subscriber.place.position, options_.leased_batch);
  });
  if (!events || events->empty()) return false;
  if (!tell(subscriber, *events) || !confirm(subscriber, events->back().seq)) return false;
  subscriber.handled->Increment(static_cast<double>(events->size()));
  const Time done = clock_.now();
  for (const Event& event : *events)
    lag_seconds_.Observe(std::chrono::duration<double>(done - event.created_at).count());
  return static_cast<std::int64_t>(events->size()) == options_.leased_batch;
}

/// From the log's end, with nothing of what was there before.
bool Dispatcher::begin(Leased& subscriber) {
  const auto end = db_.read_blocking(
      [](db::Transaction& tx) -> Result<std::int64_t> { return last_sequence(tx); });
  return end && tell(subscriber, {}) && confirm(subscriber, *end);
}

/// The sequence has no gaps: where there is one, events were trimmed. No events at all: the same.
bool Dispatcher::tell(Leased& subscriber, const std::vector<Event>& events) {
  try {
    if (events.empty() || events.front().seq != subscriber.place.position + 1) {
      log::info("events", "leased_begins_anew", {{"subscriber", subscriber.name}});
      subscriber.subscriber->reset();
    }
    if (!events.empty()) subscriber.subscriber->handle(events);
    subscriber.failures = 0;
    return true;
  } catch (...) {
    log::warn("events", "leased_held_up",
              {{"subscriber", subscriber.name}, {"error", describe_current_exception()}});
  }
  subscriber.failed->Increment();
  const int doublings = std::min(subscriber.failures++, 3);
  subscriber.next_try = std::chrono::steady_clock::now() + options_.leased_pause * (1 << doublings);
  subscriber.leading->Set(0);
  let_go(subscriber.place);  // another program may have better luck
  return false;
}

bool Dispatcher::confirm(Leased& subscriber, std::int64_t seq) {
  subscriber.place.loaded = false;  // whatever interrupts this: the position is read again
  try {
    const auto moved = db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
      move_position(subscriber.place, tx, seq);
      return {};
    });
    if (!moved) return false;
  } catch (...) {
    log::warn("events", "leased_not_confirmed",
              {{"subscriber", subscriber.name}, {"error", describe_current_exception()}});
    return false;
  }
  subscriber.place.position = seq;
  subscriber.place.loaded = true;
  return true;
}

/// What other programs commit wakes nobody here: who handles events for them looks often.
std::chrono::milliseconds Dispatcher::tick() const {
  const auto held = [](const auto& subscriber) { return subscriber->place.loaded; };
  return std::ranges::any_of(leased_, held) ? options_.leased_tick : idle_tick;
}

/// The lease ends now; the position stays.
void Dispatcher::let_go(Place& place) {
  if (!std::exchange(place.loaded, false)) return;
  (void)db_.write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
    return tx.execute(
        "update event_positions set lease_until = 0 where subscriber = ? and holder = ?",
        place.name, holder_);
  });
}

/// At a clean end others need not wait.
void Dispatcher::let_go_of_leases() {
  const auto let_go_of = [this](Place& place) {
    try {
      let_go(place);
    } catch (...) {
      log::warn("events", "lease_not_let_go",
                {{"subscriber", place.name}, {"error", describe_current_exception()}});
    }
  };
  for (auto& subscriber : leased_) {
    subscriber->leading->Set(0);
    let_go_of(subscriber->place);
  }
  for (auto& subscriber : durable_) let_go_of(subscriber->place);
}

}  // namespace madang::events
