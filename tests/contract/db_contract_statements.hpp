// The contract of statements and single transactions: values, errors, roll-back, lists.
#pragma once

#include <numeric>

#include "db_contract.hpp"

namespace madang::db {

TEST_P(DatabaseContract, RoundTripsEveryType) {
  run_sql(
      *db_,
      "create table t (id bigint primary key, whole bigint, amount double, words text, raw blob)");
  const std::string words("a\0b \xEB\xA7\x88\xEB\x8B\xB9 'q' ;", 16);
  const Bytes raw{std::byte{0}, std::byte{255}, std::byte{0}};
  const Time now = from_micros(1'790'000'000'123'456);
  const auto write = [&](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (?, ?, ?, ?, ?)", max_id, now, 0.1, words, raw);
    tx.execute("insert into t values (?, ?, ?, ?, ?)", Id(2), INT64_MIN, -1e300, "", Bytes());
    tx.execute("insert into t values (?, ?, ?, ?, ?)", Id(3), nullptr, std::optional<double>(),
               std::optional<std::string>(), std::optional<Bytes>());
    return true;
  };
  ASSERT_TRUE(db_->write_blocking(write).has_value());
  using Row = std::tuple<Id, std::optional<std::int64_t>, std::optional<double>,
                         std::optional<std::string>, std::optional<Bytes>>;
  const auto read = [&](Transaction& tx) -> Result<std::vector<Row>> {
    EXPECT_EQ(std::get<0>(*tx.row<Time>("select whole from t where id = ?", max_id)), now);
    return tx.rows<Id, std::optional<std::int64_t>, std::optional<double>,
                   std::optional<std::string>, std::optional<Bytes>>("select * from t order by id");
  };
  const auto rows = db_->read_blocking(read);
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0], Row(2, INT64_MIN, -1e300, "", Bytes()));
  EXPECT_EQ((*rows)[1], Row(3, std::nullopt, std::nullopt, std::nullopt, std::nullopt));
  EXPECT_EQ((*rows)[2], Row(max_id, to_micros(now), 0.1, words, raw));
}

TEST_P(DatabaseContract, ReadsNullsAsEmptyValues) {
  const auto read = [](Transaction& tx) -> Result<bool> {
    const auto row = tx.row<std::string, std::int64_t, double, Bytes, bool>(
        "select null, null, null, null, null");
    EXPECT_EQ(*row, std::tuple(std::string(), std::int64_t(0), 0.0, Bytes(), false));
    EXPECT_FALSE(tx.row<Id>("select 1 from (select 1 as x) as s where 1 = 2").has_value());
    EXPECT_FALSE(tx.value<Id>("select 1 from (select 1 as x) as s where 1 = 2").has_value());
    return true;
  };
  EXPECT_TRUE(db_->read_blocking(read).has_value());
}

TEST_P(DatabaseContract, CarriesTextsOfManyBytes) {
  run_sql(*db_, "create table big (id bigint primary key, raw longblob)");
  Bytes raw(3'000'000);
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<std::byte>(i * 31 >> 3);
  const auto write = [&](Transaction& tx) -> Result<bool> {
    tx.execute("insert into big values (1, ?)", raw);
    return true;
  };
  ASSERT_TRUE(db_->write_blocking(write).has_value());
  const auto read = [](Transaction& tx) -> Result<Bytes> {
    return *tx.value<Bytes>("select raw from big");
  };
  EXPECT_TRUE(db_->read_blocking(read).value() == raw);
}

inline std::optional<SqlError::Cause> cause_of(Database& db, const std::string& sql) {
  const auto body = [&](Transaction& tx) -> Result<bool> {
    tx.execute(sql);
    return true;
  };
  try {
    (void)db.write_blocking(body);
    return std::nullopt;
  } catch (const SqlError& error) {
    return error.cause();
  }
}

TEST_P(DatabaseContract, NamesWhatAConstraintRefused) {
  run_sql(*db_,
          "create table a (id bigint primary key, h varchar(20) not null unique, n bigint, "
          "constraint positive check (n > 0))");
  run_sql(*db_,
          "create table b (id bigint primary key, a bigint not null, "
          "foreign key (a) references a (id))");
  run_sql(*db_, "insert into a values (1, 'x', 1)");
  run_sql(*db_, "insert into b values (1, 1)");
  using enum SqlError::Cause;
  EXPECT_EQ(cause_of(*db_, "insert into a values (1, 'y', 1)"), unique);
  EXPECT_EQ(cause_of(*db_, "insert into a values (2, 'x', 1)"), unique);
  EXPECT_EQ(cause_of(*db_, "insert into a values (2, 'y', 0)"), check);
  EXPECT_EQ(cause_of(*db_, "insert into a values (2, null, 1)"), check);
  EXPECT_EQ(cause_of(*db_, "insert into b values (2, 7)"), foreign_key);
  EXPECT_EQ(cause_of(*db_, "delete from a where id = 1"), foreign_key);
  EXPECT_EQ(cause_of(*db_, "insert into nowhere values (1)"), other);
  EXPECT_EQ(cause_of(*db_, "insert into a values (2, 'y', 1)"), std::nullopt);
  EXPECT_EQ(number(*db_, "select count(*) from a"), 2);
}

TEST_P(DatabaseContract, ABodyMayCatchAConstraintAndGoOn) {
  make_t();
  const auto body = [](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (1, 1)");
    EXPECT_THROW(tx.execute("insert into t values (1, 2)"), SqlError);
    tx.execute("insert into t values (2, 2)");
    return true;
  };
  EXPECT_TRUE(db_->write_blocking(body).has_value());
  EXPECT_EQ(number(*db_, "select sum(id * 10 + n) from t"), 33);
}

