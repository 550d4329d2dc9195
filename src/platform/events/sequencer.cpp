#include "platform/events/sequencer.hpp"

#include <algorithm>
#include <vector>

#include "platform/log/log.hpp"

namespace madang::events {

namespace {

const std::string store_now(db::store_clock(db::Dialect::mariadb));

std::string with_lease_end(std::string_view before, std::string_view after) {
  return std::string(before).append(store_now).append(" + ? * 1000").append(after);
}

bool something_waits(db::Database& db) {
  const auto found = db.read_blocking([](db::Transaction& tx) -> Result<bool> {
    return tx.value<int>("select 1 from outbox where seq is null limit 1").has_value();
  });
  return found.value_or(false);
}

bool is_needed(db::Database& db) {
  const auto needed = db.read_blocking(
      [](db::Transaction& tx) -> Result<bool> { return tx.dialect() == db::Dialect::mariadb; });
  return needed.value_or(false);
}

}  // namespace

Sequencer::Sequencer(db::Database& db, SequencerOptions options, std::string holder,
                     metrics::Registry& registry)
    : db_(db),
      options_(options),
      holder_(std::move(holder)),
      numbered_(registry.counter("madang_events_numbered_total",
                                 "Events given their place in the sequence here")),
      leading_(registry.gauge("madang_events_sequencer",
                              "1: this program gives events their place in the sequence")) {}

Sequencer::~Sequencer() {
  stop();
}

void Sequencer::start() {
  active_ = is_needed(db_);
  if (active_) thread_ = std::jthread([this] { run(); });
}

void Sequencer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Sequencer::wake() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_one();
}

void Sequencer::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, options_.tick, [this] { return stopping_ || wanted_; });
      if (stopping_) break;
      wanted_ = false;
    }
    try {
      if (!hold_lease() || !something_waits(db_)) continue;
      while (number_some() == options_.batch) {
      }
    } catch (const std::exception& error) {
      fence_ = 0;
      log::warn("events", "not_numbered", {{"error", std::string_view(error.what())}});
    }
  }
  release();
}

// Whoever has it keeps it; others look again after a part of its length.
bool Sequencer::hold_lease() {
  const auto now = Steady::now();
  if (now < renew_at_) return fence_ != 0;
  renew_at_ = now + options_.lease / 3;
  static const std::string take =
      with_lease_end("update event_sequencer set fence = fence + 1, holder = ?, lease_until = ",
                     " where id = 1 and (lease_until < " + store_now + " or holder = ?)");
  static const std::string keep = with_lease_end("update event_sequencer set lease_until = ",
                                                 " where id = 1 and holder = ? and fence = ?");
  const std::int64_t length = options_.lease.count();
  const auto held = db_.write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
    if (fence_ != 0 && tx.execute(keep, length, holder_, fence_) != 0) return fence_;
    if (tx.execute(take, holder_, length, holder_) == 0) return 0;
    return *tx.value<std::int64_t>("select fence from event_sequencer where id = 1");
  });
  if (held.value_or(0) != fence_)
    log::info("events", held.value_or(0) != 0 ? "sequencer_lease_taken" : "sequencer_lease_lost",
              {{"fence", held.value_or(0)}});
  fence_ = held.value_or(0);
  leading_.Set(fence_ != 0 ? 1 : 0);
  return fence_ != 0;
}

// The lease's row is locked first, so that a predecessor's last transaction and this one are one
// after the other; then what it numbered is seen here.
std::int64_t Sequencer::number_some() {
  const auto done = db_.write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
    if (tx.execute("update event_sequencer set last_seq = last_seq where id = 1 and holder = ? and "
                   "fence = ?",
                   holder_, fence_) == 0)
      return fail(Kind::conflict, "lease_lost", "another program numbers the events now");
    std::vector<Id> arrivals;
    tx.each<Id>(
        "select arrival from outbox where seq is null order by arrival limit ?",
        [&](Id arrival) { arrivals.push_back(arrival); }, options_.batch);
    if (arrivals.empty()) return 0;
    const db::IdList list{arrivals};
    tx.execute(
        "update outbox set seq = (select last_seq from event_sequencer where id = 1) + "
        "field(arrival, ?*) where arrival in (?*)",
        list, list);
    const auto count = static_cast<std::int64_t>(arrivals.size());
    tx.execute("update event_sequencer set last_seq = last_seq + ? where id = 1", count);
    return count;
  });
  if (!done) {
    fence_ = 0;
    renew_at_ = {};
    leading_.Set(0);
    return 0;
  }
  numbered_.Increment(static_cast<double>(*done));
  if (*done > 0 && listener_) listener_();
  return *done;
}

// So that another need not wait for its end.
void Sequencer::release() {
  if (fence_ == 0) return;
  try {
    (void)db_.write_blocking([&](db::Transaction& tx) -> Result<bool> {
      tx.execute("update event_sequencer set lease_until = 0 where holder = ? and fence = ?",
                 holder_, fence_);
      return true;
    });
  } catch (const std::exception& error) {
    log::warn("events", "lease_not_released", {{"error", std::string_view(error.what())}});
  }
}

void wait_until_numbered(db::Database& db) {
  if (!is_needed(db)) return;
  const Deadline until = Deadline::after(std::chrono::seconds(30));
  while (something_waits(db) && !until.passed())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace madang::events
