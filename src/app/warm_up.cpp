#include "app/warm_up.hpp"

#include "modules/identity/identity.hpp"
#include "platform/log/log.hpp"

namespace madang::app {

namespace {

constexpr std::int64_t max_viewers = 2'000;
constexpr int at_once = 4;  // before serving
constexpr std::size_t page_size = 20;
constexpr auto patience = std::chrono::seconds(2);

}  // namespace

WarmUp::WarmUp(db::Database& db, social::Feeds& feeds, runtime::IoPool& io,
               runtime::TaskGroup& tasks, metrics::Registry& registry)
    : db_(db),
      feeds_(feeds),
      io_(io),
      tasks_(tasks),
      warmed_(registry.counter("madang_warm_up_feeds_total", "Feeds read after the start")) {}

void WarmUp::run(std::chrono::milliseconds budget) {
  if (budget <= std::chrono::milliseconds::zero()) return;
  const auto start = std::chrono::steady_clock::now();
  auto viewers = db_.read_blocking([](db::Transaction& tx) -> Result<std::vector<Id>> {
    return identity::recently_seen(tx, max_viewers);
  });
  if (!viewers) return;  // the store is busy: it is slower, not wrong
  viewers_ = std::move(*viewers);
  std::unique_lock lock(mutex_);
  for (int i = 0; i < at_once; ++i) {
    ++at_work_;
    tasks_.spawn(io_.any(), "warm_up", warm(i == 0));
  }
  idle_.wait_until(lock, start + budget, [this] { return at_work_ == 0; });
  serving_ = true;
  log::info("server", "warm",
            {{"feeds", std::min(next_.load(), viewers_.size())}, {"of", viewers_.size()}});
}

// `stays`: goes on while serving, alone.
Task<> WarmUp::warm(bool stays) {
  while (!stopping_ && (stays || !serving_)) {
    const std::size_t at = next_++;
    if (at >= viewers_.size()) break;
    const auto page =
        co_await feeds_.read_page(Deadline::after(patience), viewers_[at], {}, page_size, false);
    if (page) warmed_.Increment();
  }
  const std::lock_guard lock(mutex_);
  if (--at_work_ == 0) idle_.notify_all();
}

}  // namespace madang::app
