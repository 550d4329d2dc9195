#include "platform/db/own_writes_redis.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace madang::db {

using redis::Command;
using redis::Script;

namespace {

// A position belongs to the reign that took it, for a server that was killed, or the replica that
// takes its place, may have an older one. Positions of one account may arrive in any order: of two
// in one replication domain the later one stays. Begins with redis::reign_lua.
constexpr std::string_view put_source = R"(
local position = ARGV[1]
local there = redis.call('GET', KEYS[1])
if there and string.sub(there, 1, 16) == reign then
  local domain, sequence = string.match(position, '^(%d+)%-%d+%-(%d+)$')
  local its_domain, its_sequence = string.match(there, '^(%d+)%-%d+%-(%d+)$', 17)
  if domain and domain == its_domain and tonumber(its_sequence) > tonumber(sequence) then
    position = string.sub(there, 17)
  end
end
redis.call('SET', KEYS[1], reign .. position, 'PX', ARGV[2])
return 1
)";

/// Of the reign that answers now.
std::optional<std::string_view> position_in(const Result<redis::Value>& found) {
  if (!found) return {};
  std::string_view there = found->items[0].text;
  const std::string& reign = found->items[1].text;
  if (reign.empty() || !there.starts_with(reign)) return {};
  there.remove_prefix(reign.size());
  return there;
}

Deadline sooner(Deadline deadline, std::chrono::milliseconds patience) {
  return Deadline(std::min(deadline.at(), Deadline::after(patience).at()));
}

metrics::Counter& reads(metrics::Registry& registry, const char* position) {
  return registry.counter("madang_own_writes_reads_total",
                          "Reads by whether the account's last write was known",
                          {{"position", position}});
}

}  // namespace

RedisOwnWrites::RedisOwnWrites(OwnWritesOptions options, Database& db, redis::Client& client,
                               runtime::TaskGroup& tasks, metrics::Registry& registry)
    : options_(std::move(options)),
      db_(db),
      client_(client),
      tasks_(tasks),
      put_(Script(std::string(redis::reign_lua).append(put_source))),
      known_(reads(registry, "known")),
      unknown_(reads(registry, "unknown")),
      late_(registry.counter("madang_own_writes_late_total",
                             "Writes answered before others could know of them")),
      given_up_(registry.counter("madang_own_writes_given_up_total",
                                 "Of these, those that nobody was told of afterwards")) {}

Command RedisOwnWrites::put(Id account, std::string_view position) const {
  return Command::script(put_, 1)
      .key(options_.prefix + ":" + std::to_string(account))
      .arg(position)
      .arg(options_.life.count());
}

Task<> RedisOwnWrites::wrote(Id account, Deadline deadline) {
  std::string position = db_.committed();
  if (position.empty()) co_return;
  const Deadline until = sooner(deadline, options_.patience);
  Command command = put(account, position);
  const Result<redis::Value> kept = co_await client_.execute(std::move(command), until);
  if (kept) co_return;
  late_.Increment();
  if (owe(account, std::move(position)))
    tasks_.spawn(co_await asio::this_coro::executor, "put_own_writes", pay());
}

bool RedisOwnWrites::owe(Id account, std::string position) {
  const std::lock_guard lock(mutex_);
  if (closed_ || (owed_.size() >= options_.owed && !owed_.contains(account))) {
    given_up_.Increment();
    return false;
  }
  owed_.insert_or_assign(account, Owed{std::move(position), Deadline::after(options_.life)});
  return !std::exchange(paying_, true);
}

Task<> RedisOwnWrites::pay() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (bool more = true; more;) {
    timer.expires_after(options_.again_after);
    co_await timer.async_wait(asio::use_awaitable);
    const std::vector<std::pair<Id, std::string>> tried = some_owed();
    std::vector<Command> commands;
    for (const auto& [account, position] : tried) commands.push_back(put(account, position));
    redis::Results results;
    if (!commands.empty())
      results =
          co_await client_.execute_all(std::move(commands), Deadline::after(options_.patience));
    more = !paid(tried, results);
  }
}

std::vector<std::pair<Id, std::string>> RedisOwnWrites::some_owed() {
  constexpr std::size_t at_once = 500;
  const std::lock_guard lock(mutex_);
  std::erase_if(owed_, [](const auto& owed) { return owed.second.until.passed(); });
  std::vector<std::pair<Id, std::string>> some;
  for (const auto& [account, owed] : owed_) {
    if (some.size() == at_once) break;
    some.emplace_back(account, owed.position);
  }
  return some;
}

/// Whether nothing is owed any more.
bool RedisOwnWrites::paid(const std::vector<std::pair<Id, std::string>>& tried,
                          const redis::Results& results) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto found = owed_.find(tried[i].first);
    if (results[i] && found != owed_.end() && found->second.position == tried[i].second)
      owed_.erase(found);
  }
  if (!closed_ && !owed_.empty()) return false;
  paying_ = false;
  return true;
}

void RedisOwnWrites::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

Task<Freshness> RedisOwnWrites::freshness(Id account, Deadline deadline) {
  const Deadline until = sooner(deadline, options_.read_patience);
  Command command =
      Command::read("GET").key(options_.prefix + ":" + std::to_string(account)).with_reign();
  const Result<redis::Value> found = co_await client_.execute(std::move(command), until);
  if (const auto position = position_in(found)) {
    known_.Increment();
    db_.observe(*position);
    co_return Freshness::any;
  }
  unknown_.Increment();
  if (found) tasks_.spawn(co_await asio::this_coro::executor, "begin_own_writes", begin(account));
  co_return Freshness::fresh;
}

/// Whatever the account has written is in what the primary has now.
Task<> RedisOwnWrites::begin(Id account) {
  const auto body = [](Transaction& tx) -> Result<std::string> {
    if (tx.dialect() != Dialect::mariadb) return std::string();
    return tx.value<std::string>("select @@global.gtid_binlog_pos").value_or("");
  };
  const Deadline until = Deadline::after(options_.patience);
  const Result<std::string> position = co_await db_.read_latest(until, body);
  if (!position || position->empty()) co_return;
  Command command = put(account, *position);
  (void)co_await client_.execute(std::move(command), until);
}

}  // namespace madang::db
