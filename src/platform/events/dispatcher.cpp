#include <algorithm>

#include "platform/events/dispatcher_states.hpp"
#include "platform/events/parked.hpp"
#include "platform/events/sequencer.hpp"
#include "platform/log/log.hpp"

namespace madang::events {

namespace {

constexpr auto trim_interval = std::chrono::minutes(1);

}  // namespace

Dispatcher::Dispatcher(db::Database& db, const Clock& clock, DispatcherOptions options,
                       std::string holder, metrics::Registry& registry)
    : db_(db),
      clock_(clock),
      options_(options),
      holder_(std::move(holder)),
      registry_(registry),
      lag_seconds_(registry.histogram("madang_events_lag_seconds",
                                      "From an event's creation to its handling")),
      expired_(registry.counter("madang_events_expired_total",
                                "Dead letters that nobody retried in time")),
      last_round_(registry.gauge("madang_events_last_round_seconds",
                                 "When a dispatcher last had handed out everything, Unix time")) {}

Dispatcher::~Dispatcher() {
  stop();
}

void Dispatcher::add(DurableSubscriber& subscriber) {
  const metrics::Labels labels{{"subscriber", std::string(subscriber.name())}};
  auto state = std::make_unique<Durable>();
  state->subscriber = &subscriber;
  state->place = {.name = std::string(subscriber.name()),
                  .lease = options_.lease,
                  .exclusive = options_.exclusive};
  state->handled = &registry_.counter("madang_events_handled_total", "Events handed out", labels);
  state->parked_total =
      &registry_.counter("madang_events_parked_total", "Events set aside after a failure", labels);
  state->parked = &registry_.gauge("madang_events_parked", "Events set aside now", labels);
  state->dead = &registry_.gauge("madang_events_dead", "Dead letters among them", labels);
  durable_.push_back(std::move(state));
}

void Dispatcher::add(VolatileSubscriber& subscriber) {
  const metrics::Labels labels{{"subscriber", std::string(subscriber.name())}};
  auto state = std::make_unique<Volatile>();
  state->subscriber = &subscriber;
  state->name = subscriber.name();
  state->handled = &registry_.counter("madang_events_handled_total", "Events handed out", labels);
  state->failed =
      &registry_.counter("madang_events_resets_total", "Volatile subscribers started over", labels);
  volatile_.push_back(std::move(state));
}

void Dispatcher::start() {
  // Where volatile subscribers begin is fixed before anybody is served.
  const auto end = db_.read_blocking(
      [](db::Transaction& tx) -> Result<std::int64_t> { return last_sequence(tx); });
  for (auto& subscriber : volatile_) subscriber->position = end.value_or(0);
  thread_ = std::jthread([this] { run(); });
}

void Dispatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Dispatcher::wake() {
  {
    const std::lock_guard lock(mutex_);
    ++wanted_;
  }
  changed_.notify_all();
}

void Dispatcher::drain() {
  wait_until_numbered(db_);
  std::unique_lock lock(mutex_);
  const std::uint64_t target = ++wanted_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return finished_ >= target || stopping_; });
}

void Dispatcher::run() {
  for (;;) {
    std::uint64_t target = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, tick(), [this] { return stopping_ || wanted_ > finished_; });
      if (stopping_) break;
      target = wanted_;
    }
    try {
      round();
      last_round_.Set(static_cast<double>(to_micros(clock_.now())) / 1e6);
    } catch (...) {
      log::error("events", "round_failed", {{"error", describe_current_exception()}});
    }
    {
      const std::lock_guard lock(mutex_);
      finished_ = target;
    }
    changed_.notify_all();
  }
  let_go_of_leases();
}

