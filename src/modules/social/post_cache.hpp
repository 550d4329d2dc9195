// Posts as they are shown: a page is put together from fragments of JSON that are kept ready. Look-
// aside on reading, forgotten on writing: no page that begins after a write was answered shows what
// was before it. How far that reaches when the cache is shared says post_cache_redis.hpp.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "modules/social/post_cache_store.hpp"
#include "modules/social/storage.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::social {

class PostCache {
 public:
  PostCache(db::Database& db, std::unique_ptr<PostCacheStore> store);
  /// In this process alone.
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
  Task<> forget(Forgotten what) { return store_->forget(std::move(what)); }
  Task<> forget_post(Id post) { return forget({.posts = {post}}); }
  Task<> forget_author(Id author) { return forget({.author = author}); }
  Task<> forget_viewer(Id viewer) { return forget({.viewers = {viewer}}); }
  /// What shows the account, what is shown to it, and these posts. For threads of our own: blocks.
  void forget_account_blocking(Id account, std::span<const Id> posts);

  static void write(std::string& out, const Shown& shown);
  /// No fewer bytes than write() appends.
  static std::size_t written_size(const Shown& shown) {
    return shown.post->head.size() + std::size("false") + shown.post->tail.size();
  }

 private:
  static constexpr std::size_t max_likes = 512;  // known likes a viewer

  struct Missing;
  struct Loaded;
  Result<void> read(db::Transaction& tx, Id viewer, const Missing& missing, bool name_deleted,
                    Loaded& loaded);
  Task<Result<void>> load(Deadline deadline, Id viewer, Missing& missing, std::vector<Id>* deleted);
  static std::shared_ptr<const CachedViewer> merge(const Missing& missing, Loaded& loaded);

  db::Database& db_;
  const std::unique_ptr<PostCacheStore> store_;
};

/// Runs the write, then forgets what it may have changed, whatever came of it: of one that threw
/// nobody knows whether it was committed. `what` may be filled in by the transaction's body.
template <class T>
Task<Result<T>> write_and_forget(Task<Result<T>> write, PostCache& cache, const Forgotten& what) {
  std::optional<Result<T>> done;
  std::exception_ptr thrown;
  try {
    Result<T> result = co_await std::move(write);
    done.emplace(std::move(result));
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await cache.forget(what);
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(*done);
}

}  // namespace madang::social
