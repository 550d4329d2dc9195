#include "platform/log/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <regex>
#include <string>

#include "base/clock.hpp"

namespace madang::log {
namespace {

/// Standard error as a file, from before the first line is written.
class LogTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/madang-log-XXXXXX";
    file_ = mkstemp(name);
    ASSERT_GE(file_, 0);
    unlink(name);
    ASSERT_GE(dup2(file_, STDERR_FILENO), 0);
  }

  /// What was written since the last call.
  static std::string written() {
    flush();
    std::string text(1 << 16, '\0');
    const auto size = pread(file_, text.data(), text.size(), read_);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    read_ += static_cast<off_t>(text.size());
    return text;
  }

 private:
  inline static int file_ = -1;
  inline static off_t read_ = 0;
};

TEST_F(LogTest, OneJsonObjectALine) {
  const std::int64_t lowest = INT64_MIN;
  const std::uint64_t highest = UINT64_MAX;
  info("http", "request",
       {{"id", "a\"b\n"}, {"status", 200}, {"low", lowest}, {"high", highest}, {"ok", true}});
  const std::string line = written();
  const std::regex shape(
      R"re(\{"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","level":"info","area":"http",)re"
      R"re("event":"request","id":"a\\"b\\n","status":200,"low":-9223372036854775808,)re"
      R"re("high":18446744073709551615,"ok":true\}\n)re");
  std::smatch found;
  ASSERT_TRUE(std::regex_match(line, found, shape)) << line;
  const auto at = parse_rfc3339(found[1].str());
  ASSERT_TRUE(at);
  EXPECT_LT(std::chrono::abs(SystemClock().now() - *at), std::chrono::seconds(60));
}

TEST_F(LogTest, TimesNeverGoBackWhenASecondBegins) {
  std::string previous;
  for (int seconds = 0; seconds < 2;) {
    info("test", "tick");
    const std::string line = written();
    const std::string time = line.substr(9, 24);
    ASSERT_TRUE(parse_rfc3339(time)) << line;
    EXPECT_LE(previous, time);
    seconds += previous.substr(0, 19) == time.substr(0, 19) ? 0 : 1;
    previous = time;
  }
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  ASSERT_TRUE(set_level("warn"));
  info("test", "quiet");
  EXPECT_EQ(written(), "");
  warn("test", "loud", {{"share", 0.5}});
  EXPECT_NE(written().find(R"("level":"warn","area":"test","event":"loud","share":0.5})"),
            std::string::npos);
  EXPECT_FALSE(set_level("chatty"));
  EXPECT_TRUE(set_level("info"));
}

}  // namespace
}  // namespace madang::log
