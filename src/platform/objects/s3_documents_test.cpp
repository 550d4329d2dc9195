#include "platform/objects/s3_documents.hpp"

#include <gtest/gtest.h>

namespace madang::objects {
namespace {

std::string listing(std::string_view truncated, std::string_view items) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult "
         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><IsTruncated>" +
         std::string(truncated) + "</IsTruncated>" + std::string(items) + "</ListBucketResult>";
}

constexpr std::string_view item =
    "<Contents><Key>incoming/1-a</Key><LastModified>2026-11-22T02:43:55.123Z</LastModified>"
    "<ETag>&quot;x&quot;</ETag><Size>5</Size></Contents>";

TEST(S3Documents, ReadsListings) {
  const auto empty = parse_listing(listing("false", ""));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->items.empty());
  EXPECT_FALSE(empty->truncated);
  const std::string second =
      "<Contents><LastModified>2026-11-22T02:43:56Z</LastModified><Key>a+%3C%26%ED%95%9C</Key>"
      "</Contents>";
  const auto two = parse_listing(listing("true", std::string(item) + second));
  ASSERT_TRUE(two);
  EXPECT_TRUE(two->truncated);
  ASSERT_EQ(two->items.size(), 2u);
  EXPECT_EQ(two->items[0].key, "incoming/1-a");
  EXPECT_EQ(to_rfc3339(two->items[0].modified), "2026-11-22T02:43:55.123Z");
  EXPECT_EQ(two->items[1].key, "a <&\xED\x95\x9C");
}

TEST(S3Documents, RefusesListingsThatMakeNoSense) {
  const std::string whole = listing("false", item);
  for (const std::string& text :
       {std::string(), std::string("<html></html>"), listing("true", ""),
        listing("false", "<Contents><Key>a</Key></Contents>"),
        listing("false",
                "<Contents><Key>%zz</Key><LastModified>2026-11-22T02:43:56Z"
                "</LastModified></Contents>"),
        listing("false", "<Contents><Key>a</Key><LastModified>yesterday</LastModified></Contents>"),
        whole.substr(0, whole.size() - 5)})
    EXPECT_FALSE(parse_listing(text)) << text;
}

TEST(S3Documents, EveryPrefixOfAListingIsHarmless) {
  const std::string whole = listing("true", std::string(item) + std::string(item));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_listing(std::string_view(whole).substr(0, size)));
}

TEST(S3Documents, DepthCostsNothing) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<Contents>";
  EXPECT_TRUE(parse_listing(listing("false", deep)));  // none is ended: none is there
}

TEST(S3Documents, ReadsErrorCodes) {
  EXPECT_EQ(s3_error_code("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>x"
                          "</Message></Error>"),
            "NoSuchKey");
  EXPECT_EQ(s3_error_code(""), "");
  EXPECT_EQ(s3_error_code("<Error><Code>a\nforged line</Code></Error>"), "");
  EXPECT_EQ(s3_error_code("<Error><Code>" + std::string(65, 'a') + "</Code></Error>"), "");
  EXPECT_EQ(s3_error_code("<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"), "");
}

TEST(S3Documents, ReadsHttpDates) {
  EXPECT_EQ(to_rfc3339(*parse_http_date("Sun, 22 Nov 2026 02:43:55 GMT")),
            "2026-11-22T02:43:55.000Z");
  for (const std::string_view text :
       {"", "Sun, 22 Nov 2026 02:43:55", "Sun, 22 Now 2026 02:43:55 GMT",
        "Sun, 31 Feb 2026 02:43:55 GMT", "Sun, 22 Nov 2026 24:43:55 GMT",
        "Sun, -2 Nov 2026 02:43:55 GMT", "Sun, 22 Nov 2026 02:43:55 KST"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace
}  // namespace madang::objects
