#include "platform/http/api.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "platform/http/problem.hpp"
#include "platform/http/route.hpp"
#include "platform/log/log.hpp"
#include "platform/runtime/lag.hpp"

namespace madang::http {

using Steady = std::chrono::steady_clock;

namespace {

constexpr std::string_view end_of_id = "\"}";  // how a problem's text ends, behind the id

std::string in_flight_name(const IdempotencyKey& key) {
  return std::to_string(key.account) + ' ' + key.route + ' ' + key.key;
}

/// What a broken part or a bug looks like from outside: nothing but the request's id.
Problem internal_problem() {
  return Problem{.kind = Kind::internal,
                 .code = "internal",
                 .detail = "Something broke on our side. The request id helps us find it."};
}

Problem problem_of(std::exception_ptr error, const Request& request) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const db::SqlError& e) {
    log::error("http", "database_error", {{"request_id", request.request_id}, {"error", e.what()}});
    using enum db::SqlError::Cause;
    if (e.cause() == full || e.cause() == io || e.cause() == busy)
      return Problem{.kind = Kind::unavailable,
                     .code = "storage_unavailable",
                     .detail = "The store cannot take writes just now.",
                     .retry_after = std::chrono::seconds(5)};
  } catch (const std::exception& e) {
    log::error("http", "unhandled", {{"request_id", request.request_id}, {"error", e.what()}});
  } catch (...) {
    log::error("http", "unhandled", {{"request_id", request.request_id}});
  }
  return internal_problem();
}

}  // namespace

Api::Api(ApiOptions options, const Clock& clock, metrics::Registry& registry)
    : options_(std::move(options)),
      clock_(clock),
      registry_(registry),
      shed_(registry.counter("madang_http_shed_total",
                             "Requests refused before they were read: I/O threads were behind, "
                             "or writes would have been refused")),
      limiter_(options_.rate_keys, registry),
      in_flight_(std::make_unique<InFlight>(
          options_.max_in_flight_keys,
          registry.gauge("madang_idempotency_keys_in_flight",
                         "Requests with an Idempotency-Key being worked on"))) {
  const Problem problem =
      busy("overloaded", "The server is at its limit; try again shortly.").error();
  overloaded_ = problem_response(problem, "");
  unmatched_route_ = std::make_unique<Route>();
  unmatched_route_->endpoint.path = "unmatched";
  prepare(*unmatched_route_);
}

Api::~Api() = default;

void Api::prepare(Route& route) {
  route.seconds = &registry_.histogram("madang_http_request_seconds",
                                       "Time from a complete request to its answer",
                                       {{"method", std::string(method_name(route.endpoint.method))},
                                        {"route", route.endpoint.path}});
}

void Api::add_route(Endpoint endpoint, Description description, Raw run) {
  auto route = std::make_unique<Route>();
  const std::string_view named = endpoint.options.rate;
  const bool safe = endpoint.method == Method::get;
  if (named.empty()) route->rate = safe ? &options_.read : &options_.write;
  for (const RatePolicy& policy : options_.special)
    if (policy.name == named) route->rate = &policy;
  if (const RatePolicy* const rate = route->rate)
    route->rate_policy = "\"" + rate->name + "\";q=" + std::to_string(rate->quota) +
                         ";w=" + std::to_string(rate->window.count());
  route->endpoint = std::move(endpoint);
  route->description = description;
  route->run = std::move(run);
  prepare(*route);
  router_.add(route->endpoint.method, route->endpoint.path, routes_.size());
  routes_.push_back(std::move(route));
}

void Api::add_raw(Endpoint endpoint, Raw handler) {
  add_route(std::move(endpoint), Description{}, std::move(handler));
}

BodyPolicy Api::body_policy(const Request& head, bool crowded) {
  const Router::Match match = router_.find(head.method, head.path);
  if (match.route == Router::none) return {.limit = 64 * 1024};
  const EndpointOptions& options = routes_[match.route]->endpoint.options;
  BodyPolicy policy{.limit = options.body_limit, .stream = options.stream};
  const bool may_refuse = options.rate != "none";
  if (may_refuse && (crowded || (refuse_next_ && refuse_next_(head.method)))) {
    shed_.Increment();
    policy.refuse = overloaded(head.request_id);
  }
  return policy;
}

/// Written before: where many are refused it is the refusals that take the time.
Response Api::overloaded(std::string_view request_id) const {
  Response response = overloaded_;
  auto& body = std::get<std::string>(response.body);
  body.insert(body.size() - end_of_id.size(), request_id);
  return response;
}

Response Api::protocol_error(const Problem& problem, unsigned status, std::string_view request_id) {
  Response response = problem_response(problem, request_id, status);
  response.close = true;
  return response;
}

Task<Response> Api::handle(Request& request) {
  const auto start = Steady::now();
  const runtime::LagMonitor::Inside inside;
  Router::Match match = router_.find(request.method, request.path);
  if (match.route == Router::none) {
    Response response = unmatched(request, match);
    finish(*unmatched_route_, request, 0, response, start);
    co_return response;
  }
  const Route& route = *routes_[match.route];
  Call call(request, std::move(match.parameters), route.endpoint.options.status, clock_);
  call.own_writes = own_writes_;
  Response response = co_await run_guarded(route, call);
  if (!call.degraded.empty()) tell_degraded(call, response);
  finish(route, request, call.viewer(), response, start);
  co_return response;
}

