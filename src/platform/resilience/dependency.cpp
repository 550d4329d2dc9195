#include "platform/resilience/dependency.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <stdexcept>

#include "platform/log/log.hpp"

namespace madang::resilience {

namespace {

using State = CircuitBreaker::State;

constexpr std::array outcomes{Outcome::success, Outcome::permanent, Outcome::transient,
                              Outcome::unknown, Outcome::timeout};

/// Problem::code outlives everything: the few names there are stay for ever.
std::string_view kept(std::string text) {
  static std::mutex mutex;
  static auto* const names = new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return *names->insert(std::move(text)).first;
}

void check_name(const std::string& name) {
  const auto sound = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || !std::ranges::all_of(name, sound))
    throw std::invalid_argument("dependency: bad name '" + name + "'");
}

DependencyOptions checked(DependencyOptions options) {
  check_name(options.name);
  if (options.attempts < 1) throw std::invalid_argument("dependency: no attempts");
  return options;
}

std::string_view state_name(State state) {
  switch (state) {
    case State::closed:
      return "closed";
    case State::half_open:
      return "half_open";
    case State::open:
      return "open";
  }
  return "";
}

/// At least 1, rounded up.
std::chrono::seconds retry_after(Steady::duration left) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(left), std::chrono::seconds(1));
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::success:
      return "success";
    case Outcome::permanent:
      return "permanent";
    case Outcome::transient:
      return "transient";
    case Outcome::unknown:
      return "unknown";
    case Outcome::timeout:
      return "timeout";
  }
  return "";
}

Outcome outcome_by_kind(const Problem& problem) {
  switch (problem.kind) {
    case Kind::unavailable:
    case Kind::too_many:
      return Outcome::transient;
    case Kind::timeout:
      return Outcome::timeout;
    case Kind::internal:
      return Outcome::unknown;
    default:
      return Outcome::permanent;
  }
}

/// Randomness is asked from several threads.
class Dependency::LockedRandom final : public Random {
 public:
  explicit LockedRandom(Random& random) : random_(random) {}
  void fill(std::span<std::byte> bytes) override {
    const std::lock_guard lock(mutex_);
    random_.fill(bytes);
  }

 private:
  std::mutex mutex_;
  Random& random_;
};

struct Dependency::Metrics {
  Metrics(const std::string& name, metrics::Registry& registry)
      : state(registry.gauge("madang_breaker_state", "0 closed, 1 half-open, 2 open",
                             {{"dependency", name}})),
        opened(registry.counter("madang_breaker_opened_total", "Times the breaker opened",
                                {{"dependency", name}})),
        in_flight(registry.gauge("madang_dependency_in_flight", "Calls under way",
                                 {{"dependency", name}})),
        waiting(registry.gauge("madang_dependency_waiting", "Calls that wait for their turn",
                               {{"dependency", name}})),
        retries(registry.counter("madang_dependency_retries_total", "Calls that were tried again",
                                 {{"dependency", name}})),
        unfunded(registry.counter("madang_dependency_retries_denied_total",
                                  "Retries the budget did not allow", {{"dependency", name}})),
        seconds(registry.histogram("madang_dependency_seconds", "Time of one attempt",
                                   {{"dependency", name}})),
        refused_open(refused(name, "open", registry)),
        refused_busy(refused(name, "busy", registry)),
        refused_late(refused(name, "late", registry)) {
    for (const Outcome outcome : outcomes)
      attempts[static_cast<std::size_t>(outcome)] = &registry.counter(
          "madang_dependency_attempts_total", "Attempts by what became of them",
          {{"dependency", name}, {"outcome", std::string(outcome_name(outcome))}});
    state.Set(0);
  }

  static metrics::Counter& refused(const std::string& name, const std::string& reason,
                                   metrics::Registry& registry) {
    return registry.counter("madang_dependency_refused_total", "Calls that were refused",
                            {{"dependency", name}, {"reason", reason}});
  }

  metrics::Gauge& state;
  metrics::Counter& opened;
  metrics::Gauge& in_flight;
  metrics::Gauge& waiting;
  metrics::Counter& retries;
  metrics::Counter& unfunded;
  metrics::Histogram& seconds;
  metrics::Counter& refused_open;
  metrics::Counter& refused_busy;
  metrics::Counter& refused_late;
  std::array<metrics::Counter*, outcomes.size()> attempts{};
};

Dependency::Dependency(DependencyOptions options, Random& random, metrics::Registry& registry,
                       Timeline& timeline)
    : options_(checked(std::move(options))),
      timeline_(timeline),
      unavailable_code_(kept(options_.name + "_unavailable")),
      late_code_(kept(options_.name + "_late")),
      metrics_(std::make_unique<Metrics>(options_.name, registry)),
      random_(std::make_unique<LockedRandom>(random)),
      breaker_(options_.breaker, *random_, [this](State state) { changed(state); }),
      budget_(options_.budget),
      limiter_(options_.limiter, kept(options_.name + "_busy")) {}

Dependency::~Dependency() = default;

