// Where posts are kept as they are shown, and what is known of those who look at them: the port
// under PostCache. In process (post_cache_memory.hpp), or shared by several instances
// (post_cache_redis.hpp). Never the only copy of anything: everything here was read from SQL.
//
// What is not there comes with a lease. put() with a lease does nothing once its key has been
// forgotten since the lease was given: what was read from SQL between the two can be older than
// the write that forgot it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/task.hpp"

namespace madang::social {

/// A post's JSON, written in advance. Everything in it is the same for every viewer; what is not
/// (`liked`) stands between its two parts.
struct CachedPost {
  struct Facts {  // what decides who sees it
    Id id = 0;
    Id author = 0;
  };
  Facts post;
  std::string head;  // {"id":1,...,"comment_count":0,"liked":
  std::string tail;  // ,"created_at":"..."}
};

/// What one viewer's pages need beside the posts.
struct CachedViewer {
  std::vector<Id> blocked;             // authors blocked in either direction; sorted
  std::vector<Id> muted;               // sorted
  std::unordered_map<Id, bool> likes;  // what is known so far, of recently shown posts
};

/// What a change makes untrue.
struct Forgotten {
  std::vector<Id> posts{};
  std::vector<Id> viewers{};
  Id author = 0;  // all posts of; 0: of nobody
};

class PostCacheStore {
 public:
  using Lease = std::uint64_t;

  struct Page {
    std::vector<std::shared_ptr<const CachedPost>> posts;  // as asked for; null: not there
    std::vector<std::optional<Lease>> leases;    // of these; nothing: there is no use in put()
    std::shared_ptr<const CachedViewer> viewer;  // null: not there
    std::optional<Lease> viewer_lease;           // also of one that is there: for more likes
  };
  struct NewPost {
    std::shared_ptr<const CachedPost> post;
    Lease lease = 0;
  };
  struct NewViewer {
    Id viewer = 0;
    Lease lease = 0;
    std::shared_ptr<const CachedViewer> known;  // all of it
    std::vector<Id> likes;                      // those of its likes that are new
  };

  virtual ~PostCacheStore() = default;

  /// `viewer` 0: nobody. Never fails, and never waits long: what cannot be had is not there.
  virtual Task<Page> look(Deadline deadline, Id viewer, std::span<const Id> posts) = 0;
  /// Does not wait.
  virtual void put(std::vector<NewPost> posts, std::optional<NewViewer> viewer) = 0;
  /// After a commit and before it is answered.
  virtual Task<> forget(Forgotten what) = 0;
  /// The same for threads of our own.
  virtual void forget_blocking(const Forgotten& what) = 0;
};

}  // namespace madang::social