Response Api::unmatched(const Request& request, const Router::Match& match) {
  if (!match.allow.empty()) {
    Response response = problem_response({.kind = Kind::method_not_allowed,
                                          .code = "method_not_allowed",
                                          .detail = "Allowed: " + match.allow},
                                         request.request_id);
    response.with("Allow", match.allow);
    return response;
  }
  const bool safe = request.method == Method::get || request.method == Method::head;
  if (safe && fallback_ && !request.path.starts_with("/api/")) {
    if (auto page = fallback_(request)) return std::move(*page);
  }
  return problem_response(
      {.kind = Kind::not_found, .code = "not_found", .detail = "There is nothing here."},
      request.request_id);
}

Task<Response> Api::run_guarded(const Route& route, Call& call) {
  std::exception_ptr error;
  try {
    Response response = co_await run_checked(route, call);
    co_return response;
  } catch (...) {
    error = std::current_exception();
  }
  const Problem problem = problem_of(std::move(error), call.request);
  co_return problem_response(problem, call.request.request_id);
}

Task<Response> Api::run_checked(const Route& route, Call& call) {
  std::optional<Problem> refused;
  if (route.endpoint.access != Access::open) refused = co_await identify(route, call);
  // Whoever guesses tokens is limited too, by address.
  if (!refused || refused->kind == Kind::unauthenticated)
    if (auto limited = check_rate(route, call)) refused = std::move(limited);
  if (!refused) refused = check_access(route, call);
  if (!refused) refused = check_content(route, call.request);
  if (refused) co_return refuse(call, *refused);
  const Result<bool> held = take_key(route, call);
  if (!held) co_return refuse(call, held.error());
  struct Release {
    InFlight* keys = nullptr;
    std::string name;
    ~Release() {
      if (keys != nullptr) keys->release(name);
    }
  } release;
  if (*held) {
    release.keys = in_flight_.get();
    release.name = in_flight_name(*call.idempotency);
  }
  Response response = co_await route.run(call);
  const bool reads = route.endpoint.method == Method::get;
  if (own_writes_ != nullptr && !reads && call.principal)
    co_await own_writes_->wrote(call.account(), call.deadline());
  co_return response;
}

Result<bool> Api::take_key(const Route& route, Call& call) {
  const std::string_view header = call.request.header("idempotency-key");
  if (header.empty() || !route.endpoint.options.idempotent_by_key ||
      route.endpoint.method != Method::post || !call.principal)
    return false;
  // On the wire a structured-field string, "...": bare is accepted too.
  std::string_view key = header;
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"')
    key = key.substr(1, key.size() - 2);
  for (const char c : key)
    if (c <= ' ' || c > '~' || c == '"') key = {};
  if (key.empty() || key.size() > 255)
    return invalid_field("Idempotency-Key", "bad_key", "1 to 255 visible ASCII characters");
  call.idempotency = IdempotencyKey{call.account(), std::string(call.request.path),
                                    std::string(key), sha256(call.request.body)};
  switch (in_flight_->take(in_flight_name(*call.idempotency))) {
    case InFlight::Taken::yes:
      return true;
    case InFlight::Taken::full:
      return busy("busy", "Too many requests with keys are being worked on.");
    case InFlight::Taken::busy:
      break;
  }
  return std::unexpected(key_in_flight());
}

Response Api::succeed(Call& call, unsigned status, std::string body) {
  Response response{.status = status, .headers = std::move(call.headers), .body = std::move(body)};
  if (!call.location.empty()) response.with("Location", std::move(call.location));
  if (status == 204) {
    response.content_type = {};
  } else if (call.principal) {  // what one person was told is nobody else's, and soon old
    const auto named = [](const auto& header) { return header.first == "Cache-Control"; };
    if (std::ranges::none_of(response.headers, named))
      response.with("Cache-Control", "private, no-store");
  }
  return response;
}

Response Api::refuse(Call& call, const Problem& problem) {
  Response response = problem_response(problem, call.request.request_id);
  for (auto& header : call.headers) response.headers.push_back(std::move(header));
  return response;
}

Response Api::replayed(Call& call) {
  call.location = std::move(call.replay->location);  // of what was made then
  Response response = succeed(call, call.replay->status, std::move(call.replay->body));
  response.with("Idempotent-Replayed", "true");
  return response;
}

void Api::link_next(Call& call, const std::optional<std::string>& next_cursor) {
  if (!next_cursor) return;
  std::string link = "<" + std::string(call.request.path) + "?";
  std::string_view rest = call.request.query;
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (!pair.empty() && pair.substr(0, pair.find('=')) != "cursor") (link += pair) += '&';
  }
  link += "cursor=" + *next_cursor + ">; rel=\"next\"";
  call.headers.emplace_back("Link", std::move(link));
}

void Api::tell_degraded(const Call& call, Response& response) {
  response.with(std::string(resilience::degraded_header), call.degraded.header());
  for (const std::string_view name : call.degraded.names())
    registry_
        .counter("madang_degraded_total", "Answers that had to do without something",
                 {{"name", std::string(name)}})
        .Increment();
}

void Api::finish(const Route& route, const Request& request, Id account, const Response& response,
                 Steady::time_point start) {
  const auto elapsed = Steady::now() - start;
  route.counter(response.status / 100, registry_).Increment();
  route.seconds->Observe(std::chrono::duration<double>(elapsed).count());
  if (!log::enabled(log::Level::info)) return;
  if (route.endpoint.options.quiet && response.status < 400) return;
  log::info("http", "request",
            {{"request_id", request.request_id},
             {"method", method_name(request.method)},
             {"route", route.endpoint.path},
             {"status", response.status},
             {"account", account},
             {"micros", std::chrono::duration_cast<Micros>(elapsed).count()}});
}

}  // namespace madang::http
