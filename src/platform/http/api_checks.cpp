// What every request passes before its handler: who, whether they may, how often, in what form.
#include "platform/http/problem.hpp"
#include "platform/http/route.hpp"

namespace madang::http {

namespace {

bool is_safe(Method method) {
  return method == Method::get || method == Method::head;
}

std::string_view find_cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const auto end = header.find(';');
    std::string_view pair = header.substr(0, end);
    header = end == header.npos ? std::string_view() : header.substr(end + 1);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

bool is_bearer(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return false;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != scheme[i]) return false;
  return true;
}

Problem unauthenticated() {
  return {.kind = Kind::unauthenticated,
          .code = "unauthenticated",
          .detail = "Sign in first, or again."};
}

bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  std::string lower;
  for (const char c : type)
    if (c != ' ') lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  return lower == "application/json" ||
         (lower.starts_with("application/") && lower.ends_with("+json"));
}

}  // namespace

std::string session_cookie_name(std::string_view public_url) {
  return public_url.starts_with("https://") ? "__Host-madang_session" : "madang_session";
}

std::string session_cookie(std::string_view public_url, std::string_view token,
                           std::chrono::seconds max_age) {
  std::string cookie =
      session_cookie_name(public_url) + "=" + std::string(token) +
      "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(max_age.count());
  if (public_url.starts_with("https://")) cookie += "; Secure";
  return cookie;
}

Task<std::optional<Problem>> Api::identify(const Route& route, Call& call) {
  if (authenticator_ == nullptr) co_return std::nullopt;
  const Request& request = call.request;
  const std::string_view authorization = request.header("authorization");
  const bool bearer = is_bearer(authorization);
  const std::string_view token =
      bearer ? authorization.substr(7)
             : find_cookie(request.header("cookie"), session_cookie_name(options_.public_url));
  if (token.empty()) {
    if (!authorization.empty()) co_return unauthenticated();
    co_return std::nullopt;
  }
  Result<std::optional<Principal>> found =
      co_await authenticator_->authenticate(token, request.deadline);
  if (!found) co_return std::move(found.error());
  // Only whoever presents unknown tokens is slowed down, not everybody behind the same address.
  if (!*found && !limiter_
                      .take(options_.bad_tokens, address_key(request.remote_address),
                            std::chrono::steady_clock::now())
                      .allowed)
    co_return Problem{.kind = Kind::too_many,
                      .code = "rate_limited",
                      .detail = "Too many unknown tokens from this address; wait a little.",
                      .retry_after = std::chrono::seconds(10)};
  if (!*found && bearer) co_return unauthenticated();  // a stale cookie only means a visitor
  call.principal = *found;
  if (call.principal && !bearer && call.principal->renewed_for.count() > 0)
    call.headers.emplace_back(
        "Set-Cookie", session_cookie(options_.public_url, token, call.principal->renewed_for));
  if (call.principal && !bearer && !is_safe(request.method)) co_return check_origin(request);
  co_return std::nullopt;
}

/// A cookie is sent by the browser whoever asks it to: unsafe calls must show that our page asked.
std::optional<Problem> Api::check_origin(const Request& request) const {
  const std::string_view origin = request.header("origin");
  const std::string_view host = request.header("host");
  const bool same = !options_.public_url.empty()
                        ? origin == options_.public_url
                        : (origin.starts_with("http://") && origin.substr(7) == host) ||
                              (origin.starts_with("https://") && origin.substr(8) == host);
  if (same && request.header("madang-csrf") == "1") return {};
  return Problem{
      .kind = Kind::forbidden,
      .code = "csrf_failed",
      .detail = "Calls by cookie need a same-origin Origin and the header Madang-Csrf: 1."};
}

std::optional<Problem> Api::check_access(const Route& route, const Call& call) const {
  switch (route.endpoint.access) {
    case Access::open:
    case Access::anyone:
      return {};
    case Access::user:
      if (call.principal) return {};
      return unauthenticated();
    case Access::admin:
      if (!call.principal) return unauthenticated();
      if (call.principal->admin) return {};
      return Problem{
          .kind = Kind::forbidden, .code = "forbidden", .detail = "This needs the role admin."};
  }
  return unauthenticated();
}

std::optional<Problem> Api::check_content(const Route& route, const Request& request) const {
  if (route.description.body == nullptr) return {};
  if (is_json(request.header("content-type"))) return {};
  if (request.body.empty())
    return Problem{
        .kind = Kind::malformed, .code = "malformed_json", .detail = "A JSON body is needed."};
  return Problem{.kind = Kind::unsupported_type,
                 .code = "unsupported_type",
                 .detail = "The body must be application/json."};
}

std::optional<Problem> Api::check_rate(const Route& route, Call& call) {
  if (route.rate == nullptr) return {};
  const RatePolicy& policy = *route.rate;
  const bool by_account = call.principal && route.endpoint.options.rate.empty();
  const std::string key =
      by_account ? std::to_string(call.account()) : address_key(call.request.remote_address);
  const RateVerdict verdict = limiter_.take(policy, key, std::chrono::steady_clock::now());
  call.headers.emplace_back("RateLimit-Policy", route.rate_policy);
  std::string left;
  left.reserve(policy.name.size() + 40);
  left.append("\"").append(policy.name).append("\";r=").append(std::to_string(verdict.remaining));
  left.append(";t=").append(std::to_string(verdict.reset.count()));
  call.headers.emplace_back("RateLimit", std::move(left));
  if (verdict.allowed) return {};
  return Problem{.kind = Kind::too_many,
                 .code = "rate_limited",
                 .detail = "Too many requests; wait a little.",
                 .retry_after = verdict.reset};
}

}  // namespace madang::http
