// What is refused before it is read: who is asked, and what is said.
#include <gtest/gtest.h>

#include <algorithm>

#include "platform/http/api.hpp"

namespace madang::http {

namespace {

struct Overloaded {
  Overloaded() {
    const EndpointOptions watched{.rate = "none"};
    api.add_raw({Method::get, "/things", Access::open, "Things"}, nothing);
    api.add_raw({Method::post, "/things", Access::open, "Make"}, nothing);
    api.add_raw({Method::get, "/health", Access::open, "Health", watched}, nothing);
    api.set_shedding([](Method method) { return method == Method::post; });
  }

  static Task<Response> nothing(Call&) { co_return Response{}; }

  std::optional<Response> refusal(Method method, std::string_view path, bool crowded = false) {
    Request request;
    request.method = method;
    request.target = request.path = path;
    request.request_id = "0123456789abcdef";
    return api.body_policy(request, crowded).refuse;
  }

  SystemClock clock;
  metrics::Registry registry;
  Api api{ApiOptions{}, clock, registry};
};

}  // namespace

TEST(Overloaded, TheKindOfRequestDecides) {
  Overloaded it;
  EXPECT_FALSE(it.refusal(Method::get, "/things"));
  EXPECT_TRUE(it.refusal(Method::post, "/things"));
  EXPECT_TRUE(it.refusal(Method::post, "/things")) << "each anew";
  EXPECT_NE(it.registry.scrape().find("madang_http_shed_total 2"), std::string::npos);
}

TEST(Overloaded, WhoLooksAfterTheServerIsAlwaysAnswered) {
  Overloaded it;
  it.api.set_shedding([](Method) { return true; });
  EXPECT_FALSE(it.refusal(Method::get, "/health"));
  EXPECT_TRUE(it.refusal(Method::get, "/things"));
}

TEST(Overloaded, WhereItIsCrowdedWhatMayBeRefusedIs) {
  Overloaded it;
  EXPECT_TRUE(it.refusal(Method::get, "/things", true));
  EXPECT_FALSE(it.refusal(Method::get, "/health", true));
}

TEST(Overloaded, IsToldWithTheRequestsOwnIdAndWhenToComeBack) {
  Overloaded it;
  const Response told = it.refusal(Method::post, "/things").value();
  EXPECT_EQ(told.status, 503U);
  EXPECT_EQ(told.content_type, "application/problem+json");
  const std::string& body = std::get<std::string>(told.body);
  EXPECT_TRUE(body.starts_with(R"({"type":"urn:madang:problem:overloaded",)")) << body;
  EXPECT_TRUE(body.ends_with(R"(,"request_id":"0123456789abcdef"})")) << body;
  const std::pair<std::string, std::string> later{"Retry-After", "1"};
  EXPECT_NE(std::ranges::find(told.headers, later), told.headers.end());
}

}  // namespace madang::http
