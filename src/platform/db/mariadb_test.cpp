// What only MariaDB has; its contract is in database_contract_test.cpp.
#include "platform/db/mariadb.hpp"

#include "platform/db/mariadb_test_store.hpp"

namespace madang::db {
namespace {

TEST(MariaDbUrl, NamesHostsUserAndDatabase) {
  const auto options = parse_mariadb_url("mysql://app@one:3307,two/madang");
  ASSERT_TRUE(options.has_value()) << options.error().detail;
  EXPECT_EQ(options->user, "app");
  EXPECT_EQ(options->database, "madang");
  ASSERT_EQ(options->hosts.size(), 2U);
  EXPECT_EQ(options->hosts[0].label(), "one:3307");
  EXPECT_EQ(options->hosts[1].label(), "two:3306");
}

TEST(MariaDbUrl, RefusesWhatItCannotMean) {
  for (const char* url :
       {"", "mysql://", "http://a@b/c", "mysql://host/db", "mysql://@host/db", "mysql://u@host",
        "mysql://u@host/", "mysql://u@/db", "mysql://u@host:0/db", "mysql://u@host:x/db",
        "mysql://u@host:99999/db", "mysql://u@host,/db", "mysql://u:secret@host/db"}) {
    const auto options = parse_mariadb_url(url);
    ASSERT_FALSE(options.has_value()) << url;
    EXPECT_EQ(options.error().code, "bad_configuration");
    EXPECT_FALSE(options.error().detail.contains('\n'));
  }
}

}  // namespace
}  // namespace madang::db
