// Sessions: the cache's second, the hourly mark, the sliding end, revocation.
#include "modules/identity/sessions.hpp"

#include <future>
#include <sstream>

#include "modules/identity/identity_fixture.hpp"

namespace madang::identity {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

class SessionStoreTest : public test::IdentityTest {
 protected:
  SessionStoreTest() {
    const auto in = sign_up("ann").value();
    account_ = in.account.id;
    token_ = *in.token;
    began_ = clock_.now();
  }
  /// By all pools.
  double statements() {
    double sum = 0;
    std::istringstream all(registry_.scrape());
    for (std::string line; std::getline(all, line);)
      if (line.starts_with("madang_db_statement_cache_total{"))
        sum += std::stod(line.substr(line.rfind(' ') + 1));
    return sum;
  }
  std::uint64_t reads() { return counted("madang_cache_misses_total{cache=\"sessions\"}"); }
  Time last_used() { return from_micros(query<std::int64_t>("select last_used_at from sessions")); }
  Time ends() { return from_micros(query<std::int64_t>("select expires_at from sessions")); }
  void revoke_elsewhere() { ASSERT_EQ(sql("delete from sessions"), 1); }

  Id account_ = 0;
  std::string token_;
  Time began_;
};

TEST_F(SessionStoreTest, KnowsItsTokensAndNoOthers) {
  const auto found = who(token_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->account, account_);
  EXPECT_FALSE(found->admin);
  EXPECT_EQ(token_.size(), 43u);
  EXPECT_FALSE(who(""));
  EXPECT_FALSE(who(token_.substr(1)));
  std::string other = token_;
  other[20] = other[20] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(who(other));
}

TEST_F(SessionStoreTest, KeepsNoTokenOnlyItsHash) {
  EXPECT_EQ(query<int>("select count(*) from sessions where token_hash = ?",
                       db::BytesView(std::as_bytes(std::span(token_)))),
            0);
  EXPECT_EQ(query<int>("select length(token_hash) from sessions"), 32);
}

TEST_F(SessionStoreTest, AsksTheStoreOnceASecond) {
  ASSERT_TRUE(who(token_));
  const auto first = reads();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(who(token_));
  pass(1s);
  ASSERT_TRUE(who(token_));
  EXPECT_EQ(reads(), first);
  pass(1ms);
  ASSERT_TRUE(who(token_));
  EXPECT_EQ(reads(), first + 1);
}

TEST_F(SessionStoreTest, ARevocationElsewhereIsSeenWithinTheCachesSecond) {
  ASSERT_TRUE(who(token_));
  revoke_elsewhere();
  EXPECT_TRUE(who(token_));  // not asked yet
  pass(1s + 1ms);
  EXPECT_FALSE(who(token_));
}

TEST_F(SessionStoreTest, TheCachesSecondIsNotStretchedByAWallClockThatIsSetBack) {
  ASSERT_TRUE(who(token_));
  revoke_elsewhere();
  steady_ += 2s;
  clock_.advance(-1h);
  EXPECT_FALSE(who(token_));
}

TEST_F(SessionStoreTest, ARevocationHereIsSeenAtOnce) {
  const auto found = who(token_);
  ASSERT_TRUE(run(service_.revoke(Deadline::never(), account_, found->session)));
  EXPECT_FALSE(who(token_));
  EXPECT_FALSE(run(sessions_.holds(*found, Deadline::never())).value());
}

TEST_F(SessionStoreTest, NobodyRevokesAnothersSession) {
  const Id stranger = sign_up("ben").value().account.id;
  const auto session = who(token_)->session;
  EXPECT_EQ(run(service_.revoke(Deadline::never(), stranger, session)).error().code, "not_found");
  pass(2s);
  EXPECT_TRUE(who(token_));
}

TEST_F(SessionStoreTest, UseIsWrittenOnceAnHour) {
  pass(59min);
  EXPECT_EQ(who(token_)->renewed_for, 0s);
  tasks_.wait();
  EXPECT_EQ(last_used(), began_);
  pass(1min + 1s);
  EXPECT_EQ(who(token_)->renewed_for, sessions_.options().life);
  tasks_.wait();
  EXPECT_EQ(last_used(), clock_.now());
  pass(30min);
  EXPECT_EQ(who(token_)->renewed_for, 0s);  // also the cookie slides once an hour
  tasks_.wait();
  EXPECT_EQ(last_used(), clock_.now() - 30min);
}

TEST_F(SessionStoreTest, EndsAfterThirtyDaysWithoutUse) {
  EXPECT_EQ(ends(), began_ + days(30));
  pass(days(30) - 1s);
  steady_ += 1h;
  EXPECT_TRUE(who(token_));
}

TEST_F(SessionStoreTest, HasEndedAfterThirtyDaysWithoutUse) {
  pass(days(30));
  EXPECT_FALSE(who(token_));
}

TEST_F(SessionStoreTest, SlidesWithUse) {
  for (int i = 0; i < 5; ++i) {
    pass(days(20));
    ASSERT_TRUE(who(token_)) << i;
    tasks_.wait();
    EXPECT_EQ(ends(), clock_.now() + days(30));
  }
}

TEST_F(SessionStoreTest, ACachedSessionEndsOnTime) {
  pass(days(30) - 1ms);
  sql("update sessions set last_used_at = ?", clock_.now());  // no sliding now
  ASSERT_TRUE(who(token_));
  clock_.advance(1ms);  // well within the cache's second
  EXPECT_FALSE(who(token_));
}

TEST_F(SessionStoreTest, AnAccountHasFiftyAtMostTheOldestGoesFirst) {
  std::vector<std::string> tokens{token_};
  for (int i = 0; i < 50; ++i) {
    pass(10min);  // sign-in is limited
    tokens.push_back(*sign_in("ann").value().token);
  }
  EXPECT_EQ(query<int>("select count(*) from sessions"), 50);
  EXPECT_FALSE(who(tokens[0]));
  EXPECT_TRUE(who(tokens[1]));
  EXPECT_TRUE(who(tokens[50]));
}

TEST_F(SessionStoreTest, TheCacheIsBounded) {
  SessionOptions small;
  small.cache_size = 16;  // one a shard
  small.steady = [this] { return steady_; };
  SessionStore bounded(*db_, ids_, clock_, random_, small, tasks_, registry_);
  std::vector<std::string> tokens;
  for (int i = 0; i < 40; ++i) {
    pass(10min);
    tokens.push_back(*sign_in("ann").value().token);
  }
  const auto look = [&](const std::string& token) {
    return run(bounded.authenticate(token, Deadline::never())).value().has_value();
  };
  for (const auto& token : tokens) EXPECT_TRUE(look(token));
  const auto before = reads();
  for (const auto& token : tokens) EXPECT_TRUE(look(token));
  EXPECT_GE(reads() - before, 24u);  // at most 16 were kept
  tasks_.wait();                     // uses that are being noted
}

TEST_F(SessionStoreTest, ACrowdIsLookedUpTogetherAndEachIsTheirOwn) {
  std::vector<std::pair<std::string, Id>> people;
  for (int i = 0; i < 40; ++i) {
    const auto in = sign_up("guest_" + std::to_string(i)).value();
    people.emplace_back(*in.token, in.account.id);
  }
  const auto gone = who(people[7].first);
  ASSERT_EQ(sql("delete from sessions where id = ?", gone->session), 1);
  pass(2s);
  const double before = statements();
  std::vector<std::future<Result<std::optional<http::Principal>>>> asked;
  for (int round = 0; round < 3; ++round)  // the same person more than once, too
    for (const auto& [token, account] : people)
      asked.push_back(asio::co_spawn(pool_.any(), sessions_.authenticate(token, Deadline::never()),
                                     asio::use_future));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto found = asked[i].get().value();
    if (i % people.size() == 7) {
      EXPECT_FALSE(found);
      continue;
    }
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->account, people[i % people.size()].second);
  }
  const double asked_for = statements() - before;
  EXPECT_GE(asked_for, 1);
  EXPECT_LT(asked_for, 80);  // 120 if each asked for itself
}