/// Hands out everything there is. Volatile subscribers first: feeds and live pages wait for them.
void Dispatcher::round() {
  bool more = true;
  while (more) {
    more = false;
    for (auto& subscriber : volatile_) more |= advance(*subscriber);
    for (auto& subscriber : leased_) more |= advance(*subscriber);
    for (auto& subscriber : durable_) more |= advance(*subscriber);
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
  for (auto& subscriber : durable_) retry_due(*subscriber);
  if (!durable_.empty()) trim();
}

bool Dispatcher::advance(Volatile& subscriber) {
  const auto events = db_.read_blocking([&](db::Transaction& tx) -> Result<std::vector<Event>> {
    return read_after(tx, subscriber.position, options_.batch);
  });
  if (!events || events->empty()) return false;
  try {
    subscriber.subscriber->handle(*events);
  } catch (...) {
    log::error("events", "volatile_failed",
               {{"subscriber", subscriber.name}, {"error", describe_current_exception()}});
    subscriber.failed->Increment();
    subscriber.subscriber->reset();
  }
  subscriber.position = events->back().seq;
  subscriber.handled->Increment(static_cast<double>(events->size()));
  const Time now = clock_.now();
  for (const Event& event : *events)
    lag_seconds_.Observe(std::chrono::duration<double>(now - event.created_at).count());
  return static_cast<std::int64_t>(events->size()) == options_.batch;
}

bool Dispatcher::advance(Durable& subscriber) {
  if (!hold_lease(subscriber.place, 0)) return false;
  const auto events = db_.read_blocking([&](db::Transaction& tx) -> Result<std::vector<Event>> {
    return read_after(tx, subscriber.place.position, options_.batch);
  });
  if (!events || events->empty()) return false;
  return handle_batch(subscriber, *events) &&
         static_cast<std::int64_t>(events->size()) == options_.batch;
}

Result<void> Dispatcher::apply(Durable& subscriber, db::Transaction& tx, const Event& event) {
  if (!subscriber.subscriber->wants(event.type)) return {};
  const bool waits = waits_behind(tx, subscriber.place.name, event.aggregate);
  if (waits)
    return fail(Kind::conflict, "parked_behind", "an earlier event of this aggregate is parked");
  return subscriber.subscriber->handle(tx, event);
}

/// All at once; and when one of them fails, one by one, so that only that one is set aside. Of
/// what the store has no room for now, nothing is: it is taken up where it was left. False then.
bool Dispatcher::handle_batch(Durable& subscriber, const std::vector<Event>& events) {
  bool done = false;
  bool no_room = false;
  try {
    const auto applied = db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
      for (const Event& event : events)
        if (auto result = apply(subscriber, tx, event); !result) return result;
      move_position(subscriber.place, tx, events.back().seq);
      return {};
    });
    done = applied.has_value();
    no_room = !done && applied.error().kind == Kind::unavailable;
  } catch (...) {
    log::debug("events", "batch_failed", {{"subscriber", subscriber.place.name}});
  }
  if (!done) {
    subscriber.place.loaded =
        false;  // whatever interrupts this: the position is read from SQL again
    if (no_room) return false;
    for (const Event& event : events)
      if (!handle_one(subscriber, event)) return false;
    subscriber.place.loaded = true;
  }
  subscriber.place.position = events.back().seq;
  subscriber.handled->Increment(static_cast<double>(events.size()));
  subscriber.subscriber->committed();
  return true;
}

/// Handled or set aside; false: there is no room for it now.
bool Dispatcher::handle_one(Durable& subscriber, const Event& event) {
  std::string reason;
  try {
    const auto applied = db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
      if (auto result = apply(subscriber, tx, event); !result) return result;
      move_position(subscriber.place, tx, event.seq);
      return {};
    });
    if (applied) return true;
    if (applied.error().kind == Kind::unavailable) return false;
    reason = std::string(applied.error().code) + ": " + applied.error().detail;
  } catch (...) {
    reason = describe_current_exception();
  }
  park(subscriber, event, reason);
  return true;
}

void Dispatcher::park(Durable& subscriber, const Event& event, const std::string& reason) {
  log::warn("events", "parked",
            {{"subscriber", subscriber.place.name},
             {"seq", event.seq},
             {"type", event.type},
             {"reason", reason}});
  const Time now = clock_.now();
  const Failure failure{reason, now, now + options_.first_backoff, false};
  const auto parked = db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
    insert_parked(tx, subscriber.place.name, event, failure);
    move_position(subscriber.place, tx, event.seq);
    return {};
  });
  if (!parked) throw std::runtime_error("an event could not be parked: " + parked.error().detail);
  subscriber.parked_total->Increment();
}

