#include "modules/social/feed_store_redis.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "base/random.hpp"

namespace madang::social {

namespace {

using redis::Command;
using redis::Results;
using redis::Value;

/// The last event of a transaction that knows better than every snapshot: exact in a script.
constexpr std::uint64_t newest_seq = (std::uint64_t(1) << 53) - 1;

Deadline sooner(Deadline deadline, std::chrono::milliseconds patience) {
  const Deadline mine = Deadline::after(patience);
  return mine.at() < deadline.at() ? mine : deadline;
}

}  // namespace

RedisFeedStore::RedisFeedStore(const RedisFeedOptions& options, redis::Client& client,
                               const Clock& clock)
    : options_(options),
      client_(client),
      clock_(clock),
      marks_(options.max_marks_per_viewer, options.max_marks),
      debts_(options.max_debts),
      next_ticket_(std::bit_cast<std::uint64_t>(SystemRandom().bytes<8>())) {}

// ---- reading

Task<FeedPage> RedisFeedStore::read(Deadline deadline, Id viewer, FeedQuery query) {
  ++counts_.reads;
  FeedPage page{.answer = FeedAnswer::unreachable};
  if (debts_.owes(viewer) || deadline.passed()) {
    ++counts_.unreachable;
    co_return page;
  }
  const Deadline by = sooner(deadline, options_.read_patience);
  Command command = Command::read("GET").key(FeedKeys::feed(viewer)).with_reign();
  const Result<Value> found = co_await client_.execute(std::move(command), by);
  if (!found) {
    ++counts_.unreachable;
    co_return page;
  }
  const auto scan =
      FeedScan::decode(found->items[0].text, found->items[1].text, FeedLife::seconds(query.begun));
  if (!scan) {
    ++counts_.cold_reads;
    page.answer = FeedAnswer::cold;
    co_return page;
  }
  page = answer(viewer, query, *scan, page_of(*scan, query, options_.limits.max_live));
  if (page.answer == FeedAnswer::page && touches(query, scan->head))
    co_await touch(by, viewer, query.begun);
  co_return page;
}

/// What the head says about a page that was found.
FeedPage RedisFeedStore::answer(Id viewer, const FeedQuery& query, const FeedScan& scan,
                                FeedPage page) {
  const FeedSeconds begun = FeedLife::seconds(query.begun);
  const auto longest = static_cast<std::uint64_t>(options_.longest_life.count());
  if (std::uint64_t(begun) + FeedLife::grace < scan.head.cleared ||
      begun > scan.head.taken + longest || (query.below != 0 && query.from_sql))
    page = {.answer = FeedAnswer::below_coverage};
  if (page.answer == FeedAnswer::page) return page;
  ++counts_.below_coverage;
  if (query.below != 0) return page;
  forget_soon(viewer);  // of no use to anyone any more: let it be built anew
  page.answer = FeedAnswer::cold;
  return page;
}

/// Before anything that is asked later about this feed.
void RedisFeedStore::forget_soon(Id viewer) {
  Commands commands = forget_commands({&viewer, 1});
  client_.fire(std::move(commands), Deadline::after(options_.try_for), [](const Results&) {});
}

/// That a feed is read is written down once an hour.
bool RedisFeedStore::touches(const FeedQuery& query, const FeedHead& head) {
  constexpr FeedSeconds hour = 3'600;
  return query.below == 0 && FeedLife::seconds(query.begun) > std::uint64_t(head.read) + hour;
}

Task<> RedisFeedStore::touch(Deadline by, Id viewer, Time now) {
  Command command = Command::script(scripts_.touch, 2)
                        .key(FeedKeys::feed(viewer))
                        .key(FeedKeys::bucket(feed_bucket(viewer)))
                        .arg(FeedLife::seconds(now))
                        .arg(viewer);
  (void)co_await client_.execute(std::move(command), by);
}

// ---- one's own changes

/// Until it is done, or owed. A connection that is half open is replaced meanwhile; whoever refuses
/// at once would refuse again.
Task<> RedisFeedStore::insist(Deadline deadline, Command command, Id viewer) {
  while (!deadline.passed()) {
    Command attempt = command;
    const Deadline by = sooner(deadline, options_.try_for);
    const Result<Value> done = co_await client_.execute(std::move(attempt), by);
    if (done) co_return;
    if (done.error().code != "redis_timeout") break;
  }
  debts_.owe(viewer);
}

Task<> RedisFeedStore::add_own(Deadline deadline, FeedPost post) {
  const FeedFollower self{post.author, post.created_at};
  const FeedFollower* const only = &self;
  Command command =
      push_command(post, newest_seq, Pushed::again, feed_bucket(post.author), {&only, 1});
  co_await insist(deadline, std::move(command), post.author);
}

Task<> RedisFeedStore::invalidate(Deadline deadline, Id viewer) {
  ++counts_.invalidations;
  Command command = Command::write("UNLINK").key(FeedKeys::feed(viewer));
  co_await insist(deadline, std::move(command), viewer);
}

/// Not insisted on: the next page meets the post again.
Task<> RedisFeedStore::erase(Deadline deadline, Id viewer, Id post) {
  if (deadline.passed()) co_return;
  Command command = Command::script(scripts_.remove, 1)
                        .key(FeedKeys::bucket(feed_bucket(viewer)))
                        .arg(post)
                        .arg(viewer);
  const Deadline by = sooner(deadline, options_.read_patience);
  (void)co_await client_.execute(std::move(command), by);
}

// ---- views

Task<> RedisFeedStore::mark_seen(Deadline deadline, Id viewer, std::vector<Id> posts, Time now) {
  std::vector<FeedMark> marks;
  marks.reserve(posts.size());
  for (const Id post : posts) marks.push_back({post, FeedLife::seconds(now)});
  marks = marks_.add(viewer, std::move(marks));
  if (marks.empty()) co_return;
  if (deadline.passed()) {
    debts_.owe(viewer);
    co_return;
  }
  Command command = Command::script(scripts_.mark, 3)
                        .key(FeedKeys::feed(viewer))
                        .key(FeedKeys::views(viewer))
                        .key(FeedKeys::unsaved_in(feed_bucket(viewer)))
                        .arg(FeedLife::seconds(now))
                        .arg(first_id_at(now - FeedLife::may_still_arrive))
                        .arg(options_.views_life.count())
                        .arg(options_.max_marks_per_viewer)
                        .arg(viewer);
  for (const FeedMark& mark : marks) command.add_number(mark.post);
  const Deadline by = sooner(deadline, options_.read_patience);
  const Result<Value> told = co_await client_.execute(std::move(command), by);
  // The feed does not have them, or may not: it must not be believed here.
  if (!told) debts_.owe(viewer);
}

Task<std::vector<FeedMark>> RedisFeedStore::pending_marks(Deadline deadline, Id viewer) {
  std::vector<FeedMark> marks = marks_.pending(viewer);
  if (deadline.passed()) co_return marks;
  Command command = Command::read("HGETALL").key(FeedKeys::views(viewer));
  const Deadline by = sooner(deadline, options_.read_patience);
  const Result<Value> found = co_await client_.execute(std::move(command), by);
  if (!found) co_return marks;
  for (std::size_t i = 0; i + 1 < found->items.size(); i += 2) {
    const auto post = parse_id(found->items[i].text);
    const auto seen = parse_id(found->items[i + 1].text);
    if (post && seen) marks.push_back({*post, static_cast<FeedSeconds>(*seen)});
  }
  co_return marks;
}

// ---- building

Task<std::expected<BuildTicket, BuildRefusal>> RedisFeedStore::begin_build(Deadline deadline,
                                                                           Id viewer) {
  if (builds_now_.fetch_add(1) >= options_.max_builds) {
    --builds_now_;
    ++counts_.builds_refused;
    co_return std::unexpected(BuildRefusal::too_many_builds);
  }
  const std::uint64_t number = next_ticket_++;
  const FeedSeconds now = FeedLife::seconds(clock_.now());
  Result<Value> begun = busy("redis_unavailable", "It is owed.");
  if (!debts_.owes(viewer)) {
    Command command = Command::script(scripts_.begin, 4)
                          .key(FeedKeys::feed(viewer))
                          .key(FeedKeys::views(viewer))
                          .key(FeedKeys::bucket(feed_bucket(viewer)))
                          .key(FeedKeys::reign(feed_bucket(viewer)))
                          .arg(FeedHead{.build = number}.encode())
                          .arg(options_.build_timeout.count())
                          .arg(now)
                          .arg(viewer)
                          .arg(options_.young.count());
    const Deadline by = sooner(deadline, options_.read_patience);
    begun = co_await client_.execute(std::move(command), by);
  }
  if (begun && begun->integer == 0) co_return BuildTicket{viewer, number};
  --builds_now_;
  ++counts_.builds_refused;
  if (!begun) co_return std::unexpected(BuildRefusal::unreachable);
  if (begun->integer == 3) co_return std::unexpected(BuildRefusal::too_early);
  co_return std::unexpected(begun->integer == 1 ? BuildRefusal::already_warm
                                                : BuildRefusal::already_building);
}

Command RedisFeedStore::finish_command(const BuildTicket& ticket, FeedSnapshot snapshot) const {
  const FeedSeconds taken = FeedLife::seconds(snapshot.taken_at);
  // What only this instance knows, should Redis have lost it, is as good as stored.
  const std::vector<FeedMark> here = marks_.pending(ticket.viewer);
  const std::vector<FeedMark> views = merge_feed_marks(snapshot.marks, here, taken);
  const FeedHead head{.warm = true,
                      .build = ticket.number,
                      .seq = snapshot.seq,
                      .covers_from = snapshot.covers_from,
                      .cleared = taken,
                      .read = taken,
                      .taken = taken};
  // Oldest first, as they would have come.
  std::map<Id, std::string> records;
  for (const FeedItem& item : snapshot.items) {
    const FeedSeconds seen = first_seen(views, item.post);
    if (item.post < snapshot.covers_from || FeedLife::over(item.inserted, seen, taken)) continue;
    std::string& of = records[item.post];
    of = encode_feed_record('p', item.post, item.inserted);
    if (seen != 0) of += encode_feed_record('v', item.post, seen);
  }
  // Seen on a page from SQL: the post itself may still come.
  const Id youngest = first_id_at(snapshot.taken_at - FeedLife::may_still_arrive);
  for (const FeedMark& mark : here)
    if (mark.post >= std::max(youngest, snapshot.covers_from))
      records.try_emplace(mark.post, encode_feed_record('v', mark.post, mark.first_seen));
  std::string all;
  for (const auto& [post, of] : records) all += of;
  return Command::script(scripts_.finish, 1)
      .key(FeedKeys::feed(ticket.viewer))
      .arg(head.encode())
      .arg(all);
}

Task<BuildOutcome> RedisFeedStore::finish_build(Deadline deadline, BuildTicket ticket,
                                                FeedSnapshot snapshot) {
  --builds_now_;
  Command command = finish_command(ticket, std::move(snapshot));
  const Deadline by = sooner(deadline, options_.push_patience);
  const Result<Value> done = co_await client_.execute(std::move(command), by);
  const bool warm = done && done->integer == 1;
  ++(warm ? counts_.builds : counts_.builds_void);
  co_return warm ? BuildOutcome::warm : BuildOutcome::void_ticket;
}

Task<> RedisFeedStore::abandon_build(Deadline deadline, BuildTicket ticket) {
  --builds_now_;
  Command command = Command::script(scripts_.abandon, 1)
                        .key(FeedKeys::feed(ticket.viewer))
                        .arg(FeedHead{.build = ticket.number}.encode());
  const Deadline by = sooner(deadline, options_.read_patience);
  (void)co_await client_.execute(std::move(command), by);
}

}  // namespace madang::social
