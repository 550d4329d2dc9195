// Sessions: opaque 256-bit tokens, stored as hashes, 30 days sliding. Looked up through a cache
// that is never more than a second old, so that a revocation holds everywhere within one.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/random.hpp"
#include "modules/identity/session_lookup.hpp"
#include "modules/identity/storage.hpp"
#include "platform/http/api.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/runtime/io_pool.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::identity {

struct SessionOptions {
  std::chrono::seconds life{30 * 24 * 3600};
  std::chrono::seconds touch_interval{3600};  // how often the sliding end is written
  std::chrono::milliseconds cache_age{1000};
  std::size_t cache_size = 100'000;
  std::int64_t per_account = 50;  // the oldest ends when there are more
  std::function<Deadline::Steady::time_point()> steady = &Deadline::Steady::now;  // cache ages
};

class SessionStore final : public http::Authenticator {
 public:
  struct Started {
    std::string token;
    Time expires_at{};
  };

  SessionStore(db::Database& db, IdGenerator& ids, const Clock& clock, Random& random,
               SessionOptions options, runtime::TaskGroup& tasks, metrics::Registry& registry);

  Task<Result<std::optional<http::Principal>>> authenticate(std::string_view token,
                                                            Deadline deadline) override;

  /// Whether a session that was signed in still is; for streams that outlive a request.
  Task<Result<bool>> holds(http::Principal who, Deadline deadline);

  /// In the caller's transaction.
  Result<Started> start(db::Transaction& tx, Id account, std::string_view user_agent,
                        std::string_view address);
  /// After the commit of a revocation: this process forgets at once.
  void forget_cached();
  const SessionOptions& options() const { return options_; }

 private:
  using Steady = Deadline::Steady;
  struct Entry {
    http::Principal principal;
    Time expires_at{};
    Steady::time_point read_at;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Entry> entries;  // by token hash
  };
  static constexpr std::size_t shards = 16;

  Shard& shard_of(const std::string& key);
  std::optional<http::Principal> cached(const std::string& key);
  void remember(const std::string& key, const Entry& entry);
  Task<> touch(Id session);

  db::Database& db_;
  IdGenerator& ids_;
  const Clock& clock_;
  Random& random_;
  const SessionOptions options_;
  runtime::TaskGroup& tasks_;
  SessionLookup lookup_;
  metrics::Counter& hits_;
  metrics::Counter& misses_;
  std::array<Shard, shards> cache_;
};

}  // namespace madang::identity
