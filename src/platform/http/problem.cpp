#include "platform/http/problem.hpp"

#include "base/json_text.hpp"

namespace madang::http {

unsigned status_of(Kind kind) {
  switch (kind) {
    case Kind::malformed:
      return 400;
    case Kind::unauthenticated:
      return 401;
    case Kind::forbidden:
      return 403;
    case Kind::not_found:
      return 404;
    case Kind::method_not_allowed:
      return 405;
    case Kind::timeout:
      return 408;
    case Kind::conflict:
      return 409;
    case Kind::gone:
      return 410;
    case Kind::precondition:
      return 412;
    case Kind::too_large:
      return 413;
    case Kind::uri_too_long:
      return 414;
    case Kind::unsupported_type:
      return 415;
    case Kind::invalid:
      return 422;
    case Kind::too_many:
      return 429;
    case Kind::head_too_large:
      return 431;
    case Kind::internal:
      return 500;
    case Kind::unavailable:
      return 503;
  }
  return 500;
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

namespace {

void member(std::string& out, std::string_view name, std::string_view text) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

void append_errors(std::string& out, const std::vector<FieldError>& errors) {
  out += ",\"errors\":[";
  for (const FieldError& error : errors) {
    if (&error != &errors.front()) out += ',';
    out += '{';
    member(out, "field", error.field);
    member(out, "code", error.code);
    member(out, "message", error.message);
    out += '}';
  }
  out += ']';
}

}  // namespace

Response problem_response(const Problem& problem, std::string_view request_id, unsigned status) {
  if (status == 0) status = status_of(problem.kind);
  std::string body = "{";
  member(body, "type", "urn:madang:problem:" + std::string(problem.code));
  member(body, "title", reason_phrase(status));
  body += ",\"status\":" + std::to_string(status);
  member(body, "code", problem.code);
  if (!problem.detail.empty()) member(body, "detail", problem.detail);
  for (const auto& [name, text] : problem.members) member(body, name, text);
  if (!problem.errors.empty()) append_errors(body, problem.errors);
  member(body, "request_id", request_id);
  body += '}';
  Response response{
      .status = status, .content_type = "application/problem+json", .body = std::move(body)};
  if (problem.retry_after)
    response.with("Retry-After", std::to_string(problem.retry_after->count()));
  if (status == 401) response.with("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace madang::http
