// Posts as they are shown, kept in process with their JSON written in advance: a page is put
// together from fragments. Everything in a fragment is the same for every viewer; what is not
// (`liked`) stands between its two parts.
#pragma once

#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "modules/social/storage.hpp"
#include "platform/cache/cache.hpp"

namespace madang::social {

struct CachedPost {
  Post post;         // `liked` is false
  std::string head;  // {"id":1,...,"comment_count":0,"liked":
  std::string tail;  // ,"created_at":"..."}
};

/// What one viewer's pages need beside the posts.
struct CachedViewer {
  std::set<Id> blocked;  // authors blocked in either direction
  std::set<Id> muted;
  std::unordered_map<Id, bool> likes;  // what is known so far, of recently shown posts
};

class PostCache {
 public:
  PostCache(db::Database& db, std::size_t posts, std::size_t viewers, metrics::Registry& registry);

  enum class Muted { left_out, shown };
  struct Shown {
    std::shared_ptr<const CachedPost> post;
    bool liked = false;
  };
  /// Those posts that exist and that `viewer` (0: nobody) may see, in the order asked for. Reads
  /// SQL at most once. `deleted`, when given: those that are deleted for good (not: hidden, or of
  /// authors who cannot be seen) are appended to it.
  Task<Result<std::vector<Shown>>> show(Deadline deadline, Id viewer, std::span<const Id> ids,
                                        Muted muted, std::vector<Id>* deleted = nullptr);

  // After a commit that changed them and before it is answered.
  Task<> forget_post(Id post);
  Task<> forget_author(Id author);
  Task<> forget_viewer(Id viewer);
  /// What shows the account, what is shown to it, and these posts. For threads of our own: blocks.
  void forget_account_blocking(Id account, std::span<const Id> posts);

  static void write(std::string& out, const Shown& shown);
  /// No fewer bytes than write() appends.
  static std::size_t written_size(const Shown& shown) {
    return shown.post->head.size() + std::size("false") + shown.post->tail.size();
  }

 private:
  using Posts = cache::Cache<Id, CachedPost>;
  using Viewers = cache::Cache<Id, CachedViewer>;
  static constexpr std::size_t max_likes = 512;  // known likes a viewer

  struct Missing;
  void erase_author(Id author);
  Task<Result<void>> load(Deadline deadline, Id viewer, std::span<const Id> ids, Missing& missing,
                          std::vector<Id>* deleted);

  db::Database& db_;
  Posts posts_;
  Viewers viewers_;
};

}  // namespace madang::social
