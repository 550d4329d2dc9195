#include "platform/resilience/circuit_breaker.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace madang::resilience {

namespace {

BreakerOptions checked(BreakerOptions options) {
  using std::chrono::milliseconds;
  const bool sound = options.buckets > 0 && options.window / options.buckets > milliseconds(0) &&
                     options.failure_ratio > 0 && options.slow_ratio > 0 && options.probes > 0 &&
                     options.open_for > milliseconds(0) && options.open_at_most >= options.open_for;
  if (!sound) throw std::invalid_argument("circuit breaker: options out of range");
  return options;
}

}  // namespace

using Permit = CircuitBreaker::Permit;

CircuitBreaker::CircuitBreaker(BreakerOptions options, Random& random, Listener changed)
    : options_(checked(options)),
      slice_(Steady::duration(options.window) / options.buckets),
      random_(random),
      changed_(std::move(changed)),
      buckets_(static_cast<std::size_t>(options.buckets)),
      next_open_(options.open_for) {}

Permit::Permit(Permit&& other) noexcept
    : breaker_(std::exchange(other.breaker_, nullptr)),
      began_(other.began_),
      era_(other.era_),
      probe_(other.probe_) {}

Permit::~Permit() {
  if (breaker_ != nullptr) breaker_->abandoned(*this);
}

void Permit::finish(bool success, Steady::time_point now) {
  if (CircuitBreaker* const breaker = std::exchange(breaker_, nullptr))
    breaker->finished(*this, success, now);
}

std::optional<Permit> CircuitBreaker::admit(Steady::time_point now) {
  const std::lock_guard lock(mutex_);
  if (refuses_locked(now)) return {};
  if (state_ == State::open) {
    probes_out_ = probes_well_ = 0;
    change(State::half_open);
  }
  const bool probe = state_ == State::half_open;
  if (probe) ++probes_out_;
  return Permit(*this, now, era_, probe);
}

bool CircuitBreaker::refuses(Steady::time_point now) const {
  const std::lock_guard lock(mutex_);
  return refuses_locked(now);
}

bool CircuitBreaker::refuses_locked(Steady::time_point now) const {
  switch (state_) {
    case State::closed:
      return false;
    case State::half_open:
      return probes_out_ + probes_well_ >= options_.probes;
    case State::open:
      return now < open_until_;
  }
  return false;
}

CircuitBreaker::State CircuitBreaker::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Steady::duration CircuitBreaker::open_left(Steady::time_point now) const {
  const std::lock_guard lock(mutex_);
  if (state_ != State::open || now >= open_until_) return {};
  return open_until_ - now;
}

void CircuitBreaker::finished(const Permit& permit, bool success, Steady::time_point now) {
  const bool slow = options_.slow_after.count() > 0 &&
                    now - permit.began_ > Steady::duration(options_.slow_after);
  const std::lock_guard lock(mutex_);
  if (permit.era_ != era_) return;
  if (permit.probe_) return finished_probe(success && !slow, now);
  count(success, slow, now);
  if (too_many(now)) open(now);
}

void CircuitBreaker::abandoned(const Permit& permit) {
  const std::lock_guard lock(mutex_);
  if (permit.era_ == era_ && permit.probe_) --probes_out_;
}

void CircuitBreaker::finished_probe(bool well, Steady::time_point now) {
  --probes_out_;
  if (!well) return open(now);
  if (++probes_well_ < options_.probes) return;
  std::ranges::fill(buckets_, Bucket{});
  in_a_row_ = 0;
  next_open_ = options_.open_for;
  change(State::closed);
}

std::int64_t CircuitBreaker::number_of(Steady::time_point at) const {
  return at.time_since_epoch() / slice_;
}

void CircuitBreaker::count(bool success, bool slow, Steady::time_point now) {
  const std::int64_t number = number_of(now);
  Bucket& bucket = buckets_[static_cast<std::size_t>(number % options_.buckets)];
  if (bucket.number != number) bucket = {.number = number};
  ++bucket.calls;
  if (!success) ++bucket.failures;
  if (slow) ++bucket.slow;
  if (success) {
    in_a_row_ = 0;
    return;
  }
  in_a_row_ = now - last_failure_ > options_.window ? 1 : in_a_row_ + 1;
  last_failure_ = now;
}

bool CircuitBreaker::too_many(Steady::time_point now) const {
  if (options_.failures_in_a_row > 0 && in_a_row_ >= options_.failures_in_a_row) return true;
  const std::int64_t oldest = number_of(now) - options_.buckets + 1;
  std::uint64_t calls = 0, failures = 0, slow = 0;
  for (const Bucket& bucket : buckets_) {
    if (bucket.number < oldest) continue;
    calls += bucket.calls;
    failures += bucket.failures;
    slow += bucket.slow;
  }
  if (calls < std::max<std::uint64_t>(options_.min_calls, 1)) return false;
  const double all = static_cast<double>(calls);
  return static_cast<double>(failures) >= options_.failure_ratio * all ||
         (options_.slow_after.count() > 0 &&
          static_cast<double>(slow) >= options_.slow_ratio * all);
}

void CircuitBreaker::open(Steady::time_point now) {
  // Jitter: instances that lost the same dependency together do not come back to it together.
  const auto nominal = std::chrono::duration<double, std::milli>(next_open_);
  open_until_ =
      now + std::chrono::duration_cast<Steady::duration>(nominal * (0.5 + 0.5 * uniform(random_)));
  next_open_ = std::min(next_open_ * 2, options_.open_at_most);
  change(State::open);
}

void CircuitBreaker::change(State to) {
  state_ = to;
  ++era_;
  if (changed_) changed_(to);
}

}  // namespace madang::resilience
