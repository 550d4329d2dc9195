// Cached posts that several instances share, in Redis.
//
// No show() that begins after a write was answered, on any instance, uses what was read before that
// write, when Redis took the deletion before the answer (it is tried for three seconds). Values
// live for `life` at most, whatever happens. The rest is about Redis that is away or lost
// something:
//
//   - A master was restarted, or replaced by a replica that had not heard of a deletion: nothing
//     from before is used. Values carry the stamp of their bucket's era, and an era ends with the
//     reign of its server (redis::reign_lua). The next one is closed for `grace`: by then every
//     instance that can has deleted there what it owes. The promise holds.
//   - A master that was not replaced took no deletion for so long: this instance no longer reads
//     those keys and goes on trying. Others whom it does answer may see what was before until that
//     succeeds, or until `life` has passed; so too when this process is killed meanwhile. An outage
//     is waited for once, not by each write.
//   - A write that nobody was told of can stay unseen for `life`: its process was killed after the
//     commit, or it was carried out after its outcome had become unknown.
//   - A master that was replaced and does not know it yet can be read by an instance that does not
//     know it either: for the cluster's node timeout.
//   - Redis does not answer: show() reads SQL, after `patience` at most, and at once while the
//     client's breaker is open (madang_cache_bypassed_total).
//
// A value that is missing is replaced by a marker with a random number, the lease; only while that
// very marker stands can the value be put. Deleting is all that forgetting does.
//
//   {tag}:era      reign + stamp
//   {tag}:p:<id>   stamp + `?` + lease, or stamp + `=` + author, size of head, head, tail
//   {tag}:v:<id>   hash: s(tamp), n (lease), b(locked), m(uted), and a field for each known like
//
// Ids are spread over 8 buckets, whose tags are chosen so that their slots lie evenly, and a
// cluster of up to 8 masters shares the work. A page of which everything is there is an MGET a
// bucket and an HMGET for the viewer (2 to 5 us of a master each; a script takes 10 to 20): that an
// era is of the reign that answers and has been open, this process can tell by itself. What is
// missing is asked for again by a script, which gives leases.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/random.hpp"
#include "modules/social/post_cache_owed.hpp"
#include "modules/social/post_cache_store.hpp"
#include "platform/db/database.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/redis/client.hpp"

namespace madang::social {

struct RedisPostCacheOptions {
  /// Before the tag of every key. Its number is raised when values or fragments change their form.
  std::string prefix = "posts1";
  std::chrono::milliseconds life{600'000};  // of values
  std::chrono::milliseconds lease{3'000};   // from the look to the put
  /// A new era is closed for so long: until every instance has found the server that began it, and
  /// has deleted there what it owed. More than a connection's pause between attempts.
  std::chrono::milliseconds grace{5'000};
  std::chrono::milliseconds patience{100};      // for the answers to a look
  std::chrono::milliseconds put_within{1'000};  // then it is left
  // Then the write is answered all the same: a silent connection is found out and replaced by then.
  std::chrono::milliseconds forget_within{3'000};
  std::chrono::milliseconds forget_attempt{250};  // of this, for one answer
  std::chrono::milliseconds pay_interval{100};    // between attempts afterwards
  std::size_t max_owed = 65'536;                  // keys; beyond them whole buckets
  std::size_t max_listed = 50'000;                // posts of an author; beyond them everything
  std::size_t max_hidden = 10'000;                // blocked and muted of a viewer who is cached
  std::size_t max_likes = 512;                    // known of a viewer
};

class RedisPostCache final : public PostCacheStore {
 public:
  /// All outlive it; `random` is asked from any thread.
  RedisPostCache(RedisPostCacheOptions options, redis::Client& client, db::Database& db,
                 Random& random, metrics::Registry& registry);
  ~RedisPostCache() override;
  RedisPostCache(const RedisPostCache&) = delete;
  RedisPostCache& operator=(const RedisPostCache&) = delete;

  Task<Page> look(Deadline deadline, Id viewer, std::span<const Id> posts) override;
  void put(std::vector<NewPost> posts, std::optional<NewViewer> viewer) override;
  Task<> forget(Forgotten what) override;
  void forget_blocking(const Forgotten& what) override;

  /// Keys that are still to be deleted.
  std::size_t owed() const { return owed_.size(); }

 private:
  using Steady = Deadline::Steady;
  using Keys = std::vector<SharedKey>;
  struct Metrics;
  struct Looked;
  struct Asked;
  struct Attempt;
  /// An era that a script has found open: what this process may take for open too, until the era
  /// has to be kept from ending.
  struct OpenEra {
    std::atomic<Lease> stamp{0};
    std::atomic<Steady::rep> until{0};
  };

  static constexpr std::size_t max_keys_at_once = 256;  // posts of one script

  std::string name(const SharedKey& key) const;
  redis::Command script(const redis::Script& script, std::size_t bucket, std::size_t keys) const;
  redis::Command put_command(const NewViewer& viewer) const;
  Lease new_lease();

  // Looking (post_cache_look.cpp)
  void add_times(redis::Command& command, Lease lease) const;
  redis::Command look_command(const Looked& looked, Lease lease) const;
  redis::Command viewer_command(Id viewer, std::span<const Id> posts, Lease lease) const;
  redis::Command read_command(const Looked& looked) const;
  redis::Command read_viewer_command(Id viewer, std::span<const Id> posts) const;
  std::vector<Looked> grouped(std::span<const Id> posts, Id viewer) const;
  Task<bool> read(Deadline deadline, Asked& asked, Page& page);
  Task<bool> look_again(Deadline deadline, const Asked& asked, Page& page);
  std::string_view open_stamp(std::size_t bucket, const redis::Value& era,
                              std::string_view reign) const;
  Looked take_read(Looked looked, std::string_view stamp, const redis::Value& answer,
                   Page& page) const;
  void take_posts(const Looked& looked, const redis::Value& answer, Page& page);
  static void take_viewer(std::span<const Id> posts, const redis::Value& answer, Page& page);
  static bool take_viewer_read(std::string_view stamp, std::span<const Id> posts,
                               const redis::Value& answer, Page& page);

  // Forgetting (post_cache_forget.cpp)
  std::vector<redis::Command> deletions(const Keys& keys) const;
  static Keys keys_of(const Forgotten& what);
  static Keys everything();
  Task<Keys> posts_of_author(Id author);
  Keys posts_of_author_blocking(Id author);
  bool list_some(db::Transaction& tx, Id author, Keys& keys) const;
  void settle(Attempt& attempt, const redis::Results& results);
  void owe(const Keys& keys);
  void pay(const std::stop_token& stop);
  void pay_some();

  const RedisPostCacheOptions options_;
  redis::Client& client_;
  db::Database& db_;
  Random& random_;
  const std::unique_ptr<Metrics> metrics_;
  const redis::Script look_posts_;
  const redis::Script look_viewer_;
  const redis::Script put_posts_;
  const redis::Script put_viewer_;
  std::array<std::string, SharedKey::buckets> tags_;  // of the buckets, with the prefix
  std::array<OpenEra, SharedKey::buckets> open_;
  OwedKeys owed_;
  BucketTrouble trouble_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread payer_;
};

}  // namespace madang::social