TEST_F(SessionStoreTest, WhoWaitsForAReadThatFailsIsToldSo) {
  ASSERT_TRUE(who(token_));
  pass(2s);
  ASSERT_EQ(sql("alter table sessions rename to mislaid"), 0);
  std::vector<std::future<Result<std::optional<http::Principal>>>> asked;
  for (int i = 0; i < 20; ++i)
    asked.push_back(asio::co_spawn(pool_.any(), sessions_.authenticate(token_, Deadline::never()),
                                   asio::use_future));
  for (auto& one : asked) EXPECT_THROW((void)one.get(), db::SqlError);
  ASSERT_EQ(sql("alter table mislaid rename to sessions"), 0);
  EXPECT_TRUE(who(token_));
}

TEST_F(SessionStoreTest, ListsThoseThatLastWithTheCurrentOneMarked) {
  pass(days(1));
  const auto other = sign_in("ann").value();
  const auto current = who(token_);
  const auto list = run(service_.sessions(Deadline::never(), *current)).value().items;
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].user_agent, "browser");
  EXPECT_EQ(std::ranges::count_if(list, [&](const auto& s) { return s.current; }), 1);
  tasks_.wait();
  pass(days(31));
  EXPECT_TRUE(run(service_.sessions(Deadline::never(), *current)).value().items.empty());
}

TEST_F(SessionStoreTest, ExpiredOnesAreSweptAway) {
  pass(days(15));
  const auto young = sign_in("ann").value();
  pass(days(15));
  service_.sweep();
  EXPECT_EQ(query<int>("select count(*) from sessions"), 1);
  EXPECT_TRUE(who(*young.token));
}

TEST_F(SessionStoreTest, DevicesAreKeptAsTextWhateverTheHeaderHeld) {
  const std::string xs(297, 'x');
  const auto kept = [&](const std::string& agent) {
    EXPECT_TRUE(*db_->write_blocking([&](db::Transaction& tx) -> Result<bool> {
      return sessions_.start(tx, account_, agent, "\xFF\xFE").has_value();
    }));
    EXPECT_EQ(query<std::string>("select address from sessions order by id desc limit 1"), "??");
    return query<std::string>("select user_agent from sessions order by id desc limit 1");
  };
  EXPECT_EQ(kept(xs + "한"), xs + "한");
  EXPECT_EQ(kept(xs + "한글"), xs + "한");
  EXPECT_EQ(kept(xs + "x한"), xs + "x");  // a letter across the bound
  EXPECT_EQ(kept(xs + "xx한"), xs + "xx");
}

}  // namespace
}  // namespace madang::identity