void Dependency::changed(State state) {
  metrics_->state.Set(static_cast<double>(state));
  if (state == State::open) metrics_->opened.Increment();
  const auto level = state == State::open ? log::Level::warn : log::Level::info;
  log::write(level, "resilience", "breaker",
             {{"dependency", options_.name}, {"state", state_name(state)}});
}

Problem Dependency::unavailable() const {
  return Problem{.kind = Kind::unavailable,
                 .code = unavailable_code_,
                 .detail = options_.name + " does not answer just now; try again shortly.",
                 .retry_after = retry_after(breaker_.open_left(timeline_.now()))};
}

std::optional<Problem> Dependency::refusal(Deadline deadline) {
  const auto now = timeline_.now();
  if (breaker_.refuses(now)) {
    metrics_->refused_open.Increment();
    return unavailable();
  }
  if (deadline.at() > now) return {};
  metrics_->refused_late.Increment();
  return Problem{.kind = Kind::unavailable,
                 .code = late_code_,
                 .detail = options_.name + " was not reached in time; try again shortly.",
                 .retry_after = std::chrono::seconds(1)};
}

Result<Dependency::Attempt> Dependency::admit(Deadline deadline, Limiter::Slot slot) {
  if (auto refused = refusal(deadline)) return fail(std::move(*refused));
  const auto now = timeline_.now();
  auto permit = breaker_.admit(now);
  if (!permit) {
    metrics_->refused_open.Increment();
    return fail(unavailable());
  }
  if (options_.attempt_limit.count() > 0 && deadline.at() - now > options_.attempt_limit)
    deadline = Deadline(now + options_.attempt_limit);
  return Attempt(*this, std::move(slot), std::move(*permit), deadline);
}

Result<Dependency::Attempt> Dependency::enter(Deadline deadline) {
  if (auto refused = refusal(deadline)) return fail(std::move(*refused));
  metrics_->waiting.Increment();
  auto slot = limiter_.acquire(deadline);
  metrics_->waiting.Decrement();
  if (slot) return admit(deadline, std::move(*slot));
  metrics_->refused_busy.Increment();
  return fail(std::move(slot.error()));
}

Task<Result<Dependency::Attempt>> Dependency::enter_async(Deadline deadline) {
  if (auto refused = refusal(deadline)) co_return fail(std::move(*refused));
  struct Waiting {
    explicit Waiting(metrics::Gauge& of) : gauge(of) { gauge.Increment(); }
    ~Waiting() { gauge.Decrement(); }  // also when the coroutine is destroyed in line
    metrics::Gauge& gauge;
  };
  std::optional<Waiting> waiting(std::in_place, metrics_->waiting);
  Result<Limiter::Slot> slot = co_await limiter_.acquire_async(deadline);
  waiting.reset();
  if (slot) co_return admit(deadline, std::move(*slot));
  metrics_->refused_busy.Increment();
  co_return fail(std::move(slot.error()));
}

std::optional<Steady::time_point> Dependency::settle(Attempt& attempt, Deadline deadline,
                                                     const Problem* problem, int retry,
                                                     const CallOptions& options) {
  const Outcome outcome = problem == nullptr ? Outcome::success : options.classify(*problem);
  attempt.finish(outcome);
  const bool worth =
      outcome == Outcome::transient || (outcome == Outcome::unknown && options.idempotent);
  if (!worth || retry + 1 >= options_.attempts) return {};
  const auto again = timeline_.now() + backoff(options_.backoff, retry, *random_);
  if (again >= deadline.at() || refuses()) return {};
  if (!budget_.withdraw()) {
    metrics_->unfunded.Increment();
    return {};
  }
  metrics_->retries.Increment();
  return again;
}

Dependency::Attempt::Attempt(Dependency& dependency, Limiter::Slot slot,
                             CircuitBreaker::Permit permit, Deadline deadline)
    : dependency_(&dependency),
      slot_(std::move(slot)),
      permit_(std::move(permit)),
      began_(dependency.timeline_.now()),
      deadline_(deadline) {
  dependency.metrics_->in_flight.Increment();
}

Dependency::Attempt::Attempt(Attempt&& other) noexcept
    : dependency_(std::exchange(other.dependency_, nullptr)),
      slot_(std::move(other.slot_)),
      permit_(std::move(other.permit_)),
      began_(other.began_),
      deadline_(other.deadline_) {}

Dependency::Attempt::~Attempt() {
  if (dependency_ != nullptr) dependency_->metrics_->in_flight.Decrement();
}

void Dependency::Attempt::finish(Outcome outcome) {
  Dependency* const dependency = std::exchange(dependency_, nullptr);
  if (dependency == nullptr) return;
  const auto now = dependency->timeline_.now();
  permit_.finish(outcome == Outcome::success || outcome == Outcome::permanent, now);
  slot_.reset();
  Metrics& metrics = *dependency->metrics_;
  metrics.in_flight.Decrement();
  metrics.seconds.Observe(std::chrono::duration<double>(now - began_).count());
  metrics.attempts[static_cast<std::size_t>(outcome)]->Increment();
}

}  // namespace madang::resilience
