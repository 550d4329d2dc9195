// The feed store of several instances: in Redis, shared by all of them (feed_redis_scripts.hpp says
// how it lies there). Everything is exact by the same rules as in memory (feed_store_memory.hpp);
// no author is pulled.
//
// WHAT IS GUARANTEED. A page is served from here only when it is what SQL says, short of posts
// whose fan-out is still on its way:
//
//  - A server that was restarted, or replaced by its replica, continues an older state. Its feeds
//    carry the name of the reign they were built in, and those of another are cold. So are those of
//    a server that was wiped. For a moment a master does not know that it has been replaced, and
//    takes changes that are lost: no feed is built in a reign that is `young`, so that all of them
//    come before the snapshot of every feed there is. (An instance that has not heard of the new
//    master either may read from the old one in that moment.) Whatever else may go wrong, no feed
//    is kept for longer than longest_life without being built anew.
//  - A change of one's own (add_own, invalidate) that Redis does not take within the caller's
//    deadline is owed: until it is done, at every sweep again, nobody here is served that feed from
//    Redis. Beyond max_debts all feeds are owed and dropped. Other instances may serve it until the
//    fan-out, which repeats the change for all of them, has come by; an instance that ends owes
//    nothing any more for the same reason.
//  - push(), remove() and invalidate(viewers) throw when a server does not take them: the fan-out
//    keeps its place and repeats them. A server without memory has those feeds dropped instead.
//  - Views are kept by the instance that saw them until they are in SQL, and in Redis, where all
//    see them at once. Those of an instance that died are saved by another, from Redis.
//
// Feeds have no TTL (under volatile-lru they are not evicted) and are bounded: twice
// (max_live + 2 slack) records a feed, idle ones dropped by the sweep. Everything else has a TTL.
#pragma once

#include <array>
#include <atomic>
#include <chrono>

#include "modules/social/feed_debts.hpp"
#include "modules/social/feed_mark_buffer.hpp"
#include "modules/social/feed_redis_scripts.hpp"

namespace madang::social {

struct RedisFeedOptions {
  FeedLimits limits{};
  std::chrono::milliseconds read_patience{100};  // for what a request asks
  std::chrono::milliseconds try_for{250};        // a change of one's own, before it is tried again
  std::chrono::milliseconds push_patience{2'000};
  std::size_t max_builds = 64;  // by this instance
  std::chrono::milliseconds build_timeout{60'000};
  std::size_t max_waiting = 3'000;  // posts that a feed being built keeps
  std::size_t max_marks_per_viewer = 2'000;
  std::size_t max_marks = 1'000'000;
  std::chrono::milliseconds views_life{24 * 3'600'000};
  std::chrono::seconds orphaned_after{60};  // views that nobody has saved
  std::chrono::seconds idle_life{3 * 86'400};
  std::chrono::seconds longest_life{86'400};
  /// By then every instance has found the server that serves a bucket now, and who served it before
  /// knows that it does not. Pages come from SQL meanwhile, also from a Redis that is new or empty.
  std::chrono::milliseconds young{5'000};
  std::size_t max_debts = 100'000;
  // One visit of the sweep
  std::size_t feeds_a_bucket = 8;           // looks at so many,
  std::size_t former_feeds_a_bucket = 100;  // and clears away so many of the former format
};

class RedisFeedStore final : public FeedStore {
 public:
  /// Both outlive it.
  RedisFeedStore(const RedisFeedOptions& options, redis::Client& client, const Clock& clock);

  FeedLimits limits() const override { return options_.limits; }

  Task<FeedPage> read(Deadline deadline, Id viewer, FeedQuery query) override;
  Task<> add_own(Deadline deadline, FeedPost post) override;
  Task<> erase(Deadline deadline, Id viewer, Id post) override;
  Task<> invalidate(Deadline deadline, Id viewer) override;
  Task<> mark_seen(Deadline deadline, Id viewer, std::vector<Id> posts, Time now) override;
  Task<std::vector<FeedMark>> pending_marks(Deadline deadline, Id viewer) override;

  Task<std::expected<BuildTicket, BuildRefusal>> begin_build(Deadline deadline, Id viewer) override;
  Task<BuildOutcome> finish_build(Deadline deadline, BuildTicket ticket,
                                  FeedSnapshot snapshot) override;
  Task<> abandon_build(Deadline deadline, BuildTicket ticket) override;

  PushReport push(const FeedPost& post, std::span<const FeedFollower> followers,
                  std::uint64_t read_seq) override;
  std::size_t remove(const FeedPost& post, std::span<const FeedFollower> followers) override;
  void invalidate(std::span<const Id> viewers) override;
  void invalidate_all() override;

  FanOut policy(Id) const override { return FanOut::push; }
  bool pull(const FeedPost&, Time) override { return false; }
  bool begin_pull(Id) override { return false; }
  void complete_pull(Id, std::span<const FeedFollower>) override {}
  void begin_push(Id) override {}

  std::vector<UnsavedMarks> take_unsaved_marks(std::size_t max_viewers, Time now) override;
  void marks_saved(std::span<const Id> viewers) override;
  void marks_failed(std::span<const Id> viewers) override { marks_.failed(viewers); }

  /// Looks at feeds_a_bucket feeds of some buckets, clears away what the former format left there,
  /// and pays what is owed. Never throws.
  std::size_t sweep(Time now, std::size_t budget) override;
  FeedStats stats() const override;

 private:
  struct Groups;
  /// Whether feeds may have the post already: then it is looked for.
  enum class Pushed : std::uint8_t { first, again };
  using Commands = std::vector<redis::Command>;

  FeedPage answer(Id viewer, const FeedQuery& query, const FeedScan& scan, FeedPage page);
  void forget_soon(Id viewer);
  static bool touches(const FeedQuery& query, const FeedHead& head);
  Task<> touch(Deadline by, Id viewer, Time now);
  Task<> insist(Deadline deadline, redis::Command command, Id viewer);
  redis::Command push_command(const FeedPost& post, std::uint64_t read_seq, Pushed pushed,
                              std::size_t bucket,
                              std::span<const FeedFollower* const> followers) const;
  redis::Command finish_command(const BuildTicket& ticket, FeedSnapshot snapshot) const;
  Commands forget_commands(std::span<const Id> viewers) const;
  bool drop_all();
  void pay_debts();
  void sweep_answer(std::size_t bucket, const redis::Value& answer, std::size_t& freed);

  const RedisFeedOptions options_;
  redis::Client& client_;
  const Clock& clock_;
  const FeedScripts scripts_;
  FeedMarkBuffer marks_;
  FeedDebts debts_;
  std::atomic<std::uint64_t> next_ticket_;
  std::atomic<std::size_t> builds_now_{0};
  std::atomic<std::size_t> sweep_hand_{0};
  std::array<std::atomic<std::uint32_t>, feed_buckets> feeds_in_{};  // as the last visit found
  std::atomic<Id> newest_pushed_{0};
  std::atomic<double> push_ns_{0};

  struct Counts {
    std::atomic<std::uint64_t> reads{0}, cold_reads{0}, below_coverage{0}, unreachable{0};
    std::atomic<std::uint64_t> pushes{0}, inserted{0}, skipped{0}, builds{0}, builds_void{0};
    std::atomic<std::uint64_t> builds_refused{0}, invalidations{0}, swept{0};
  };
  Counts counts_;
};

}  // namespace madang::social
