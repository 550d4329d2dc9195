// The ranking: posts by likes in the last 7 days. Snapshots a minute apart; a list stays on the
// snapshot it was begun with, so that it neither repeats nor skips while the order moves on. They
// are kept in SQL, so that the next page may come from another instance.
#pragma once

#include <deque>
#include <mutex>

#include "modules/social/context.hpp"
#include "platform/http/written_page.hpp"

namespace madang::social {

class Ranking {
 public:
  static constexpr auto window = std::chrono::hours(7 * 24);
  static constexpr auto life = std::chrono::minutes(10);  // of a snapshot
  static constexpr std::int64_t size = 1'000;             // posts in it

  Ranking(Context context, std::chrono::seconds interval)
      : context_(context), interval_(interval) {}
  void mount(http::Api& api);

 private:
  struct Snapshot {
    Time taken_at{};
    std::vector<Id> posts;
  };
  using Shared = std::shared_ptr<const Snapshot>;

  Task<Result<http::WrittenPage<Post>>> page(http::Call& call, http::PageQuery query);
  Task<Result<Shared>> newest(Deadline deadline);
  Task<Result<Shared>> read_or_count(Deadline deadline, Time now);
  Task<> store(Deadline deadline, Snapshot& snapshot);
  /// Null: it is no more.
  Task<Result<Shared>> find(Deadline deadline, Time taken_at);
  Shared keep(Snapshot snapshot, Time now);

  Context context_;
  const std::chrono::seconds interval_;
  std::mutex mutex_;
  std::deque<Shared> snapshots_;  // newest first
  bool counting_ = false;         // somebody counts; the others take what there is
};

}  // namespace madang::social
