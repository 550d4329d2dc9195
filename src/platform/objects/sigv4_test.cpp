#include "platform/objects/sigv4.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/encoding.hpp"

namespace madang::objects::sigv4 {
namespace {

using namespace std::chrono_literals;
using Reason = Refusal::Reason;

const Credentials example{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                          "us-east-1"};

const Lookup lookup = [](std::string_view key) -> const Credentials* {
  return key == example.access_key ? &example : nullptr;
};

// The example of the S3 API reference, "Authenticating Requests: Using Query Parameters".
constexpr std::string_view example_query =
    "X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

Time example_time() {
  return *parse_amz_date("20130524T000000Z");
}

SignedRequest example_request(std::string_view query = example_query) {
  return {"GET", "/test.txt", query, {{"Host", "examplebucket.s3.amazonaws.com"}}};
}

TEST(SigV4, MatchesThePublishedVector) {
  Parameters parameters = *parse_query(example_query);
  parameters.pop_back();
  const std::string canonical =
      canonical_request("GET", "/test.txt", parameters,
                        {{"host", "examplebucket.s3.amazonaws.com"}}, "UNSIGNED-PAYLOAD");
  EXPECT_EQ(to_hex(sha256(canonical)),
            "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04");
  const PresignInput input{.method = "GET",
                           .path = "/test.txt",
                           .headers = {{"host", "examplebucket.s3.amazonaws.com"}},
                           .lifetime = 86400s};
  EXPECT_EQ(presign(input, example, example_time()), example_query);
  const auto verified = verify(example_request(), example_time(), lookup);
  ASSERT_TRUE(verified.has_value()) << verified.error().message;
  EXPECT_EQ(verified->expires_at, example_time() + 24h);
  EXPECT_TRUE(verified->covers("host"));
  EXPECT_FALSE(verified->covers("content-type"));
}

// The first example of "Authenticating Requests: Using the Authorization Header".
TEST(SigV4, MatchesThePublishedVectorOfTheHeader) {
  const AuthorizedRequest request =
      authorize({.method = "GET",
                 .path = "/test.txt",
                 .headers = {{"range", "bytes=0-9"}, {"host", "examplebucket.s3.amazonaws.com"}},
                 .payload_hash = to_hex(sha256(""))},
                example, example_time());
  EXPECT_EQ(request.query, "");
  ASSERT_FALSE(request.headers.empty());
  EXPECT_EQ(request.headers.back().first, "authorization");
  EXPECT_EQ(request.headers.back().second,
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

Reason reason_of(const SignedRequest& request, Time now) {
  const auto result = verify(request, now, lookup);
  EXPECT_FALSE(result.has_value());
  return result ? Reason::not_signed : result.error().reason;
}

TEST(SigV4, TimeIsExactAtTheEndAndTolerantAtTheBeginning) {
  const Time start = example_time();
  EXPECT_TRUE(verify(example_request(), start + 86400s - 1us, lookup));
  EXPECT_EQ(reason_of(example_request(), start + 86400s), Reason::expired);
  EXPECT_TRUE(verify(example_request(), start - 15min, lookup));
  EXPECT_EQ(reason_of(example_request(), start - 15min - 1us), Reason::not_yet_valid);
}

std::string replaced(std::string_view from, std::string_view to) {
  std::string out(example_query);
  const auto at = out.find(from);
  EXPECT_NE(at, out.npos) << from;
  return out.replace(at, from.size(), to);
}

TEST(SigV4, EveryChangeIsNoticed) {
  const Time now = example_time();
  SignedRequest other = example_request();
  other.method = "PUT";
  EXPECT_EQ(reason_of(other, now), Reason::signature_mismatch);
  other = example_request();
  other.path = "/test.txu";
  EXPECT_EQ(reason_of(other, now), Reason::signature_mismatch);
  other = example_request();
  other.headers[0].second = "otherbucket.s3.amazonaws.com";
  EXPECT_EQ(reason_of(other, now), Reason::signature_mismatch);
  other.headers.clear();
  EXPECT_EQ(reason_of(other, now), Reason::signature_mismatch);
  std::string query = replaced("Expires=86400", "Expires=86401");
  EXPECT_EQ(reason_of(example_request(query), now), Reason::signature_mismatch);
  query = std::string(example_query) + "&x-id=PutObject";
  EXPECT_EQ(reason_of(example_request(query), now), Reason::signature_mismatch);
  query = std::string(example_query.substr(0, example_query.size() - 1)) + "5";
  EXPECT_EQ(reason_of(example_request(query), now), Reason::signature_mismatch);
  query = std::string(example_query.substr(0, example_query.size() - 1));
  EXPECT_EQ(reason_of(example_request(query), now), Reason::signature_mismatch);
}

TEST(SigV4, OrderAndSpellingOfTheQueryDoNotMatter) {
  std::string query(example_query.substr(example_query.find("&X-Amz-Date") + 1));
  query += "&" + std::string(example_query.substr(0, example_query.find("&X-Amz-Date")));
  EXPECT_TRUE(verify(example_request(query), example_time(), lookup));
  query = replaced("%2F20130524", "%2f20130524");
  EXPECT_TRUE(verify(example_request(query), example_time(), lookup));
  query = replaced("%2F20130524", "/20130524");
  EXPECT_TRUE(verify(example_request(query), example_time(), lookup));
}

TEST(SigV4, FaultyParametersAreNamed) {
  const Time now = example_time();
  EXPECT_EQ(reason_of(example_request(""), now), Reason::not_signed);
  EXPECT_EQ(reason_of(example_request("x-id=PutObject"), now), Reason::not_signed);
  const std::pair<std::string_view, std::string_view> faults[] = {
      {"X-Amz-Date=20130524T000000Z&", ""},
      {"X-Amz-Expires=86400", "X-Amz-Expires=604801"},
      {"X-Amz-Expires=86400", "X-Amz-Expires=99999999999999999999"},
      {"X-Amz-Expires=86400", "X-Amz-Expires=-1"},
      {"X-Amz-Expires=86400", "X-Amz-Expires="},
      {"X-Amz-Expires=86400", "X-Amz-Expires=1e3"},
      {"X-Amz-Expires=86400", "X-Amz-Expires=86400&X-Amz-Expires=1"},
      {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"},
      {"20130524T000000Z", "20130524T250000Z"},
      {"20130524T000000Z", "20130525T000000Z"},  // no longer the credential's day
      {"20130524T000000Z", "yesterday"},
      {"us-east-1", "eu-west-1"},
      {"%2Fs3%2F", "%2Fiam%2F"},
      {"aws4_request", "aws4"},
      {"SignedHeaders=host", "SignedHeaders=Host"},
      {"SignedHeaders=host", "SignedHeaders="},
      {"SignedHeaders=host", "SignedHeaders=content-type"},
      {"SignedHeaders=host", "SignedHeaders=host%3Bhost"},
      {"SignedHeaders=host", "SignedHeaders=host%3Bcontent-type"},
      {"SignedHeaders=host", "SignedHeaders=%zz"},
  };
  for (const auto& [from, to] : faults) {
    const std::string query = replaced(from, to);
    EXPECT_EQ(reason_of(example_request(query), now), Reason::bad_parameters) << query;
  }
  std::string query = replaced("AKIAIOSFODNN7EXAMPLE", "AKIAOTHER");
  EXPECT_EQ(reason_of(example_request(query), now), Reason::unknown_key);
  query = std::string(example_query) + "&X-Amz-Security-Token=abc";
  EXPECT_EQ(reason_of(example_request(query), now), Reason::unsupported_token);
}

struct PutFixture {
  std::string query = presign({.method = "PUT",
                               .path = "/objects/madang/incoming/한글 1",
                               .query = {{"x-id", "PutObject"}},
                               .headers = {{"host", "yard.example:8080"},
                                           {"content-type", "image/png"},
                                           {"content-length", "1234"}},
                               .lifetime = 600s},
                              example, example_time());
  std::string path = encode("/objects/madang/incoming/한글 1", true);
  SignedRequest request{"PUT",
                        path,
                        query,
                        {{"HOST", "yard.example:8080"},
                         {"Content-Type", "  image/png "},
                         {"Content-Length", "1234"},
                         {"User-Agent", "test"}}};
};

TEST(SigV4, BindsTypeAndLength) {
  PutFixture put;
  const Time now = example_time();
  ASSERT_TRUE(verify(put.request, now, lookup));
  put.request.headers[2].second = "1235";
  EXPECT_EQ(reason_of(put.request, now), Reason::signature_mismatch);
  put.request.headers[2].second = "1234";
  put.request.headers[1].second = "image/jpeg";
  EXPECT_EQ(reason_of(put.request, now), Reason::signature_mismatch);
  put.request.headers[1].second = "image/png";
  put.request.headers.emplace_back("content-type", "image/png");
  EXPECT_EQ(reason_of(put.request, now), Reason::signature_mismatch) << "two values, one signed";
}

TEST(SigV4, UnsignedAmzHeadersAreRefusedExceptDigests) {
  PutFixture put;
  put.request.headers.emplace_back("X-Amz-Checksum-Crc32", "AAAAAA==");
  put.request.headers.emplace_back("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  EXPECT_TRUE(verify(put.request, example_time(), lookup));
  put.request.headers.emplace_back("X-Amz-Acl", "public-read");
  EXPECT_EQ(reason_of(put.request, example_time()), Reason::headers_not_signed);
}

TEST(SigV4, DatesGoBothWays) {
  EXPECT_EQ(amz_date(example_time() + 13h + 5min + 9s + 900ms), "20130524T130509Z");
  EXPECT_FALSE(parse_amz_date("20130230T000000Z"));
  EXPECT_FALSE(parse_amz_date("20130524T000060Z"));
  EXPECT_FALSE(parse_amz_date("2013-524T000000Z"));
}

TEST(SigV4, EscapesGoBothWays) {
  EXPECT_EQ(encode("a b/~한", true), "a%20b/~%ED%95%9C");
  EXPECT_EQ(encode("/", false), "%2F");
  EXPECT_EQ(decode("a%20b%2f+"), "a b/+");
  EXPECT_FALSE(decode("%"));
  EXPECT_FALSE(decode("%4"));
  EXPECT_FALSE(decode("%4g"));
}

}  // namespace
}  // namespace madang::objects::sigv4
