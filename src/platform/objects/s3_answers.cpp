#include "platform/objects/s3_answers.hpp"

namespace madang::objects {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e)
      out += '?';
    else
      out += c;
  }
  return out;
}

void element(std::string& out, std::string_view name, std::string_view text) {
  out.append("<").append(name).append(">").append(escaped(text));
  out.append("</").append(name).append(">");
}

}  // namespace

S3Error to_s3_error(const sigv4::Refusal& refusal) {
  using Reason = sigv4::Refusal::Reason;
  switch (refusal.reason) {
    case Reason::bad_parameters:
      return {
          .status = 400, .code = "AuthorizationQueryParametersError", .message = refusal.message};
    case Reason::unsupported_token:
      return {.status = 400, .code = "InvalidToken", .message = refusal.message};
    case Reason::unknown_key:
      return {.status = 403, .code = "InvalidAccessKeyId", .message = refusal.message};
    case Reason::signature_mismatch:
      return {.status = 403, .code = "SignatureDoesNotMatch", .message = refusal.message};
    case Reason::not_signed:
    case Reason::not_yet_valid:
    case Reason::expired:
    case Reason::headers_not_signed:
      break;
  }
  return {.status = 403, .code = "AccessDenied", .message = refusal.message};
}

S3Error to_s3_error(const Problem& problem) {
  if (problem.code == "no_such_object")
    return {.status = 404, .code = "NoSuchKey", .message = "The specified key does not exist."};
  if (problem.code == "storage_full")
    return {
        .status = 507, .code = "InsufficientStorage", .message = problem.detail, .retry_after = 60};
  if (problem.code == "bad_object_key")
    return {.status = 400, .code = "InvalidURI", .message = "Couldn't parse the specified URI."};
  if (problem.code == "busy")
    return {.status = 503,
            .code = "SlowDown",
            .message = "Please reduce your request rate.",
            .retry_after = 1};
  if (problem.code == "object_too_large")
    return {.status = 400, .code = "EntityTooLarge", .message = problem.detail};
  return {.status = 500,
          .code = "InternalError",
          .message = "We encountered an internal error. Please try again."};
}

http::Response s3_response(const S3Error& error, const http::Request& request) {
  std::string body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>";
  element(body, "Code", error.code);
  element(body, "Message", error.message);
  for (const auto& [name, text] : error.more) element(body, name, text);
  element(body, "Resource", request.path);
  element(body, "RequestId", request.request_id);
  body += "</Error>\n";
  http::Response response{.status = error.status, .content_type = "application/xml"};
  response.body = std::move(body);
  response.with("x-amz-request-id", request.request_id).with("Access-Control-Allow-Origin", "*");
  if (error.retry_after != 0) response.with("Retry-After", std::to_string(error.retry_after));
  return response;
}

}  // namespace madang::objects
