// The store in Redis: what the dispatcher and the housekeeper ask of it. These block.
#include <algorithm>
#include <stdexcept>

#include "modules/social/feed_store_redis.hpp"
#include "platform/log/log.hpp"

namespace madang::social {

namespace {

using redis::Command;
using redis::Results;
using redis::Value;

[[noreturn]] void refuse(const Problem& problem) {
  throw std::runtime_error("feeds in Redis: " + std::string(problem.code) + ": " + problem.detail);
}

void require_all(const Results& results) {
  for (const Result<Value>& result : results)
    if (!result) refuse(result.error());
}

}  // namespace

/// Followers by bucket (counting sort): one script call for each.
struct RedisFeedStore::Groups {
  explicit Groups(std::span<const FeedFollower> followers) : sorted(followers.size()) {
    std::vector<std::uint16_t> bucket_of(followers.size());
    for (std::size_t i = 0; i < followers.size(); ++i) {
      bucket_of[i] = static_cast<std::uint16_t>(feed_bucket(followers[i].user));
      ++begin[bucket_of[i] + 1U];
    }
    for (std::size_t b = 0; b < feed_buckets; ++b) begin[b + 1] += begin[b];
    auto next = begin;
    for (std::size_t i = 0; i < followers.size(); ++i) sorted[next[bucket_of[i]]++] = &followers[i];
  }
  std::span<const FeedFollower* const> of(std::size_t bucket) const {
    return std::span(sorted).subspan(begin[bucket], begin[bucket + 1] - begin[bucket]);
  }

  std::array<std::size_t, feed_buckets + 1> begin{};
  std::vector<const FeedFollower*> sorted;
};

Command RedisFeedStore::push_command(const FeedPost& post, std::uint64_t read_seq, Pushed pushed,
                                     std::size_t bucket,
                                     std::span<const FeedFollower* const> followers) const {
  const FeedLimits& limits = options_.limits;
  const FeedSeconds created = FeedLife::seconds(post.created_at);
  const auto late = [created](const FeedFollower* follower) {
    return FeedLife::seconds(follower->followed_at) > created;
  };
  const auto plain =
      followers.size() - static_cast<std::size_t>(std::ranges::count_if(followers, late));
  // Every entry may have a view.
  const std::size_t most =
      FeedHead::stored_size + 2 * (limits.max_live + 2 * limits.slack) * feed_record_size;
  const std::size_t most_waiting =
      FeedHead::stored_size + 2 * options_.max_waiting * feed_record_size;
  Command command = Command::script(scripts_.push, 1)
                        .key(FeedKeys::bucket(bucket))
                        .arg(post.id)
                        .arg(post.author)
                        .arg(created)
                        .arg(std::min(read_seq, (std::uint64_t(1) << 53) - 1))
                        .arg(most)
                        .arg(std::max<std::size_t>(1, limits.slack))
                        .arg(most_waiting)
                        .arg(pushed == Pushed::again ? 1 : 0)
                        .arg(plain);
  for (const FeedFollower* follower : followers)
    if (!late(follower)) command.add_number(follower->user);
  for (const FeedFollower* follower : followers)
    if (late(follower))
      command.add_number(follower->user).add_number(FeedLife::seconds(follower->followed_at));
  return command;
}

PushReport RedisFeedStore::push(const FeedPost& post, std::span<const FeedFollower> followers,
                                std::uint64_t read_seq) {
  const auto since = std::chrono::steady_clock::now();
  const Groups groups(followers);
  // Posts come in the order of their ids, but for late ones and what is repeated.
  const Id newest = newest_pushed_;
  const Pushed pushed = post.id > newest ? Pushed::first : Pushed::again;
  newest_pushed_ = std::max<Id>(newest, post.id);
  Commands commands;
  std::vector<std::size_t> buckets;
  for (std::size_t b = 0; b < feed_buckets; ++b) {
    const auto some = groups.of(b);
    if (some.empty()) continue;
    commands.push_back(push_command(post, read_seq, pushed, b, some));
    buckets.push_back(b);
  }
  const Results results =
      client_.execute_all_blocking(std::move(commands), Deadline::after(options_.push_patience));
  PushReport report;
  std::vector<Id> to_forget;
  const Problem* trouble = nullptr;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] && results[i]->items.size() == 4) {
      const auto count = [&](std::size_t at) {
        return static_cast<std::size_t>(results[i]->items[at].integer);
      };
      report.inserted += count(0);
      report.pending += count(1);
      report.skipped += count(2);
      report.cold += count(3);
    } else if (!results[i] && results[i].error().code == "redis_full") {
      for (const FeedFollower* follower : groups.of(buckets[i]))
        to_forget.push_back(follower->user);
    } else if (!results[i]) {
      trouble = &results[i].error();
    }
  }
  invalidate(to_forget);
  if (trouble != nullptr) refuse(*trouble);
  report.cold += to_forget.size();
  ++counts_.pushes;
  counts_.inserted += report.inserted;
  counts_.skipped += report.skipped;
  if (followers.size() >= 64) {
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - since;
    const double each = took.count() / static_cast<double>(followers.size());
    push_ns_ = push_ns_ == 0 ? each : 0.9 * push_ns_ + 0.1 * each;
  }
  return report;
}

