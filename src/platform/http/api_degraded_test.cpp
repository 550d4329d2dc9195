#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "platform/http/api.hpp"

namespace madang::http {

namespace {

struct Answer {
  int value = 1;
};
BOOST_DESCRIBE_STRUCT(Answer, (), (value))

struct Routes {
  Task<Result<Answer>> well(Call&) { co_return Answer{}; }
  Task<Result<Answer>> without_two(Call& call) {
    call.degraded.add("feed-from-sql");
    call.degraded.add("likes-from-sql");
    call.degraded.add("feed-from-sql");
    co_return Answer{};
  }
  Task<Result<Answer>> refused(Call& call) {
    call.degraded.add("feed-from-sql");
    co_return fail(Kind::unavailable, "thing_unavailable");
  }
};

struct Fixture {
  Fixture() {
    const EndpointOptions options{.rate = "none"};
    api.add({Method::get, "/api/v1/well", Access::open, "Well", options}, routes, &Routes::well);
    api.add({Method::get, "/api/v1/without", Access::open, "Without", options}, routes,
            &Routes::without_two);
    api.add({Method::get, "/api/v1/refused", Access::open, "Refused", options}, routes,
            &Routes::refused);
  }

  Response get(std::string_view path) {
    Request request;
    request.target = request.path = path;
    boost::asio::io_context io;
    auto answer = boost::asio::co_spawn(io, api.handle(request), boost::asio::use_future);
    io.run();
    return answer.get();
  }

  SystemClock clock;
  metrics::Registry registry;
  Routes routes;
  Api api{ApiOptions{}, clock, registry};
};

std::string degraded_of(const Response& response) {
  for (const auto& [name, value] : response.headers)
    if (name == "Madang-Degraded") return value;
  return "none";
}

}  // namespace

TEST(DegradedAnswers, AreNamedAndCounted) {
  Fixture it;
  EXPECT_EQ(degraded_of(it.get("/api/v1/well")), "none");
  EXPECT_EQ(it.registry.scrape().find("madang_degraded_total"), std::string::npos);
  const Response without = it.get("/api/v1/without");
  EXPECT_EQ(without.status, 200u);
  EXPECT_EQ(degraded_of(without), "feed-from-sql, likes-from-sql");
  const Response refused = it.get("/api/v1/refused");
  EXPECT_EQ(refused.status, 503u);
  EXPECT_EQ(degraded_of(refused), "feed-from-sql");
  const std::string text = it.registry.scrape();
  EXPECT_NE(text.find("madang_degraded_total{name=\"feed-from-sql\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("madang_degraded_total{name=\"likes-from-sql\"} 1\n"), std::string::npos);
}

}  // namespace madang::http