TEST_P(DatabaseContract, CountsChangedRowsOfThisStatementOnly) {
  make_t();
  const auto body = [](Transaction& tx) -> Result<bool> {
    EXPECT_EQ(tx.execute("insert into t values (1, 0), (2, 0), (3, 5)"), 3);
    EXPECT_EQ(tx.execute("update t set n = 5 where id > ?", 1),
              2);  // found, though one is 5 already
    EXPECT_EQ(tx.execute("update t set n = 6 where id > 10"), 0);
    EXPECT_EQ(tx.execute("delete from t where n = 5"), 2);
    EXPECT_EQ(tx.execute("delete from t where n = 5"), 0);
    EXPECT_EQ(tx.statements(), 5);
    return true;
  };
  EXPECT_TRUE(db_->write_blocking(body).has_value());
}

TEST_P(DatabaseContract, RollsBackWhatABodyRefusesOrThrows) {
  make_t();
  const auto refuses = [](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (1, 1)");
    return fail(Kind::conflict, "no_thanks", "changed my mind");
  };
  EXPECT_EQ(db_->write_blocking(refuses).error().code, "no_thanks");
  const auto throws = [](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (2, 1)");
    throw std::domain_error("a bug");
  };
  EXPECT_THROW((void)db_->write_blocking(throws), std::domain_error);
  EXPECT_EQ(number(*db_, "select count(*) from t"), 0);
  run_sql(*db_, "insert into t values (1, 1)");
  EXPECT_EQ(number(*db_, "select count(*) from t"), 1);
}

TEST_P(DatabaseContract, KeepsWhatWasWrittenAcrossAReopening) {
  make_t();
  run_sql(*db_, "insert into t values (1, 7)");
  open({});
  EXPECT_EQ(number(*db_, "select n from t"), 7);
}

TEST_P(DatabaseContract, AReadBodyCannotWrite) {
  make_t();
  const auto body = [](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (1, 1)");
    return true;
  };
  EXPECT_THROW((void)db_->read_blocking(body), SqlError);
  EXPECT_EQ(number(*db_, "select count(*) from t"), 0);
}

TEST_P(DatabaseContract, SpellsOutListsOfIds) {
  make_t();
  const auto write = [](Transaction& tx) -> Result<bool> {
    for (Id id = 1; id <= 2000; ++id) tx.execute("insert into t values (?, ?)", id, id % 2);
    return true;
  };
  ASSERT_TRUE(db_->write_blocking(write).has_value());
  const auto read = [](Transaction& tx) -> Result<bool> {
    std::vector<Id> ids(IdList::max_size);
    std::iota(ids.begin(), ids.end(), Id(1));
    for (const std::size_t size : {0, 1, 2, 3, 5, 64, 1000, 1024}) {
      const IdList list{std::span(ids).first(size)};
      const auto all = *tx.value<std::size_t>("select count(*) from t where id in (?*)", list);
      EXPECT_EQ(all, size);
      const auto odd = *tx.value<std::size_t>(
          "select count(*) from t where n = ? and id in (?*) and id > ?", 1, list, 0);
      EXPECT_EQ(odd, (size + 1) / 2);
    }
    ids.push_back(1025);
    EXPECT_THROW((void)tx.value<Id>("select id from t where id in (?*)", IdList{ids}), SqlError);
    EXPECT_THROW((void)tx.value<Id>("select id from t", IdList{std::span(ids).first(1)}), SqlError);
    return true;
  };
  EXPECT_TRUE(db_->read_blocking(read).has_value());
}

TEST_P(DatabaseContract, AStatementMayBeUsedWhileItIsInUse) {
  make_t();
  run_sql(*db_, "insert into t values (1, 0), (2, 1), (3, 1), (4, 2), (5, 4)");
  // The depth of each node below the root, by the same statement at every level.
  struct Walk {
    Transaction& tx;
    std::string path;
    void below(Id id) {
      path += std::to_string(id);
      tx.each<Id>(
          "select id from t where n = ? order by id", [this](Id child) { below(child); }, id);
      path += '.';
    }
  };
  const auto read = [](Transaction& tx) -> Result<std::string> {
    Walk walk{tx, {}};
    walk.below(1);
    return walk.path;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(db_->read_blocking(read).value(), "1245...3..");
}

TEST_P(DatabaseContract, RefusesSqlThatIsNotOneStatement) {
  make_t();
  for (const char* sql :
       {"", "  ", "-- nothing", "selec 1", "insert into t values (1, 1); delete from t",
        "select ? ", "begin", "commit", " ROLLBACK", "savepoint x", "release x"})
    EXPECT_TRUE(cause_of(*db_, sql).has_value()) << sql;
  EXPECT_EQ(number(*db_, "select count(*) from t"), 0);
  run_sql(*db_, "insert into t values (1, 1);");
  EXPECT_EQ(number(*db_, "select count(*) from t"), 1);
}

TEST_P(DatabaseContract, ForgetsOldStatementsAndGoesOn) {
  const auto read = [](Transaction& tx) -> Result<std::int64_t> {
    std::int64_t sum = 0;
    for (int i = 0; i < 1500; ++i) sum += *tx.value<std::int64_t>("select " + std::to_string(i));
    return sum;
  };
  EXPECT_EQ(db_->read_blocking(read).value(), 1500 * 1499 / 2);
  EXPECT_EQ(db_->read_blocking(read).value(), 1500 * 1499 / 2);
}

}  // namespace madang::db
