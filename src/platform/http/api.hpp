// Typed endpoints: method, path, access and limits in one declaration; request and response are
// described structs, which give decoding, validation, encoding and the OpenAPI document.
//
//   api.add({Method::post, "/api/v1/posts", Access::user, "Write a post", {.status = 201}},
//           *this, &Routes::create);
//   Task<Result<Post>> Routes::create(Call& call, CreatePost in);
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "platform/db/database.hpp"
#include "platform/http/call.hpp"
#include "platform/http/message.hpp"
#include "platform/http/query.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/http/router.hpp"
#include "platform/json/codec.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::http {

/// Who may call. There is no default: an endpoint without one does not compile.
enum class Access {
  open,    // nobody is asked for
  anyone,  // public, and knows who asks when they say so
  user,    // signed in
  admin,   // signed in, with the role
};

/// A header of requests, for the document.
struct HeaderParameter {
  std::string_view name;
  std::string_view meaning;
};

struct EndpointOptions {
  unsigned status = 200;                 // of success
  std::string_view tag = "";             // groups in the document
  std::uint64_t body_limit = 64 * 1024;  // bytes
  bool idempotent_by_key = true;         // POST only: honours Idempotency-Key
  bool stream = false;                   // raw endpoints only
  std::string_view rate = "";  // a policy's name instead of read / write; "none": unlimited
  bool hidden = false;         // not in the document
  bool quiet = false;          // asked for by machines all the time: successes are not logged
  // For the document alone: what cannot be told from the declaration.
  std::vector<unsigned> also{};            // statuses besides; below 400 with the same answer
  std::string_view content_type = "";      // of a Response made by hand
  std::vector<HeaderParameter> headers{};  // that the handler reads
};

struct Endpoint {
  Method method;
  std::string path;
  Access access;
  std::string summary;
  EndpointOptions options{};
};

/// The answer of calls that have nothing to say: 204.
struct Nothing {};

struct PageQuery {
  std::optional<json::Integer<1, 100>> limit;
  std::optional<std::string> cursor;
  std::int64_t size() const { return limit ? limit->value : 20; }
};
BOOST_DESCRIBE_STRUCT(PageQuery, (), (limit, cursor))

template <class T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next_cursor;
  BOOST_DESCRIBE_CLASS(Page, (), (items, next_cursor), (), ())
};

/// Tells who a token belongs to. Implemented by identity.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Nothing for an unknown, expired or revoked token.
  virtual Task<Result<std::optional<Principal>>> authenticate(std::string_view token,
                                                              Deadline deadline) = 0;
};

struct ApiOptions {
  std::string public_url;  // https://... or empty: decides cookie names and origins
  RatePolicy read{"read", 3000, std::chrono::seconds(10)};
  RatePolicy write{"write", 300, std::chrono::seconds(10)};
  RatePolicy bad_tokens{"bad_tokens", 300, std::chrono::seconds(10)};  // unknown ones, by address
  std::vector<RatePolicy> special{};  // named by EndpointOptions::rate; by address
  std::size_t rate_keys = 200'000;
  std::size_t max_in_flight_keys = 10'000;  // Idempotency-Keys being worked on
};

class Api final : public Handler {
 public:
  using Raw = std::function<Task<Response>(Call&)>;
  /// Pages and files: what no route matches. GET and HEAD only.
  using Fallback = std::function<std::optional<Response>(const Request&)>;

  Api(ApiOptions options, const Clock& clock, metrics::Registry& registry);
  ~Api() override;

  void set_authenticator(Authenticator& authenticator) { authenticator_ = &authenticator; }
  void set_fallback(Fallback fallback) { fallback_ = std::move(fallback); }
  /// Asked of each new request: whether it is answered 503 `overloaded` at once.
  void set_shedding(std::function<bool(Method)> refuse_next) {
    refuse_next_ = std::move(refuse_next);
  }
  /// Told of each signed-in request that may have written, before its answer.
  void set_own_writes(db::OwnWrites& own_writes) { own_writes_ = &own_writes; }
  /// What counts the quotas, so that instances can share them.
  RateLimiter& limiter() { return limiter_; }

  /// handler: Task<Result<Out>> (Owner::*)(Call&) or (Call&, In). In comes from the JSON body, or
  /// from the query for GET. Out is a described struct, Page<T>, Nothing, or a Response made by
  /// hand.
  template <class Owner, class Out>
  void add(Endpoint endpoint, Owner& owner, Task<Result<Out>> (Owner::*handler)(Call&)) {
    Description description = describe<Out>();
    add_route(std::move(endpoint), std::move(description),
              [&owner, handler](Call& call) { return invoke(owner, handler, call); });
  }
  template <class Owner, class Out, class In>
  void add(Endpoint endpoint, Owner& owner, Task<Result<Out>> (Owner::*handler)(Call&, In)) {
    Description description = describe<Out>();
    if (endpoint.method == Method::get)
      description.query = &query_schema<In>;
    else
      description.body = &body_schema<In>;
    add_route(std::move(endpoint), std::move(description),
              [&owner, handler](Call& call) { return invoke_with(owner, handler, call); });
  }
  void add_raw(Endpoint endpoint, Raw handler);

