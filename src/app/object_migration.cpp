#include "app/object_migration.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace madang::app {

namespace {

constexpr std::size_t max_waiting = 1'000;  // keys listed ahead
constexpr std::uint64_t max_object = 64u << 20;

class Migration {
 public:
  Migration(objects::DiskStore& from, objects::ObjectStore& to, MigrationOptions options,
            const std::function<void(const ObjectMigration&)>& progress)
      : from_(from), to_(to), options_(options), progress_(progress) {}

  Result<ObjectMigration> run() {
    Result<void> listed;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < options_.threads; ++i) threads.emplace_back([this] { work(); });
      listed = from_.each_key([this](std::string key) { return offer(std::move(key)); });
      const std::lock_guard lock(mutex_);
      complete_ = true;
      changed_.notify_all();
    }
    if (!listed) return fail(std::move(listed.error()));
    if (problem_) return fail(std::move(*problem_));
    return done_;
  }

 private:
  bool offer(std::string key) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return keys_.size() < max_waiting || problem_; });
    if (problem_) return false;
    keys_.push_back(std::move(key));
    changed_.notify_all();
    return true;
  }

  std::optional<std::string> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !keys_.empty() || complete_ || problem_; });
    if (keys_.empty() || problem_) return {};
    std::string key = std::move(keys_.front());
    keys_.pop_front();
    changed_.notify_all();
    return key;
  }

  void work() {
    while (const auto key = next()) {
      const Result<std::uint64_t> copied = copy(*key);
      const std::lock_guard lock(mutex_);
      if (!copied) {
        if (!problem_) problem_ = named(copied.error(), *key);
        changed_.notify_all();
        return;
      }
      ++done_.objects;
      if (*copied != nothing) {
        ++done_.copied;
        done_.bytes += *copied;
      }
      if (done_.objects % options_.progress_every == 0) progress_(done_);
    }
  }

  static Problem named(Problem problem, const std::string& key) {
    problem.detail = key + ": " + problem.detail;
    return problem;
  }

  static constexpr std::uint64_t nothing = ~std::uint64_t{0};
  /// How many bytes were, or would be, copied.
  Result<std::uint64_t> copy(const std::string& key) {
    const auto here = from_.head(key);
    if (!here && here.error().code == "no_such_object") return nothing;  // removed meanwhile
    if (!here) return fail(here.error());
    const auto there = to_.head(key);
    if (!there && there.error().code != "no_such_object") return fail(there.error());
    if (there && same(*there, *here)) return nothing;
    if (options_.dry_run) return here->size;
    const auto object = from_.get(key, max_object);
    if (!object && object.error().code == "no_such_object") return nothing;
    if (!object) return fail(object.error());
    const auto put = to_.put(key, object->info.content_type, object->bytes);
    if (!put) return fail(put.error());
    const auto arrived = to_.head(key);
    if (!arrived) return fail(arrived.error());
    if (!same(*arrived, object->info))
      return fail(Kind::internal, "object_differs", "what arrived is not what was sent");
    return object->info.size;
  }

  static bool same(const objects::ObjectInfo& a, const objects::ObjectInfo& b) {
    return a.size == b.size && a.etag == b.etag && a.content_type == b.content_type;
  }

  objects::DiskStore& from_;
  objects::ObjectStore& to_;
  const MigrationOptions options_;
  const std::function<void(const ObjectMigration&)>& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> keys_;
  bool complete_ = false;
  std::optional<Problem> problem_;
  ObjectMigration done_;
};

}  // namespace

Result<ObjectMigration> copy_objects(objects::DiskStore& from, objects::ObjectStore& to,
                                     MigrationOptions options,
                                     const std::function<void(const ObjectMigration&)>& progress) {
  return Migration(from, to, options, progress).run();
}

}  // namespace madang::app
