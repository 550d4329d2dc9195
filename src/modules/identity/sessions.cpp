#include "modules/identity/sessions.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "base/encoding.hpp"
#include "base/text.hpp"

namespace madang::identity {

namespace {

constexpr std::size_t token_length = 43;  // 32 bytes in base64url

/// At most so many bytes, as text: headers may hold any byte.
std::string cut(std::string_view text, std::size_t bytes) {
  std::size_t end = std::min(text.size(), bytes);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  std::string out(text.substr(0, end));
  if (is_utf8(out)) return out;
  for (char& c : out)
    if ((static_cast<unsigned char>(c) & 0x80U) != 0) c = '?';
  return out;
}

}  // namespace

SessionStore::SessionStore(db::Database& db, IdGenerator& ids, const Clock& clock, Random& random,
                           SessionOptions options, runtime::TaskGroup& tasks,
                           metrics::Registry& registry)
    : db_(db),
      ids_(ids),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      tasks_(tasks),
      lookup_(db, clock, tasks),
      hits_(registry.counter("madang_cache_hits_total", "Found in the cache",
                             {{"cache", "sessions"}})),
      misses_(registry.counter("madang_cache_misses_total", "Not found in the cache",
                               {{"cache", "sessions"}})) {}

SessionStore::Shard& SessionStore::shard_of(const std::string& key) {
  return cache_[static_cast<unsigned char>(key[0]) % shards];
}

std::optional<http::Principal> SessionStore::cached(const std::string& key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end() ||
      options_.steady() - found->second.read_at > options_.cache_age ||
      found->second.expires_at <= clock_.now())
    return {};
  return found->second.principal;
}

void SessionStore::remember(const std::string& key, const Entry& entry) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.size() >= options_.cache_size / shards)
    std::erase_if(shard.entries, [&, now = options_.steady()](const auto& e) {
      return now - e.second.read_at > options_.cache_age;
    });
  if (shard.entries.size() < options_.cache_size / shards)
    shard.entries.insert_or_assign(key, entry);
}

void SessionStore::forget_cached() {
  for (Shard& shard : cache_) {
    const std::lock_guard lock(shard.mutex);
    shard.entries.clear();
  }
}

Task<Result<std::optional<http::Principal>>> SessionStore::authenticate(std::string_view token,
                                                                        Deadline deadline) {
  std::optional<http::Principal> none;
  if (token.size() != token_length) co_return none;
  const std::vector<std::byte> hash = sha256(token);
  const std::string key(as_text(hash));
  if (auto principal = cached(key)) {
    hits_.Increment();
    co_return principal;
  }
  misses_.Increment();
  const auto read_at = options_.steady();
  const SessionLookup::Found found = co_await lookup_.find(hash, deadline);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return none;
  const FoundSession& session = **found;
  std::optional<http::Principal> principal(
      http::Principal{session.account, session.id, session.admin});
  remember(key, Entry{*principal, session.expires_at, read_at});
  if (clock_.now() - session.last_used_at > options_.touch_interval) {
    principal->renewed_for = options_.life;  // this once: a cookie slides with its session
    tasks_.spawn(co_await asio::this_coro::executor, "touch_session", touch(session.id));
  }
  co_return principal;
}

Task<Result<bool>> SessionStore::holds(http::Principal who, Deadline deadline) {
  const auto body = [this, who](db::Transaction& tx) -> Result<bool> {
    return session_holds(tx, who.session, who.account, clock_.now());
  };
  Result<bool> found = co_await db_.read_latest(deadline, body);
  co_return found;
}

Task<> SessionStore::touch(Id session) {
  const Time now = clock_.now();
  const auto body = [this, session, now](db::Transaction& tx) -> Result<void> {
    touch_session(tx, session, now, now + options_.life);
    return {};
  };
  (void)co_await db_.write(Deadline::after(std::chrono::seconds(10)), body, db::Lane::background);
}

Result<SessionStore::Started> SessionStore::start(db::Transaction& tx, Id account,
                                                  std::string_view user_agent,
                                                  std::string_view address) {
  const auto id = ids_.next();
  if (!id) return std::unexpected(id.error());
  Started started{to_base64url(random_.bytes<32>()), clock_.now() + options_.life};
  const NewSession session{*id,
                           account,
                           sha256(started.token),
                           started.expires_at,
                           cut(user_agent, 300),
                           cut(address, 64)};
  insert_session(tx, session, clock_.now());
  limit_sessions(tx, account, options_.per_account);
  return started;
}

}  // namespace madang::identity
