#include "platform/http/request_target.hpp"

#include "platform/http/ascii.hpp"

namespace madang::http {

namespace {

/// What browsers send raw in a query (`|`, `{`, `^`, ...) passes; what could end the target, start
/// a fragment or break a log line or a page does not.
bool is_target_char(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '#' && c != '\\';
}

/// The target without `http://authority`; nothing when it is no absolute form of ours.
std::string_view after_authority(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view name = target.substr(0, scheme);
  if (!same_token(name, "http") && !same_token(name, "https")) return {};
  const std::string_view rest = target.substr(scheme + 3);
  const std::size_t end = rest.find_first_of("/?");
  if (!is_authority(rest.substr(0, end))) return {};
  return end == std::string_view::npos ? std::string_view("/") : rest.substr(end);
}

}  // namespace

bool is_authority(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  for (const char c : text) {
    if (!is_alnum(c) && std::string_view(".-_:[]%~").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

bool split_target(std::string_view target, std::string_view method, Request& request) {
  request.target = target;
  request.query = {};
  if (target == "*") {
    request.path = target;
    return method == "OPTIONS";
  }
  for (const char c : target) {
    if (!is_target_char(c)) return false;
  }
  std::string_view local = target;
  if (!target.starts_with('/')) {
    local = after_authority(target);
    if (local.empty()) return false;
  }
  const std::size_t question = local.find('?');
  request.path = question == 0 ? std::string_view("/") : local.substr(0, question);
  if (question != std::string_view::npos) request.query = local.substr(question + 1);
  return true;
}

}  // namespace madang::http
