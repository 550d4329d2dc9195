#include "platform/redis/resp.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "platform/redis/command.hpp"

namespace madang::redis {

using Type = Value::Type;

namespace {

/// All answers in the bytes, fed in pieces of `step` bytes; ends early at an error, which is
/// `code`.
std::vector<Value> read_all(std::string_view bytes, std::size_t step, RespLimits limits = {},
                            std::string_view* code = nullptr) {
  RespParser parser(limits);
  std::vector<Value> out;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      auto answer = parser.next(piece);
      if (!answer) {
        if (code != nullptr) *code = answer.error().code;
        return out;
      }
      if (*answer) out.push_back(std::move(**answer));
    }
  }
  return out;
}

Value one(std::string_view bytes) {
  std::vector<Value> all = read_all(bytes, bytes.size());
  EXPECT_EQ(all.size(), 1U) << bytes;
  return all.empty() ? Value() : std::move(all.front());
}

std::string_view refusal_of(std::string_view bytes, RespLimits limits = {}) {
  std::string_view code;
  read_all(bytes, bytes.size(), limits, &code);
  std::string_view in_pieces;
  read_all(bytes, 1, limits, &in_pieces);
  EXPECT_EQ(code, in_pieces);
  return code;
}

}  // namespace

TEST(Resp, ReadsEveryTypeOfBothVersions) {
  EXPECT_EQ(one("+OK\r\n").text, "OK");
  EXPECT_TRUE(one("-MOVED 12 1.2.3.4:7000\r\n").is_error("MOVED"));
  EXPECT_TRUE(one("!11\r\nSYNTAX oops\r\n").is_error("SYNTAX"));
  EXPECT_EQ(one(":-42\r\n").integer, -42);
  EXPECT_EQ(one(":9223372036854775807\r\n").integer, INT64_MAX);
  EXPECT_EQ(one("$6\r\na\r\nb\r\n\r\n").text, "a\r\nb\r\n");
  EXPECT_EQ(one("$0\r\n\r\n").type, Type::text);
  EXPECT_TRUE(one("$-1\r\n").is_nil());
  EXPECT_TRUE(one("*-1\r\n").is_nil());
  EXPECT_TRUE(one("_\r\n").is_nil());
  EXPECT_EQ(one("#t\r\n").integer, 1);
  EXPECT_DOUBLE_EQ(one(",1.25e2\r\n").real, 125);
  EXPECT_TRUE(std::isinf(one(",-inf\r\n").real));
  EXPECT_EQ(one("(3492890328409238509324850943850943825024385\r\n").type, Type::text);
  EXPECT_EQ(one("=8\r\ntxt:some\r\n").text, "some");
  EXPECT_EQ(one("*0\r\n").type, Type::array);
  EXPECT_EQ(one("~2\r\n:1\r\n:2\r\n").items.size(), 2U);
  EXPECT_EQ(one("%1\r\n+a\r\n:1\r\n").items.at(1).integer, 1);
  const Value push = one(">3\r\n+smessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
  EXPECT_EQ(push.type, Type::push);
  EXPECT_EQ(push.items.at(2).text, "m");
}

TEST(Resp, NestsAndDropsAttributes) {
  const Value value = one("*2\r\n|1\r\n+ttl\r\n:3\r\n*2\r\n:1\r\n$1\r\nx\r\n*1\r\n_\r\n");
  ASSERT_EQ(value.items.size(), 2U);
  EXPECT_EQ(value.items[0].items.at(1).text, "x");
  EXPECT_TRUE(value.items[1].items.at(0).is_nil());
  EXPECT_EQ(one("|0\r\n:1\r\n").integer, 1);
}

TEST(Resp, ReadsTheSameHoweverTheStreamIsCut) {
  const std::string_view stream =
      "+OK\r\n*3\r\n$3\r\nabc\r\n:17\r\n*1\r\n$0\r\n\r\n-ERR no\r\n>1\r\n+x\r\n$2\r\n\r\n\r\n";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    const auto all = read_all(stream, step);
    ASSERT_EQ(all.size(), 5U) << step;
    EXPECT_EQ(all[1].items.at(0).text, "abc");
    EXPECT_EQ(all[1].items.at(2).items.at(0).type, Type::text);
    EXPECT_EQ(all[4].text, "\r\n");
  }
}

