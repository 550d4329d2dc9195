// For tests: a server around a feed store, driven step by step at random, and compared page by page
// with the plain rules. Everything that runs beside requests on a server (fan-out, builds, changes
// of policy, saving of marks) is cut into the stages between which other things can happen.
#pragma once

#include <deque>
#include <memory>

#include "base/random.hpp"
#include "modules/social/feed_reference.hpp"
#include "modules/social/feed_store_memory.hpp"

namespace madang::social {

struct FeedModelSettings {
  MemoryFeedOptions store;
  Id people = 8;
  bool pulls = true;
  bool clock_jumps = true;
  bool clock_back = true;
  bool wipes = true;
  bool lag = true;  // false: the fan-out has always caught up before anyone reads
};

/// How often what was tried: a test that compares nothing must not pass.
struct FeedModelTally {
  std::size_t pages = 0, live_pages = 0, from_store = 0, from_sql = 0, below_coverage = 0,
              crossed = 0, floors = 0;
  std::size_t lists_checked = 0, builds = 0, void_tickets = 0, excused = 0;
  std::size_t unreached = 0, jumps = 0, wipes = 0;
  std::size_t evictions = 0, overflows = 0, ring_overflows = 0, trims = 0;
};

class FeedModel {
 public:
  FeedModel(std::uint64_t seed, FeedModelSettings settings);

  /// One random step; what went wrong, or nothing.
  std::string step();
  const FeedModelTally& tally() const { return tally_; }
  FeedStats stats() const { return store_->stats(); }
  std::string trace() const;

 private:
  struct OpenList {
    Id viewer = 0;
    std::optional<FeedCursor> cursor;
    std::vector<Id> at_begin;  // the whole list, when it was begun
    std::set<Id> shown;
    std::set<Id> touched;  // authors whose follow changed since
    bool begun = false;
    bool excused = false;  // the clock was set back, or marks were lost
  };
  struct Delivery {  // a post on its way
    FeedPost post;
    bool removal = false;
    enum class Stage { fresh, policy_read, followers_read } stage = Stage::fresh;
    std::vector<FeedFollower> followers;
    std::uint64_t read_seq = 0;
  };
  struct Building {
    BuildTicket ticket;
    Time begun{};
    std::optional<FeedSnapshot> snapshot;
  };
  struct Turning {
    Id author = 0;
    std::optional<std::vector<FeedFollower>> followers;
  };
  struct Served {
    FeedListPage page;
    bool from_store = false;
  };

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  Id person() {
    return static_cast<Id>(random_.below(static_cast<std::uint64_t>(settings_.people))) + 1;
  }
  void note(std::string what);

  void move_clock();
  void write_post();
  void change_follow();
  void delete_post();
  void deliver();
  void deliver_all();
  void change_policy();
  void build();
  void begin_build(Id viewer);
  void save_marks();
  void save_all_marks();
  void forget_something();
  std::string read();
  Served serve(Id viewer, const std::optional<FeedCursor>& cursor, std::size_t limit);
  Served from_sql(Id viewer, const std::optional<FeedCursor>& cursor, std::size_t limit);
  void add_archive(Id viewer, Served& served, std::size_t limit, Time begun);
  void mark_seen(Id viewer, const FeedListPage& page, Time at);
  std::string compare(OpenList& list, const Served& served, std::size_t limit);
  std::string explain(const OpenList& list, const FeedListPage& page,
                      const FeedListPage& expected) const;
  std::string follow_list(OpenList& list, const FeedListPage& page);
  std::string check_end(const OpenList& list) const;
  std::set<Id> unreached(Id viewer) const;
  bool ghosts(Id viewer) const;
  std::string check_marks() const;

  FeedModelSettings settings_;
  SeededRandom random_;
  Time now_;
  Time marks_settled_{};
  FeedWorld world_;
  std::unique_ptr<MemoryFeedStore> store_;
  std::deque<Delivery> deliveries_;
  std::deque<FeedPost> delivered_;  // lately, to be delivered once more
  std::vector<Building> buildings_;
  std::optional<Turning> turning_;
  std::optional<std::pair<std::vector<UnsavedMarks>, bool>> saving_;  // committed?
  std::map<Id, std::uint64_t> warm_seq_;
  std::vector<OpenList> lists_;
  std::map<Id, std::map<Id, FeedSeconds>> views_;  // all that were ever made and not lost
  std::map<Id, std::set<Id>> lapsed_;              // views that were forgotten and made anew
  FeedSeconds latest_ = 0;                         // the furthest the clock has been
  FeedModelTally tally_;
  std::deque<std::string> notes_;
};

}  // namespace madang::social
