#include "platform/http/query.hpp"

#include "platform/http/router.hpp"

namespace madang::http::detail {

namespace {

std::optional<std::string_view> find_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name)
      return equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
  }
  return {};
}

bool is_plain_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == text.npos &&
         (text.size() == 1 || text.front() != '0');
}

std::optional<std::string_view> flag(std::string_view text) {
  if (text == "1" || text == "true") return "true";
  if (text == "0" || text == "false") return "false";
  return {};
}

}  // namespace

Result<void> append_parameter(std::string& object, std::string_view query, std::string_view name,
                              QueryKind kind) {
  const auto raw = find_parameter(query, name);
  if (!raw) return {};
  const auto text = percent_decode(*raw, true);
  if (!text)
    return invalid_field(std::string(name), "bad_characters", "must be percent-encoded UTF-8 text");
  if (object.back() != '{') object += ',';
  append_json_string(object, name);
  object += ':';
  if (kind == QueryKind::number && is_plain_number(*text))
    object += *text;
  else if (const auto value = flag(*text); kind == QueryKind::flag && value)
    object += *value;
  else
    append_json_string(object, *text);
  return {};
}

void append_parameter_schema(std::string& out, std::string_view name, bool required,
                             std::string_view schema) {
  if (!out.empty()) out += ',';
  out += R"({"in":"query","name":)";
  append_json_string(out, name);
  if (required) out += R"(,"required":true)";
  out += R"(,"schema":)";
  out += schema;
  out += '}';
}

}  // namespace madang::http::detail