std::size_t RedisFeedStore::remove(const FeedPost& post, std::span<const FeedFollower> followers) {
  const Groups groups(followers);
  Commands commands;
  for (std::size_t b = 0; b < feed_buckets; ++b) {
    const auto some = groups.of(b);
    if (some.empty()) continue;
    Command command = Command::script(scripts_.remove, 1).key(FeedKeys::bucket(b)).arg(post.id);
    for (const FeedFollower* follower : some) command.add_number(follower->user);
    commands.push_back(std::move(command));
  }
  const Results results =
      client_.execute_all_blocking(std::move(commands), Deadline::after(options_.push_patience));
  require_all(results);
  std::size_t removed = 0;
  for (const Result<Value>& result : results) removed += static_cast<std::size_t>(result->integer);
  return removed;
}

/// One a bucket. Commands that need no memory: a full server takes them.
RedisFeedStore::Commands RedisFeedStore::forget_commands(std::span<const Id> viewers) const {
  std::vector<Id> sorted(viewers.begin(), viewers.end());
  std::ranges::sort(sorted, {}, feed_bucket);
  Commands commands;
  std::size_t last = feed_buckets;
  for (const Id viewer : sorted) {
    if (feed_bucket(viewer) != last) commands.push_back(Command::write("UNLINK"));
    last = feed_bucket(viewer);
    commands.back().add_key(FeedKeys::feed(viewer));
  }
  return commands;
}

void RedisFeedStore::invalidate(std::span<const Id> viewers) {
  if (viewers.empty()) return;
  counts_.invalidations += viewers.size();
  require_all(client_.execute_all_blocking(forget_commands(viewers),
                                           Deadline::after(options_.push_patience)));
}

void RedisFeedStore::invalidate_all() {
  debts_.owe_all();  // whatever becomes of it
  ++counts_.invalidations;
  pay_debts();
  if (debts_.some(0).all != 0) refuse({.code = "redis_unavailable", .detail = "not all are gone"});
}

/// Whether all are gone.
bool RedisFeedStore::drop_all() {
  std::vector<std::size_t> left(feed_buckets);
  for (std::size_t b = 0; b < feed_buckets; ++b) left[b] = b;
  for (int rounds = 0; rounds < 100 && !left.empty(); ++rounds) {
    Commands commands;
    for (const std::size_t b : left)
      commands.push_back(Command::script(scripts_.drop, 1).key(FeedKeys::bucket(b)));
    const Results results =
        client_.execute_all_blocking(std::move(commands), Deadline::after(options_.push_patience));
    std::vector<std::size_t> more;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i]) return false;
      if (results[i]->integer > 0) more.push_back(left[i]);
    }
    left = std::move(more);
  }
  return left.empty();
}

void RedisFeedStore::pay_debts() {
  constexpr std::size_t at_once = 2'000;
  for (;;) {
    const FeedDebts::Debts owed = debts_.some(at_once);
    if (owed.none()) return;
    if (owed.all != 0) {
      if (!drop_all()) return;
      debts_.paid_all(owed.all);
      continue;
    }
    Commands commands;
    for (const FeedDebts::Debt& debt : owed.viewers)
      commands.push_back(Command::write("UNLINK").key(FeedKeys::feed(debt.viewer)));
    const Results results =
        client_.execute_all_blocking(std::move(commands), Deadline::after(options_.push_patience));
    bool paid = true;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i])
        debts_.paid(owed.viewers[i]);
      else
        paid = false;
    }
    if (!paid || owed.viewers.size() < at_once) return;
  }
}

// ---- views

std::vector<UnsavedMarks> RedisFeedStore::take_unsaved_marks(std::size_t max_viewers, Time) {
  return marks_.take(max_viewers);
}