void Dispatcher::retry_due(Durable& subscriber) {
  const Time now = clock_.now();
  if (!subscriber.place.loaded || now < subscriber.next_retry) return;
  subscriber.next_retry = now + options_.first_backoff;
  ParkedCounts counts;
  const auto due = db_.read_blocking([&](db::Transaction& tx) -> Result<std::vector<DueEvent>> {
    counts = count_parked(tx, subscriber.place.name);
    return due_events(tx, subscriber.place.name, now, options_.batch);
  });
  subscriber.parked->Set(static_cast<double>(counts.all));
  subscriber.dead->Set(static_cast<double>(counts.dead));
  if (!due) return;
  for (const DueEvent& one : *due) retry_one(subscriber, one, now);
}

void Dispatcher::retry_one(Durable& subscriber, const DueEvent& due, Time now) {
  Failure failure{.reason = {}, .at = now};
  const Event& event = due.event;
  try {
    const auto handled = db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
      if (!take_parked(tx, subscriber.place.name, event.seq)) return {};  // discarded meanwhile
      return subscriber.subscriber->handle(tx, event);
    });
    if (handled) {
      subscriber.subscriber->committed();
      subscriber.next_retry = now;  // the next of this aggregate may go on
      return;
    }
    if (handled.error().kind == Kind::unavailable) return;  // it stays due
    failure.reason = std::string(handled.error().code) + ": " + handled.error().detail;
  } catch (...) {
    failure.reason = describe_current_exception();
  }
  failure.next_attempt_at =
      now + std::min<std::chrono::milliseconds>(
                options_.first_backoff * (std::int64_t(1) << std::min(due.attempts, 20)),
                options_.max_backoff);
  failure.dead = due.attempts + 1 >= options_.max_attempts;
  (void)db_.write_blocking([&](db::Transaction& tx) -> Result<void> {
    note_failure(tx, subscriber.place.name, event.seq, failure);
    return {};
  });
  if (failure.dead)
    log::error(
        "events", "dead_letter",
        {{"subscriber", subscriber.place.name}, {"seq", event.seq}, {"reason", failure.reason}});
}

std::int64_t Dispatcher::retry_parked() {
  const auto freed = db_.write_blocking(
      [](db::Transaction& tx) -> Result<std::int64_t> { return events::retry_parked(tx); });
  wake();
  return freed.value_or(0);
}

/// Forgets old events that everybody has handled (a leased subscriber that missed some begins
/// anew); never the newest, whose number the next one
/// builds on. The oldest come first, so that nothing is read that is not about to go.
void Dispatcher::trim() {
  const Time now = clock_.now();
  if (now - last_trim_ < trim_interval) return;
  last_trim_ = now;
  constexpr std::int64_t chunk = 1000;
  const auto expired = db_.write_blocking(
      [&](db::Transaction& tx) -> Result<std::int64_t> {
        return expire_dead(tx, now - options_.keep_dead, chunk);
      },
      db::Lane::background);
  if (expired.value_or(0) > 0) {
    log::warn("events", "dead_letters_expired", {{"count", *expired}});
    expired_.Increment(static_cast<double>(*expired));
  }
  for (int chunks = 0; chunks < 100; ++chunks) {
    const auto gone = db_.write_blocking(
        [&](db::Transaction& tx) -> Result<std::int64_t> {
          const auto last = tx.value<std::optional<std::int64_t>>(
              "select max(seq) from (select seq, created_at from outbox where seq > 0 order by seq "
              "limit ?) oldest where created_at < ? "
              "and seq < (select coalesce(min(seq), 0) from event_positions "
              "where subscriber not like 'leased:%') "
              "and seq < (select max(seq) from outbox)",
              chunk, now - options_.keep);
          if (!last || !*last) return 0;
          return tx.execute("delete from outbox where seq <= ?", **last);
        },
        db::Lane::background);
    if (gone.value_or(0) < chunk) return;
  }
}

}  // namespace madang::events
