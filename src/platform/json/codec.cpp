#include "platform/json/codec.hpp"

#include <charconv>
#include <cmath>

namespace madang::json {

void Issues::fail(std::string_view code, std::string message) {
  if (list_.size() >= max_listed) return;
  list_.push_back({path_, std::string(code), std::move(message)});
}

Problem Issues::problem() && {
  return Problem{.kind = Kind::invalid,
                 .code = "validation_failed",
                 .detail = "Some fields are not acceptable; see errors.",
                 .errors = std::move(list_)};
}

Issues::At::At(Issues& issues, std::string_view step)
    : issues_(issues), length_(issues.path_.size()) {
  if (length_ != 0) issues.path_ += '/';
  issues.path_ += step;
}

Issues::At::At(Issues& issues, std::size_t index) : At(issues, std::to_string(index)) {}

namespace detail {

void read_boolean(Node node, bool& value, Issues& issues) {
  if (const auto found = node.boolean())
    value = *found;
  else
    issues.fail("not_a_boolean", "must be true or false");
}

void read_integer(Node node, std::int64_t& value, std::int64_t low, std::int64_t high,
                  Issues& issues) {
  const auto found = node.integer();
  if (!found) return issues.fail("not_an_integer", "must be a whole number");
  if (*found < low || *found > high)
    return issues.fail("out_of_range",
                       "must be between " + std::to_string(low) + " and " + std::to_string(high));
  value = *found;
}

void read_number(Node node, double& value, Issues& issues) {
  if (const auto found = node.number())
    value = *found;
  else
    issues.fail("not_a_number", "must be a number");
}

void read_string(Node node, std::string& value, Issues& issues) {
  if (const auto found = node.string())
    value = *found;
  else
    issues.fail("not_a_string", "must be a text");
}

void read_time(Node node, Time& value, Issues& issues) {
  const auto text = node.string();
  const auto found = text ? parse_rfc3339(*text) : std::nullopt;
  if (found)
    value = *found;
  else
    issues.fail("not_a_time", "must be a time such as 2026-11-21T12:00:00Z");
}

bool check_object(Node node, Issues& issues) {
  if (node.is_object()) return true;
  issues.fail("not_an_object", "must be an object");
  return false;
}

bool check_array(Node node, std::size_t max_size, Issues& issues) {
  if (!node.is_array()) {
    issues.fail("not_a_list", "must be a list");
    return false;
  }
  if (node.size() > max_size) {
    issues.fail("too_many", "at most " + std::to_string(max_size) + " items");
    return false;
  }
  return true;
}

void fail_required(std::string_view name, Issues& issues) {
  const Issues::At at(issues, name);
  issues.fail("required", "is missing");
}

void fail_choice(Issues& issues) {
  issues.fail("not_a_choice", "is not one of the known values");
}

void write_integer(std::string& out, std::int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void write_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void write_time(std::string& out, Time value) {
  out += '"';
  out += to_rfc3339(value);
  out += '"';
}

void integer_schema(std::string& out, std::int64_t low, std::int64_t high) {
  out += R"({"type":"integer","minimum":)";
  write_integer(out, low);
  out += R"(,"maximum":)";
  write_integer(out, high);
  out += '}';
}

void reference(std::string& out, std::string_view name) {
  out += R"({"$ref":"#/components/schemas/)";
  out += name;
  out += R"("})";
}

std::string nullable(std::string schema) {
  return R"({"anyOf":[)" + schema + R"(,{"type":"null"}]})";
}

std::string short_name(std::string_view pretty_function) {
  // clang and gcc both say "... [T = ns::Name<...>]" or "[with T = ns::Name; ...]".
  std::string_view name = pretty_function.substr(pretty_function.find("T = ") + 4);
  name = name.substr(0, name.find_first_of(";]"));
  std::string out;
  // Page<madang::social::Post> -> PagePost
  std::size_t start = 0;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] != '<' && name[i] != '>' && name[i] != ',' && name[i] != ' ')
      continue;
    std::string_view part = name.substr(start, i - start);
    if (const auto colon = part.rfind(':'); colon != part.npos) part = part.substr(colon + 1);
    out += part;
    start = i + 1;
  }
  return out;
}

}  // namespace detail

}  // namespace madang::json
