// Accounts and sessions on a real store, with every clock in the test's hand.
#pragma once

#include <gmock/gmock.h>
#include <stdlib.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "../../../tests/support/test_database.hpp"
#include "modules/identity/service.hpp"
#include "platform/events/sequencer.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
}  // namespace madang::db

namespace madang::identity::test {

using namespace std::chrono_literals;

/// What the modules above were asked for.
class RecordedHooks final : public AccountHooks {
 public:
  void created(db::Transaction&, Id account) override { made.push_back(account); }
  void withdrawn(db::Transaction&, Id account) override { gone.push_back(account); }
  void suspended(db::Transaction&, Id account, Id) override { shut_out.push_back(account); }
  void restored(db::Transaction&, Id account) override { let_in.push_back(account); }
  Result<std::optional<std::string>> change_avatar(db::Transaction&, Id,
                                                   std::optional<Id> media) override {
    if (media == 404) return fail(Kind::invalid, "media_not_yours", "There is no such picture.");
    return media ? std::optional("/media/" + std::to_string(*media)) : std::nullopt;
  }
  Task<> changed(Id account) override {
    told.push_back(account);
    co_return;
  }
  void changed_blocking(Id account) override { told.push_back(account); }
  bool erase(db::Transaction&, Id, std::int64_t) override { return ++erasures >= chunks; }

  std::vector<Id> made, gone, told, shut_out, let_in;
  int erasures = 0;
  int chunks = 1;  // how many it takes until nothing is left
};

class IdentityTest : public testing::Test {
 protected:
  static constexpr const char* password = "correct horse battery";

  IdentityTest() {
    const std::array<const db::ModuleSchema*, 3> schemas{&db::http_schema, &db::events_schema,
                                                         &db::identity_schema};
    db::migrate(*db_, schemas);
    ids_.extend(clock_.now() + std::chrono::days(1000));
    sequencer_.start();
  }
  ~IdentityTest() override {
    tasks_.wait();
    sequencer_.stop();
    db_->close();
    passwords_.close();
    pool_.stop();
    std::filesystem::remove_all(folder_);
  }

  template <class T>
  T run(Task<T> task) {
    return asio::co_spawn(pool_.any(), std::move(task), asio::use_future).get();
  }
  /// Both the wall clock and the steady one.
  void pass(Micros time) {
    clock_.advance(time);
    steady_ += time;
  }
  template <class... A>
  std::int64_t sql(std::string_view text, const A&... arguments) {
    return *db_->write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
      return tx.execute(text, arguments...);
    });
  }
  template <class T, class... A>
  T query(std::string_view text, const A&... arguments) {
    return *db_->read_blocking(
        [&](db::Transaction& tx) -> Result<T> { return tx.value<T>(text, arguments...).value(); });
  }

  static SignUp person(const std::string& handle) {
    return {{handle + "@yard.example"}, {password}, {handle}, {}};
  }
  Result<SignedIn> sign_up(const std::string& handle) {
    return run(service_.sign_up(Deadline::never(), person(handle), {"browser", "10.0.0.1"}));
  }
  Result<SignedIn> sign_in(const std::string& handle, const std::string& with = password,
                           const std::string& from = "10.0.0.1") {
    return run(service_.sign_in(Deadline::never(), {{handle + "@yard.example"}, {with}},
                                {"browser", from}));
  }
  std::optional<http::Principal> who(const std::string& token) {
    return run(sessions_.authenticate(token, Deadline::never())).value();
  }
  Result<void> withdraw(Id account, const std::string& with = password) {
    return run(service_.withdraw(Deadline::never(), account, {{with}}));
  }
  /// How often the thread of passwords was given work.
  std::uint64_t hashes() { return counted("madang_pool_wait_seconds_count{pool=\"passwords\"}"); }
  std::uint64_t counted(const std::string& series) {
    const std::string text = registry_.scrape();
    const auto at = text.find("\n" + series + " ");
    if (at == text.npos) return 0;
    return std::stoull(text.substr(at + series.size() + 2));
  }

  std::filesystem::path folder_ = [] {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "madang-identity-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  metrics::Registry registry_;
  ManualClock clock_{Time(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21))};
  Deadline::Steady::time_point steady_{1h};
  SeededRandom random_{7};
  runtime::IoPool pool_{1};
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_ / "store.db", registry_);
  IdGenerator ids_{clock_, 1, clock_.now()};
  events::Outbox outbox_{clock_};
  events::Sequencer sequencer_{*db_, {.tick = std::chrono::milliseconds(1)}, "test", registry_};
  runtime::TaskGroup tasks_{"test", registry_};
  Passwords passwords_{{.passes = 1, .memory = 8192}, registry_};
  SessionStore sessions_{*db_,   ids_,     clock_, random_, {.steady = [this] { return steady_; }},
                         tasks_, registry_};
  RecordedHooks hooks_;
  http::RateLimiter limiter_{1000, registry_};
  Service service_{*db_,
                   ids_,
                   clock_,
                   outbox_,
                   passwords_,
                   sessions_,
                   hooks_,
                   limiter_,
                   {.email_hash_key = std::vector<std::byte>(32, std::byte{9}),
                    .steady = [this] { return steady_; }}};
};

}  // namespace madang::identity::test
