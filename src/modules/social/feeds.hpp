// The home feed: pages from the store where it knows, from SQL where it does not; the rebuilding
// of what is cold; the saving of what was seen.
#pragma once

#include "modules/social/context.hpp"
#include "modules/social/feed_sql.hpp"
#include "platform/http/written_page.hpp"
#include "platform/resilience/degraded.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::social {

class Feeds {
 public:
  using Page = http::WrittenPage<FeedListItem>;
  /// A list is gone on with for this long; then its cursor is refused and it is begun again.
  static constexpr auto cursor_life = std::chrono::hours(24);

  Feeds(Context context, FeedStore& store, runtime::TaskGroup& tasks, metrics::Registry& registry);
  void mount(http::Api& api);

  /// A page of the viewer's list: at its beginning, or where `cursor` says. `mark_seen`: its posts
  /// count as seen from now on. `degraded` is told when it had to do without the store. Errors:
  /// bad_cursor, cursor_expired, database_busy.
  Task<Result<Page>> read_page(Deadline deadline, Id viewer, std::optional<std::string> cursor,
                               std::size_t limit, bool mark_seen,
                               resilience::Degraded* degraded = nullptr);

  /// The author's own post, at once.
  Task<> add_own(Id post, Id author, Time created_at);
  /// The account follows others now, or fewer.
  Task<> follows_changed(Id account);

  /// Saves what was seen, in batches, until nothing is left. Blocks: the housekeeper's.
  void save_marks();
  void sweep();

 private:
  struct Row {
    FeedItem item;
    FeedPart part = FeedPart::live;
    PostCache::Shown shown;
  };
  /// A list on its way: what was collected, and where it goes on.
  struct List {
    Id viewer = 0;
    Time begun{};
    std::optional<FeedCursor> at;  // nothing: at its beginning
    bool ended = false;
    bool degraded = false;   // the store does not answer: it is not waited for again
    bool too_early = false;  // it does, but cannot hold feeds yet
    std::vector<Row> rows;
  };
  using Batch = std::vector<std::pair<FeedItem, FeedPart>>;

  Task<Result<Page>> page(http::Call& call, FeedQueryParameters query);
  static Page write(const List& list);
  Task<Result<Batch>> next_batch(Deadline deadline, List& list, std::size_t limit);
  Task<FeedAnswer> from_store(Deadline deadline, List& list, std::size_t limit, Batch& batch);
  Task<Result<Batch>> from_sql(Deadline deadline, List& list, std::size_t limit);
  Task<Result<void>> append(Deadline deadline, List& list, const Batch& batch);
  static Deadline patience(Deadline deadline, const List& list);
  Task<> build(BuildTicket ticket);

  Context context_;
  FeedStore& store_;
  runtime::TaskGroup& tasks_;
  metrics::Counter& from_memory_;
  metrics::Counter& from_sql_;
};

}  // namespace madang::social
