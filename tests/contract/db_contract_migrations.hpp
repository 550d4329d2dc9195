// The contract of migrations.
#pragma once

#include "db_contract.hpp"

namespace madang::db {

TEST_P(DatabaseContract, MigratesEachModuleOnce) {
  using namespace contract;
  EXPECT_EQ(migrate_all(*db_, {&people, &pets}), 3);
  EXPECT_EQ(migrate_all(*db_, {&people, &pets}), 0);
  open({});
  EXPECT_EQ(migrate_all(*db_, {&people, &pets}), 0);
  const auto read = [](Transaction& tx) -> Result<std::string> {
    return *tx.value<std::string>("select name from people where age = 7");
  };
  EXPECT_EQ(db_->read_blocking(read).value(), "semi; colon -- and dashes");
  EXPECT_EQ(number(*db_, "select count(*) from schema_migrations"), 3);
}

TEST_P(DatabaseContract, AppliesWhatWasAddedLater) {
  using namespace contract;
  EXPECT_EQ(migrate_all(*db_, {&people}), 2);
  ModuleSchema grown = people;
  grown.migrations.push_back({"0003_more", "insert into people values (2, 'Min', 30)"});
  EXPECT_EQ(migrate_all(*db_, {&grown, &pets}), 2);
  EXPECT_EQ(number(*db_, "select count(*) from people"), 2);
}

inline std::string migration_error(Database& db,
                                   std::initializer_list<const ModuleSchema*> modules) {
  try {
    contract::migrate_all(db, modules);
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

TEST_P(DatabaseContract, RefusesAChangedMigration) {
  using namespace contract;
  migrate_all(*db_, {&people});
  ModuleSchema changed = people;
  changed.migrations[1].sql = "alter table people add column age bigint not null default 8;";
  EXPECT_EQ(migration_error(*db_, {&changed}),
            "the text of migration people/0002_age has changed since it was applied");
}

TEST_P(DatabaseContract, RefusesANewerStore) {
  using namespace contract;
  migrate_all(*db_, {&people, &pets});
  ModuleSchema older = people;
  older.migrations.pop_back();
  EXPECT_EQ(migration_error(*db_, {&older, &pets}),
            "the store is newer than this program: migration people/0002_age is unknown");
  EXPECT_EQ(migration_error(*db_, {&people}),
            "the store is newer than this program: migration pets/0001_pets is unknown");
}

TEST_P(DatabaseContract, RefusesAMigrationPutBeforeAppliedOnes) {
  using namespace contract;
  migrate_all(*db_, {&people});
  ModuleSchema squeezed = people;
  squeezed.migrations.insert(squeezed.migrations.begin() + 1,
                             {"0001_b", "create table b (id bigint primary key)"});
  EXPECT_EQ(migration_error(*db_, {&squeezed}),
            "migration people/0002_age was applied before its predecessor");
}

TEST_P(DatabaseContract, AMigrationThatFailsIsNotRemembered) {
  ModuleSchema broken{"m",
                      {{"0001", "create table m (id bigint primary key)"},
                       {"0002", "insert into m values (1, 2, 3)"}}};
  EXPECT_NE(migration_error(*db_, {&broken}), "");
  EXPECT_EQ(number(*db_, "select count(*) from schema_migrations"), 1);
  broken.migrations[1].sql = "insert into m values (1)";
  EXPECT_EQ(contract::migrate_all(*db_, {&broken}), 1);
  EXPECT_EQ(number(*db_, "select count(*) from m"), 1);
}

}  // namespace madang::db