  /// The OpenAPI 3.1 document of all routes that are not hidden.
  std::string openapi() const;

  BodyPolicy body_policy(const Request& head, bool crowded) override;
  Task<Response> handle(Request& request) override;
  Response protocol_error(const Problem& problem, unsigned status,
                          std::string_view request_id) override;

 private:
  using SchemaWriter = void (*)(std::string&, json::Schemas&);
  struct Description {
    SchemaWriter query = nullptr;
    SchemaWriter body = nullptr;
    SchemaWriter answer = nullptr;
  };
  struct Route;
  class InFlight;

  template <class T>
  static void body_schema(std::string& out, json::Schemas& schemas) {
    json::Codec<T>::schema(out, schemas);
  }
  template <class T>
  static void query_schema(std::string& out, json::Schemas& schemas) {
    if constexpr (boost::describe::has_describe_members<T>::value)
      write_query_parameters<T>(out, schemas);
  }
  /// From the query of a GET, else from the JSON body.
  template <class In>
  static Result<In> decode(const Request& request) {
    if constexpr (boost::describe::has_describe_members<In>::value)
      if (request.method == Method::get || request.method == Method::head)
        return read_query<In>(request.query);
    return json::from_json<In>(request.body);
  }
  template <class Out>
  static Description describe() {
    Description description;
    if constexpr (!std::is_same_v<Out, Nothing> && !std::is_same_v<Out, Response>)
      description.answer = &body_schema<Out>;
    return description;
  }

  template <class Owner, class Out>
  static Task<Response> invoke(Owner& owner, Task<Result<Out>> (Owner::*handler)(Call&),
                               Call& call) {
    Result<Out> out = co_await (owner.*handler)(call);
    co_return answer(call, std::move(out));
  }
  template <class Owner, class Out, class In>
  static Task<Response> invoke_with(Owner& owner, Task<Result<Out>> (Owner::*handler)(Call&, In),
                                    Call& call) {
    Result<In> in = decode<In>(call.request);
    if (!in) co_return refuse(call, in.error());
    Result<Out> out = co_await (owner.*handler)(call, std::move(*in));
    co_return answer(call, std::move(out));
  }

  template <class Out>
  static Response answer(Call& call, Result<Out> out) {
    if (call.replay) return replayed(call);
    if (!out) return refuse(call, out.error());
    if constexpr (std::is_same_v<Out, Response>) {
      return std::move(*out);
    } else if constexpr (std::is_same_v<Out, Nothing>) {
      return succeed(call, 204, {});
    } else {
      if constexpr (requires { out->next_cursor; }) link_next(call, out->next_cursor);
      return succeed(call, call.status, json::to_json(*out));
    }
  }
  static Response succeed(Call& call, unsigned status, std::string body);
  static Response refuse(Call& call, const Problem& problem);
  static Response replayed(Call& call);
  static void link_next(Call& call, const std::optional<std::string>& next_cursor);

  static std::string operation(const Route& route, json::Schemas& schemas);
  static std::string answers(const Route& route, json::Schemas& schemas);
  void add_route(Endpoint endpoint, Description description, Raw run);
  void prepare(Route& route);
  Task<Response> run_guarded(const Route& route, Call& call);
  Task<Response> run_checked(const Route& route, Call& call);
  Task<std::optional<Problem>> identify(const Route& route, Call& call);
  std::optional<Problem> check_access(const Route& route, const Call& call) const;
  std::optional<Problem> check_origin(const Request& request) const;
  std::optional<Problem> check_content(const Route& route, const Request& request) const;
  std::optional<Problem> check_rate(const Route& route, Call& call);
  Result<bool> take_key(const Route& route, Call& call);
  void finish(const Route& route, const Request& request, Id account, const Response& response,
              std::chrono::steady_clock::time_point start);
  Response overloaded(std::string_view request_id) const;
  Response unmatched(const Request& request, const Router::Match& match);
  void tell_degraded(const Call& call, Response& response);

  const ApiOptions options_;
  const Clock& clock_;
  metrics::Registry& registry_;
  Authenticator* authenticator_ = nullptr;
  Fallback fallback_;
  std::function<bool(Method)> refuse_next_;
  Response overloaded_;  // without the id of the request
  metrics::Counter& shed_;
  RateLimiter limiter_;
  db::OwnWrites* own_writes_ = nullptr;
  Router router_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::unique_ptr<Route> unmatched_route_;
  std::unique_ptr<InFlight> in_flight_;
};

/// Names used by both cookie setting (identity) and reading (here).
std::string session_cookie_name(std::string_view public_url);
/// `Set-Cookie` for a session, or for its end when the token is empty.
std::string session_cookie(std::string_view public_url, std::string_view token,
                           std::chrono::seconds max_age);

}  // namespace madang::http
