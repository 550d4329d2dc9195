// Views that this instance was told of and that are not in SQL yet. Bounded; thread-safe.
#pragma once

#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "modules/social/feed_store.hpp"

namespace madang::social {

class FeedMarkBuffer {
 public:
  FeedMarkBuffer(std::size_t max_per_viewer, std::size_t max_in_all)
      : max_per_viewer_(max_per_viewer), max_in_all_(max_in_all) {}

  /// Those that were taken in, or known; the others found no room and count as dropped.
  std::vector<FeedMark> add(Id viewer, std::vector<FeedMark> marks);
  std::vector<FeedMark> pending(Id viewer) const;

  // As FeedStore has them; saved() answers what was saved.
  std::vector<UnsavedMarks> take(std::size_t max_viewers);
  std::vector<UnsavedMarks> saved(std::span<const Id> viewers);
  void failed(std::span<const Id> viewers);

  struct Counts {
    std::size_t unsaved = 0;
    std::uint64_t marks = 0, dropped = 0;
  };
  Counts counts() const;

 private:
  struct Viewer {
    std::vector<FeedMark> unsaved;
    std::vector<FeedMark> saving;  // handed out
    bool queued = false;
  };
  void queue(Id viewer, Viewer& of);

  const std::size_t max_per_viewer_;
  const std::size_t max_in_all_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<Id, Viewer> viewers_;
  std::deque<Id> queue_;  // each once, with something unsaved
  Counts counts_;
};

}  // namespace madang::social
