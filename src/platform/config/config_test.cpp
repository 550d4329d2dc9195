#include "platform/config/config.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace madang::config {
namespace {

const std::vector<Key> schema{
    {"http.listen", Type::text, "127.0.0.1:8080", "Where."},
    {"http.threads", Type::integer, "2", "How many.", false, 1, 64},
    {"http.idle", Type::seconds, "75s", "How long."},
    {"store.secret", Type::text, "", "Key.", true},
    {"store.limit", Type::bytes, "10m", "How large."},
    {"store.hosts", Type::list, "", "Who."},
};

std::filesystem::path write(const std::string& text) {
  const auto path =
      std::filesystem::temp_directory_path() / ("madang_config_test_" + std::to_string(::getpid()));
  std::ofstream(path) << text;
  return path;
}

TEST(Config, TakesDefaultsThenFileThenEnvironment) {
  const auto file = write("[http]\nthreads = 4\nidle = 2m\n[store]\nhosts = a, b\n");
  const auto config =
      Config::load(schema, file, {{"MADANG_HTTP__THREADS", "8"}, {"HOME", "/"}, {"MADANG_X", "1"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->text("http.listen"), "127.0.0.1:8080");
  EXPECT_EQ(config->integer("http.threads"), 8);
  EXPECT_EQ(config->seconds("http.idle").count(), 120);
  EXPECT_EQ(config->bytes("store.limit"), 10 << 20);
  EXPECT_EQ(config->list("store.hosts"), (std::vector<std::string>{"a", "b"}));
}

TEST(Config, RefusesUnknownKeysAndBadValuesByName) {
  const auto detail = [](const Environment& environment) {
    const auto config = Config::load(schema, {}, environment);
    return config ? std::string() : config.error().detail;
  };
  EXPECT_NE(detail({{"MADANG_HTTP__LISTN", "x"}}).find("http.listn"), std::string::npos);
  EXPECT_NE(detail({{"MADANG_HTTP__THREADS", "0"}}).find("between 1 and 64"), std::string::npos);
  EXPECT_NE(detail({{"MADANG_HTTP__IDLE", "soon"}}).find("30s"), std::string::npos);
  EXPECT_NE(detail({{"MADANG_STORE__LIMIT", "99999999999g"}}).find("store.limit"),
            std::string::npos);
  const auto missing = Config::load(schema, "/nonexistent/madang.ini", {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("/nonexistent/madang.ini"), std::string::npos);
}

TEST(Config, MasksSecrets) {
  const auto config = Config::load(schema, {}, {{"MADANG_STORE__SECRET", "hunter2"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->to_text().find("hunter2"), std::string::npos);
  EXPECT_EQ(config->text("store.secret"), "hunter2");
}

}  // namespace
}  // namespace madang::config
