// What breaks HTTP is refused with the right status, and the connection closes.
#include <gmock/gmock.h>

#include "platform/http/server_fixture.hpp"

namespace madang::http::test {

using ::testing::HasSubstr;
using namespace std::string_literals;

struct BadRequest {
  const char* name;
  std::string bytes;
  unsigned status;
};

void PrintTo(const BadRequest& bad, std::ostream* out) {
  *out << bad.name;
}

std::string chunked(std::string_view body) {
  return "POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

std::string with_headers(std::string_view headers) {
  return "POST /x HTTP/1.1\r\nHost: t\r\n" + std::string(headers) + "\r\n";
}

std::string with_target(std::string_view target, std::string_view method = "GET") {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: t\r\n\r\n";
}

std::vector<BadRequest> bad_requests() {
  return {
      {"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
      {"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"EmptyHost", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"HostWithPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"TwoHostsOld", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"TwoLengths", with_headers("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
      {"TwoEqualLengths", with_headers("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
      {"LengthList", with_headers("Content-Length: 1, 1\r\n"), 400},
      {"NegativeLength", with_headers("Content-Length: -1\r\n"), 400},
      {"SignedLength", with_headers("Content-Length: +1\r\n"), 400},
      {"HexLength", with_headers("Content-Length: 0x1\r\n"), 400},
      {"EmptyLength", with_headers("Content-Length:\r\n"), 400},
      {"HugeLength", with_headers("Content-Length: 99999999999999999999\r\n"), 400},
      {"LengthThenChunked",
       with_headers("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {"ChunkedThenLength",
       with_headers("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "0\r\n\r\n", 400},
      {"UnknownCoding", with_headers("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"Identity", with_headers("Transfer-Encoding: identity\r\n"), 400},
      {"ChunkedTwice", with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       400},
      {"ChunkedNotLast", with_headers("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"ChunkedInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"SpaceBeforeColon", with_headers("Transfer-Encoding : chunked\r\n"), 400},
      {"TabInCoding",
       with_headers("Transfer-Encoding: \x0b"
                    "chunked\r\n"),
       400},
      {"BadChunkSize", chunked("zz\r\nabc\r\n"), 400},
      {"EmptyChunkSize", chunked("\r\nabc\r\n"), 400},
      {"NegativeChunk", chunked("-1\r\nabc\r\n"), 400},
      {"PrefixedChunk", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
      {"HugeChunk", chunked("fffffffffffffffff\r\n"), 400},
      {"ChunkTooLong", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
      {"ChunkBareLf", chunked("3\nabc\n0\n\n"), 400},
      {"ChunkEndless", chunked("3;" + std::string(70'000, 'a')), 400},
      {"TrailersEndless", chunked("0\r\nT: " + std::string(70'000, 'a')), 400},
      {"TrailerBroken", chunked("0\r\nno colon\r\n\r\n"), 400},
      {"TrailerFolded", chunked("0\r\nX: y\r\n z\r\n\r\n"), 400},
      {"SpaceAfterSize", chunked("3 \r\nabc\r\n0\r\n\r\n"), 400},
      {"Http2", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505},
      {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"Http12", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", 505},
      {"Http09", "GET / HTTP/0.9\r\n\r\n", 505},
      {"NoVersion", "GET /\r\n\r\n", 400},
      {"WrongProtocol", "GET / FTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"LowerCaseProtocol", "GET / http/1.1\r\nHost: t\r\n\r\n", 400},
      {"LongVersion", "GET / HTTP/1.10\r\nHost: t\r\n\r\n", 400},
      {"TlsHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"s, 400},
      {"TwoSpaces", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"SpaceInTarget", with_target("/a b"), 400},
      {"TrailingSpace", "GET / HTTP/1.1 \r\nHost: t\r\n\r\n", 400},
      {"LeadingSpace", " GET / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"EmptyMethod", " / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"BadMethod", "G(T / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"LongMethod", std::string(100, 'G'), 400},
      {"NulInTarget", with_target("/a\0b"s), 400},
      {"TabInTarget", with_target("/a\tb"), 400},
      {"Utf8InTarget", with_target("/\xea\xb0\x80"), 400},
      {"DelInTarget", with_target("/\x7f"), 400},
      {"QuoteInTarget", with_target("/\""), 400},
      {"FragmentInTarget", with_target("/a#b"), 400},
      {"RelativeTarget", with_target("a/b"), 400},
      {"OtherScheme", with_target("ftp://a/b"), 400},
      {"NoAuthority", with_target("http:///b"), 400},
      {"UserInAuthority", with_target("http://u@h/b"), 400},
      {"AsteriskGet", with_target("*"), 400},
      {"Connect", with_target("host:443", "CONNECT"), 400},
      {"NulInHeader", with_headers("X: a\0b\r\n"s), 400},
      {"ControlInHeader",
       with_headers("X: a\x01"
                    "b\r\n"),
       400},
      {"CrInHeader", with_headers("X: a\rb\r\n"), 400},
      {"NoColon", with_headers("Xab\r\n"), 400},
      {"EmptyName", with_headers(": a\r\n"), 400},
      {"SpaceInName", with_headers("X y: a\r\n"), 400},
      {"Folded", with_headers("X: a\r\n b\r\n"), 400},
      {"FoldedFirst", "GET / HTTP/1.1\r\n Host: t\r\n\r\n", 400},
      {"BareLf", "GET / HTTP/1.1\nHost: t\n\n", 400},
      {"BareLfHeader", "GET / HTTP/1.1\r\nHost: t\nX: y\r\n\r\n", 400},
      {"BareLfEnd", "GET / HTTP/1.1\r\nHost: t\r\n\n", 400},
      {"ManyEmptyLines", "\r\n\r\n\r\n\r\n" + get("/"), 400},
      {"LongTarget", with_target("/" + std::string(9'000, 'a')), 414},
      {"EndlessTarget", "GET /" + std::string(9'000, 'a'), 414},
      {"LargeHeader", with_headers("X: " + std::string(17'000, 'a') + "\r\n"), 431},
      {"EndlessHeader", "GET / HTTP/1.1\r\nX: " + std::string(17'000, 'a'), 431},
      {"ManyHeaders",
       [] {
         std::string headers;
         for (int i = 0; i < 150; ++i) headers += "X-" + std::to_string(i) + ": y\r\n";
         return with_headers(headers);
       }(),
       431},
      {"LargeBody", post("/x", std::string(1'001, 'a')), 413},
      {"LargeChunk", chunked("fff\r\n" + std::string(4'095, 'a') + "\r\n0\r\n\r\n"), 413},
  };
}

class BadRequestTest : public ServerTest, public ::testing::WithParamInterface<BadRequest> {};

TEST_P(BadRequestTest, IsRefused) {
  start();
  EXPECT_EQ(refused(GetParam().bytes), GetParam().status);
  EXPECT_EQ(handler.handled, 0);
}

TEST_P(BadRequestTest, IsRefusedInPieces) {
  start();
  Client client = connect();
  const std::string& bytes = GetParam().bytes;
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    if (!client.send(std::string_view(bytes).substr(at, 7))) break;
  }
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, GetParam().status);
  EXPECT_FALSE(answer->header("X-Request-Id").empty());
  EXPECT_EQ(answer->header("X-Told-Id"), answer->header("X-Request-Id"));
  EXPECT_TRUE(client.ended());
}

TEST_P(BadRequestTest, DoesNotHarmWhatCameBefore) {
  start();
  Client client = connect();
  client.send(get("/before") + GetParam().bytes);
  const auto before = client.receive();
  ASSERT_TRUE(before);
  EXPECT_THAT(before->body, HasSubstr("GET /before"));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(Wire, BadRequestTest, ::testing::ValuesIn(bad_requests()),
                         [](const auto& given) { return std::string(given.param.name); });

TEST_F(ServerTest, CountsProtocolErrors) {
  start();
  refused("GET / HTTP/1.1\r\n\r\n");
  refused("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(metric("madang_http_protocol_errors_total{code=\"missing_host\"}"), 2);
}

TEST_F(ServerTest, TakesWhatIsUnusualButRight) {
  start();
  for (const std::string& bytes : {
           "\r\n" + get("/"),                                             // one empty line before
           "GET / HTTP/1.1\r\nhOsT:t\r\nX:\t a \t\r\nEmpty:\r\n\r\n"s,    // spaces and case
           "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"s,                 // IPv6
           "PROPFIND / HTTP/1.1\r\nHost: t\r\n\r\n"s,                     // another method
           "GET /a%20b?x={y}|z&u=~'()* HTTP/1.1\r\nHost: t\r\n\r\n"s,     // as browsers send it
           "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 000\r\n\r\n"s,  // leading zeros
           chunked("0\r\nContent-Length: 5\r\n\r\n"),  // a trailer frames nothing
           chunked("A ; a=b;c=\"d;\\\"e\"\r\n0123456789\r\n000\r\n\r\n"),
           "GET /" + std::string(8'000, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n",
           get("/", "X: " + std::string(15'000, 'a') + "\r\n"),
           get("/", "X: \xea\xb0\x80\xff\r\n"),  // obs-text
           get("/", "Expect: something-else\r\n"),
           get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
       }) {
    const auto answer = ask(bytes);
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->status, 200) << bytes;
  }
}

TEST_F(ServerTest, BelievesTrustedProxiesOnly) {
  options.trusted_proxies = {"127.0.0.0/8", "10.1.0.0/16", "fd00::/8"};
  start();
  const auto ip_of = [this](std::string_view headers) {
    const auto answer = ask(get("/", headers));
    const std::size_t at = answer->body.find("ip=") + 3;
    return answer->body.substr(at, answer->body.find(' ', at) - at);
  };
  EXPECT_EQ(ip_of(""), "127.0.0.1");
  EXPECT_EQ(ip_of("X-Forwarded-For: 1.2.3.4\r\n"), "1.2.3.4");
  EXPECT_EQ(ip_of("X-Forwarded-For: 9.9.9.9, 1.2.3.4, 10.1.2.3\r\n"), "1.2.3.4");
  EXPECT_EQ(ip_of("X-Forwarded-For: 9.9.9.9, 10.2.0.1\r\n"), "10.2.0.1");
  EXPECT_EQ(ip_of("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: fd00::1\r\n"), "1.2.3.4");
  EXPECT_EQ(ip_of("X-Forwarded-For: [2001:db8::1]:443\r\n"), "2001:db8::1");
  EXPECT_EQ(ip_of("X-Forwarded-For: 1.2.3.4:5678\r\n"), "1.2.3.4");
  EXPECT_EQ(ip_of("X-Forwarded-For: ::ffff:1.2.3.4\r\n"), "1.2.3.4");
  EXPECT_EQ(ip_of("X-Forwarded-For: 9.9.9.9, unknown, 10.1.2.3\r\n"), "10.1.2.3");
  EXPECT_EQ(ip_of("X-Forwarded-For: garbage\r\n"), "127.0.0.1");
  EXPECT_EQ(ip_of("X-Forwarded-For:\r\n"), "127.0.0.1");
  EXPECT_EQ(ip_of("X-Forwarded-For: [\r\n"), "127.0.0.1");
  EXPECT_EQ(ask(get("/", "X-Request-Id: from-outside_1\r\n"))->header("X-Request-Id"),
            "from-outside_1");
  EXPECT_EQ(ask(get("/", "X-Request-Id: bad id\r\n"))->header("X-Request-Id").size(), 16U);
}

TEST_F(ServerTest, BelievesNobodyByDefault) {
  start();
  const auto answer = ask(get("/", "X-Forwarded-For: 1.2.3.4\r\nX-Request-Id: mine\r\n"));
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("ip=127.0.0.1 "));
  EXPECT_NE(answer->header("X-Request-Id"), "mine");
}

TEST_F(ServerTest, RefusesProxiesThatAreNoAddresses) {
  for (const char* entry : {"localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "::1/129"}) {
    options.trusted_proxies = {entry};
    EXPECT_THROW(start(), std::invalid_argument) << entry;
  }
}

}  // namespace madang::http::test
