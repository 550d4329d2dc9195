#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/clock.hpp"
#include "base/cursor.hpp"
#include "base/encoding.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/text.hpp"

namespace madang {
namespace {

using namespace std::chrono_literals;
const Time noon = *parse_rfc3339("2026-11-21T12:00:00Z");

TEST(Time, RoundTripsRfc3339) {
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-21T23:05:00.123Z")), "2026-11-21T23:05:00.123Z");
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-11-22T08:05:00.123456+09:00")),
            "2026-11-21T23:05:00.123Z");
  for (const char* bad :
       {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T00:00:00", "2026-11-21T00:00:00.Z", "2026-11-21T00:00:00Zx"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Ids, IncreaseAndCarryTheirTime) {
  ManualClock clock(noon);
  IdGenerator ids(clock, 3, noon);
  ids.extend(noon + 10s);
  Id last = 0;
  for (int i = 0; i < 300; ++i) {
    const Id id = *ids.next();
    EXPECT_GT(id, last);
    last = id;
  }
  EXPECT_LE(id_time(last),
            noon + 3ms);  // 128 a millisecond: two ahead of a clock that stands still
  EXPECT_LE(last, max_id);
  EXPECT_GE(last, first_id_at(noon));
  EXPECT_EQ((last >> id_sequence_bits) & 31, 3);
}

TEST(Ids, RunAheadOfTheClockAtMostOneSecond) {
  ManualClock clock(noon);
  IdGenerator ids(clock, 0, noon);
  ids.extend(noon + 1h);
  ASSERT_TRUE(ids.next());
  clock.advance(-2s);
  const auto refused = ids.next();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ids_exhausted");
  clock.advance(1500ms);
  EXPECT_TRUE(ids.next());
}

TEST(Ids, NeverReachTheReservedCeiling) {
  ManualClock clock(noon);
  IdGenerator ids(clock, 0, noon);
  EXPECT_FALSE(ids.next());
  ids.extend(noon + 2ms);
  int made = 0;
  while (ids.next()) ++made;
  EXPECT_EQ(made, 256);
  // The next owner begins where this one was allowed to go.
  IdGenerator heir(clock, 0, noon + 2ms);
  heir.extend(noon + 1s);
  EXPECT_GE(id_time(*heir.next()), noon + 2ms);
}

TEST(Ids, AreUniqueAcrossThreads) {
  SystemClock clock;
  IdGenerator ids(clock, 0, clock.now());
  ids.extend(clock.now() + 1h);
  std::array<std::vector<Id>, 4> made;
  std::vector<std::jthread> threads;
  for (auto& mine : made)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) mine.push_back(ids.next_or_wait());
    });
  threads.clear();
  std::set<Id> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20000U);
}

TEST(Ids, ParseOnlyPlainNumbers) {
  EXPECT_EQ(parse_id("42"), 42);
  EXPECT_EQ(parse_id("9007199254740991"), max_id);
  for (const char* bad : {"", "0", "-1", "+1", "01", "9007199254740992", "1e3", "1 ", "٣", "abc",
                          "99999999999999999999"})
    EXPECT_FALSE(parse_id(bad)) << bad;
}

TEST(Text, IsNormalisedAndRefusesControls) {
  EXPECT_EQ(clean_text("a\r\nb\rc\td"), "a\nb\nc\td");
  EXPECT_EQ(clean_text("\u1112\u1161\u11ab"), "\ud55c");    // conjoining jamo become one syllable
  const std::string farmer = "\U0001f469\u200d\U0001f33e";  // joined by a format character
  EXPECT_EQ(clean_text(farmer), farmer);
  for (const std::string_view bad :
       {std::string_view("a\0b", 3), std::string_view("\x1b[0m"), std::string_view("\xff"),
        std::string_view("\xed\xa0\x80"), std::string_view("\xc0\xaf"), std::string_view("\x7f")})
    EXPECT_FALSE(clean_text(bad));
}

TEST(Text, CountsCodePointsAndTrims) {
  EXPECT_EQ(code_points("마당 yard 🎪"), 9U);
  EXPECT_EQ(trim(" \u3000 마당\n"), "마당");
  EXPECT_EQ(trim(" \t "), "");
}

TEST(Text, KnowsHandles) {
  for (const char* good : {"mina", "미나_02", "Élodie", "a1"}) EXPECT_TRUE(is_handle(good)) << good;
  for (const char* bad :
       {"", "a", "two words", "a-b", "日本", "аdmin", "aaaaaaaaaaaaaaaaaaaaa", "@ab"})
    EXPECT_FALSE(is_handle(bad)) << bad;
  EXPECT_EQ(fold_case("MiNa_마당"), fold_case("mina_마당"));
}

TEST(Encoding, RoundTrips) {
  SeededRandom random(1);
  for (std::size_t size = 0; size < 40; ++size) {
    std::vector<std::byte> bytes(size);
    random.fill(bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
  EXPECT_FALSE(from_base64url("a=b"));
  EXPECT_FALSE(from_base64url("+/"));
  EXPECT_EQ(to_hex(sha256("abc")).substr(0, 8), "ba7816bf");
}

TEST(Cursor, RoundTripsAndRefusesEverythingElse) {
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  const std::string made = encode_cursor(CursorKind::feed, {0, 127, 128, largest});
  const std::string_view cursor = made;
  EXPECT_EQ(
      cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
      std::string::npos);
  EXPECT_EQ(decode_cursor(CursorKind::feed, cursor, 4),
            (std::vector<std::int64_t>{0, 127, 128, largest}));
  EXPECT_FALSE(decode_cursor(CursorKind::posts, cursor, 4));
  EXPECT_FALSE(decode_cursor(CursorKind::feed, cursor, 3));
  EXPECT_FALSE(decode_cursor(CursorKind::feed, cursor, 5));
  for (std::size_t cut = 0; cut < cursor.size(); ++cut)
    EXPECT_FALSE(decode_cursor(CursorKind::feed, cursor.substr(0, cut), 4)) << cut;
  for (const char* bad : {"", "A", "BAE", "!!!!", "BAGAgICAgICAgICAAQ"})
    EXPECT_FALSE(decode_cursor(CursorKind::feed, std::string_view(bad), 1)) << bad;
}

}  // namespace
}  // namespace madang