TEST(Resp, RefusesWhatIsNone) {
  for (const std::string_view bytes :
       {"hello\r\n", "\r\n", "+OK\n", "+a\rb\r\n", ":\r\n", ":1x\r\n", ":99999999999999999999\r\n",
        "$x\r\n", "$-2\r\n", "$?\r\n", "$1\r\nab\r\n", "$1\r\na\n\r", "*-2\r\n", "#x\r\n", "_x\r\n",
        ",\r\n", "*1\r\n>1\r\n:1\r\n", "HTTP/1.1 200 OK\r\n"}) {
    EXPECT_EQ(refusal_of(bytes), "redis_protocol") << bytes;
  }
}

TEST(Resp, RefusesWhatIsBeyondTheLimits) {
  const RespLimits limits{.depth = 3, .items = 10, .bulk = 8, .answer = 20, .line = 32};
  EXPECT_EQ(refusal_of("$8\r\n12345678\r\n", limits), "");
  EXPECT_EQ(refusal_of("$9\r\n123456789\r\n", limits), "redis_protocol");
  EXPECT_EQ(refusal_of("*11\r\n", limits), "redis_protocol");
  EXPECT_EQ(refusal_of("%6\r\n", limits), "redis_protocol");
  EXPECT_EQ(refusal_of("*18446744073709551615\r\n", limits), "redis_protocol");
  EXPECT_EQ(refusal_of("*1\r\n*1\r\n*1\r\n:1\r\n", limits), "");
  EXPECT_EQ(refusal_of("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", limits), "redis_protocol");
  EXPECT_EQ(refusal_of("*3\r\n*5\r\n", limits), "");
  EXPECT_EQ(refusal_of("*3\r\n*8\r\n", limits), "redis_protocol");
  EXPECT_EQ(refusal_of("*3\r\n$8\r\n12345678\r\n$8\r\n12345678\r\n$8\r\n", limits),
            "redis_protocol");
  EXPECT_EQ(refusal_of("+" + std::string(40, 'x'), limits), "redis_protocol");
}

TEST(Resp, StaysLostUntilReset) {
  RespParser parser;
  std::string_view bad = "nonsense\r\n";
  EXPECT_FALSE(parser.next(bad));
  std::string_view good = "+OK\r\n";
  EXPECT_FALSE(parser.next(good));
  parser.reset();
  const auto answer = parser.next(good);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->value().text, "OK");
}

TEST(Command, IsWrittenAsTheProtocolHasIt) {
  std::string wire;
  Command::write("SET").key("a").arg("x\r\n").arg(-7).append_to(wire);
  EXPECT_EQ(wire, "*4\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nx\r\n\r\n$2\r\n-7\r\n");
}

TEST(Command, KnowsItsSlot) {
  EXPECT_EQ(slot_of("123456789"), 0x31C3);  // the specification's check value
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("{user:1}.feed"), slot_of("user:1"));
  EXPECT_NE(slot_of("{}.feed"), slot_of(""));
  EXPECT_EQ(slot_of("a{b}{c}"), slot_of("b"));
  EXPECT_EQ(slot_of("a{b"), slot_of("a{b"));
  const Command same = Command::write("MSET").key("{a}1").arg("x").key("{a}2").arg("y");
  EXPECT_EQ(same.slot(), slot_of("a"));
  EXPECT_FALSE(same.crosses_slots());
  EXPECT_TRUE(Command::write("DEL").key("a").key("b").crosses_slots());
  EXPECT_FALSE(Command::read("PING").slot().has_value());
}

TEST(Command, NamesScriptsBySha) {
  const Script script("return 1");
  EXPECT_EQ(script.sha(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  std::string wire;
  Command::script(script, 1).key("k").append_to(wire);
  EXPECT_EQ(wire,
            "*4\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n"
            "$1\r\n1\r\n$1\r\nk\r\n");
}

}  // namespace madang::redis
