// Posts in a database and caches over it, for tests of the cache.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <deque>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "../../../tests/support/run_task.hpp"
#include "../../../tests/support/test_database.hpp"
#include "modules/social/post_cache.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {

using namespace std::chrono_literals;

/// Three people; the second and the third have written posts.
class PostTown {
 public:
  static constexpr Id reader = 1, author = 2, other = 3;

  PostTown() {
    std::string name = (std::filesystem::temp_directory_path() / "madang-posts-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    db_ = db::open_test_database(folder_ / "test.sqlite", registry);
    const db::ModuleSchema* const modules[] = {&db::http_schema, &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema};
    db::migrate(*db_, modules);
    ids_.extend(clock_.now() + std::chrono::days(1));
    write([&](db::Transaction& tx) {
      add_account(tx, reader, "reader");
      add_account(tx, author, "author");
      add_account(tx, other, "other");
    });
  }
  PostTown(const PostTown&) = delete;
  PostTown& operator=(const PostTown&) = delete;
  ~PostTown() {
    db_->close();
    std::filesystem::remove_all(folder_);
  }

  db::Database& db() { return *db_; }
  template <class Body>
  void write(Body body) {
    const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
      body(tx);
      return {};
    });
    if (!done) throw std::runtime_error(done.error().detail);
  }
  std::vector<Id> add_posts(int count, Id by = author) {
    std::vector<Id> out;
    write([&](db::Transaction& tx) {
      out.clear();
      for (int i = 0; i < count; ++i) {
        out.push_back(ids_.next().value());
        insert_post(tx, {out.back(), by, "0", 0, 0, clock_.now(), {}}, {});
      }
    });
    return out;
  }
  /// Without telling anybody.
  void set_text(Id post, std::string_view text) {
    write([&](db::Transaction& tx) {
      tx.execute("update posts set body = ? where id = ?", text, post);
    });
  }
  void set_like(Id post, bool liked) {
    write([&](db::Transaction& tx) {
      if (liked)
        insert_like(tx, post, reader, clock_.now());
      else
        delete_like(tx, post, reader);
    });
  }

  /// For one thread. Outlives the database and its clients, which post to it until they end.
  asio::io_context& add_io() {
    const std::lock_guard lock(mutex_);
    return ios_.emplace_back(1);
  }

  metrics::Registry registry;

 private:
  static void add_account(db::Transaction& tx, Id id, std::string_view name) {
    tx.execute(
        "insert into accounts (id, handle, handle_key, name, name_key, bio, password_hash, "
        "is_admin, state, created_at, updated_at) values (?, ?, ?, ?, ?, '', '', 0, 0, 0, 0)",
        id, name, name, name, name);
    insert_profile(tx, id);
  }

  std::mutex mutex_;
  std::deque<asio::io_context> ios_;
  std::filesystem::path folder_;
  ManualClock clock_{id_epoch + std::chrono::days(40)};
  IdGenerator ids_{clock_, 1, clock_.now()};
  std::unique_ptr<db::Database> db_;
};

/// One who reads and writes, on a thread of its own.
class PostVisitor {
 public:
  PostVisitor(PostTown& town, PostCache& cache, Id viewer = PostTown::reader)
      : io_(town.add_io()), cache_(cache), viewer_(viewer) {}

  template <class T>
  T run(Task<T> task) {
    return test::run_task(io_, std::move(task));
  }
  boost::json::array show(std::span<const Id> posts) {
    const auto shown =
        run(cache_.show(Deadline::after(20s), viewer_, posts, PostCache::Muted::left_out));
    if (!shown) throw std::runtime_error(shown.error().detail);
    std::string text;
    for (const auto& post : *shown) PostCache::write(text += text.empty() ? "[" : ",", post);
    return boost::json::parse(text.empty() ? "[]" : text + "]").as_array();
  }
  boost::json::value show(Id post) {
    const boost::json::array shown = show(std::span(&post, 1));
    return shown.empty() ? boost::json::value() : shown[0];
  }
  /// Of what is shown; `-` when it is not.
  std::string text_of(Id post) {
    const boost::json::value shown = show(post);
    return shown.is_null() ? "-" : std::string(shown.at("text").as_string());
  }
  void forget(Forgotten what) { run_void(cache_.forget(std::move(what))); }

 private:
  void run_void(Task<> task) {
    std::future<void> done = asio::co_spawn(io_, std::move(task), asio::use_future);
    if (io_.stopped()) io_.restart();
    while (done.wait_for(0s) != std::future_status::ready) io_.run_one_for(10ms);
    done.get();
  }

  asio::io_context& io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  PostCache& cache_;
  const Id viewer_;
};

}  // namespace madang::social
