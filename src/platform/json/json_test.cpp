#include <gmock/gmock.h>

#include "platform/json/codec.hpp"
#include "platform/json/types.hpp"

namespace madang::json {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Author {
  std::int64_t id = 0;
  std::string handle;
};
BOOST_DESCRIBE_STRUCT(Author, (), (id, handle))

struct Thing {
  Author author;
  Text<1, 5> text;
  std::optional<std::int32_t> count;
  List<std::int64_t, 2> tags;
  Colour colour = Colour::red;
};
BOOST_DESCRIBE_STRUCT(Thing, (), (author, text, count, tags, colour))

namespace {

using testing::UnorderedElementsAre;

std::vector<std::string> faults(std::string_view text) {
  const auto read = from_json<Thing>(text);
  std::vector<std::string> out;
  if (read) return out;
  for (const auto& error : read.error().errors) out.push_back(error.field + " " + error.code);
  return out;
}

TEST(Json, RoundTrips) {
  const std::string text =
      R"({"author":{"id":9007199254740991,"handle":"a\"\n\u0001"},"text":"마당","tags":[1,2],"colour":"green"})";
  const auto thing = from_json<Thing>(text);
  ASSERT_TRUE(thing);
  EXPECT_EQ(to_json(*thing), text);
}

TEST(Json, ListsEveryFaultWithItsPath) {
  EXPECT_THAT(
      faults(
          R"({"author":{"id":1.5},"text":"","count":3000000000,"tags":[1,2,3],"colour":"blue"})"),
      UnorderedElementsAre("author/id not_an_integer", "author/handle required", "text too_short",
                           "count out_of_range", "tags too_many", "colour not_a_choice"));
  EXPECT_THAT(
      faults(R"({"author":{"id":1,"handle":"h"},"text":"  \n ","tags":["x"],"colour":"red"})"),
      UnorderedElementsAre("text too_short", "tags/0 not_an_integer"));
  EXPECT_THAT(faults("[]"), UnorderedElementsAre(" not_an_object"));
}

TEST(Json, RefusesWhatIsNotJson) {
  std::string deep(200, '[');
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("{"), std::string_view("{}x"),
        std::string_view("\"\xff\""), std::string_view(R"("\ud800")"), std::string_view("nul"),
        std::string_view(deep)}) {
    const auto document = Document::parse(bad);
    ASSERT_FALSE(document) << bad;
    EXPECT_EQ(document.error().code, "malformed_json");
  }
}

TEST(Json, CountsCodePointsAfterNormalisation) {
  // Three conjoining jamo are one syllable.
  EXPECT_TRUE(
      faults(
          R"({"author":{"id":1,"handle":"h"},"text":"\u1112\u1161\u11ab1234","tags":[],"colour":"red"})")
          .empty());
}

TEST(Json, DescribesItself) {
  Schemas schemas;
  std::string out;
  Codec<Thing>::schema(out, schemas);
  EXPECT_EQ(out, R"({"$ref":"#/components/schemas/Thing"})");
  EXPECT_TRUE(Document::parse(schemas.all().at("Thing")));
  EXPECT_NE(schemas.all().at("Thing").find(R"("required":["author","text","tags","colour"])"),
            std::string::npos);
  EXPECT_TRUE(schemas.all().contains("Author"));
}

}  // namespace
}  // namespace madang::json