void RedisFeedStore::marks_saved(std::span<const Id> viewers) {
  const Time now = clock_.now();
  const std::vector<UnsavedMarks> saved = marks_.saved(viewers);
  Commands commands;
  for (const UnsavedMarks& of : saved) {
    Command command = Command::script(scripts_.settle, 3)
                          .key(FeedKeys::feed(of.viewer))
                          .key(FeedKeys::views(of.viewer))
                          .key(FeedKeys::unsaved_in(feed_bucket(of.viewer)))
                          .arg(FeedLife::seconds(now))
                          .arg(first_id_at(now - std::chrono::days(2)))
                          .arg(of.viewer);
    for (const FeedMark& mark : of.marks) command.add_number(mark.post).add_number(mark.first_seen);
    commands.push_back(std::move(command));
  }
  const Results results =
      client_.execute_all_blocking(std::move(commands), Deadline::after(options_.push_patience));
  // Whether that feed knows of these views is not known.
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i]) debts_.owe(saved[i].viewer);
}

// ---- upkeep

std::size_t RedisFeedStore::sweep(Time now, std::size_t budget) {
  pay_debts();
  const FeedSeconds at = FeedLife::seconds(now);
  const auto before = [now](std::chrono::seconds life) { return FeedLife::seconds(now - life); };
  constexpr std::int64_t deep = 64;
  const std::size_t visits =
      std::clamp<std::size_t>(budget / (8 * options_.feeds_a_bucket), 1, feed_buckets);
  Commands commands;
  std::vector<std::size_t> buckets;
  for (std::size_t i = 0; i < visits; ++i) {
    const std::size_t bucket = sweep_hand_++ % feed_buckets;
    buckets.push_back(bucket);
    commands.push_back(Command::script(scripts_.sweep, 3)
                           .key(FeedKeys::bucket(bucket))
                           .key(FeedKeys::unsaved_in(bucket))
                           .key(FeedKeys::former_bucket(bucket))
                           .arg(at)
                           .arg(before(options_.idle_life))
                           .arg(options_.feeds_a_bucket)
                           .arg(deep)
                           .arg(before(options_.orphaned_after))
                           .arg(options_.former_feeds_a_bucket));
  }
  const Results results =
      client_.execute_all_blocking(std::move(commands), Deadline::after(options_.push_patience));
  std::size_t freed = 0;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i]) sweep_answer(buckets[i], *results[i], freed);
  counts_.swept += freed;
  return freed;
}

void RedisFeedStore::sweep_answer(std::size_t bucket, const Value& answer, std::size_t& freed) {
  if (answer.items.size() != 3) return;
  freed += static_cast<std::size_t>(answer.items[0].integer);
  feeds_in_[bucket] = static_cast<std::uint32_t>(answer.items[1].integer);
  const std::vector<Value>& orphans = answer.items[2].items;
  for (std::size_t i = 0; i + 1 < orphans.size(); i += 2) {
    const auto viewer = parse_id(orphans[i].text);
    if (!viewer) continue;
    std::vector<FeedMark> marks;
    const std::vector<Value>& views = orphans[i + 1].items;
    for (std::size_t v = 0; v + 1 < views.size(); v += 2) {
      const auto post = parse_id(views[v].text);
      const auto seen = parse_id(views[v + 1].text);
      if (post && seen) marks.push_back({*post, static_cast<FeedSeconds>(*seen)});
    }
    marks_.add(*viewer, std::move(marks));
  }
}

FeedStats RedisFeedStore::stats() const {
  FeedStats out;
  for (const auto& feeds : feeds_in_) out.warm += feeds;
  out.building = builds_now_;
  out.reads = counts_.reads;
  out.cold_reads = counts_.cold_reads;
  out.below_coverage_reads = counts_.below_coverage;
  out.unreachable_reads = counts_.unreachable;
  out.owed = debts_.size();
  out.pushes = counts_.pushes;
  out.push_inserted = counts_.inserted;
  out.push_skipped = counts_.skipped;
  out.builds = counts_.builds;
  out.builds_void = counts_.builds_void;
  out.builds_refused = counts_.builds_refused;
  out.invalidations = counts_.invalidations;
  out.swept_entries = counts_.swept;
  const FeedMarkBuffer::Counts marks = marks_.counts();
  out.unsaved_marks = marks.unsaved;
  out.marks = marks.marks;
  out.marks_dropped = marks.dropped;
  out.costs.push_ns_per_follower = push_ns_;
  return out;
}

}  // namespace madang::social
