#include "platform/json/types.hpp"

#include "base/text.hpp"

namespace madang::json::detail {

namespace {

/// Normalised, or nothing after saying why.
std::optional<std::string> clean(Node node, Issues& issues) {
  const auto raw = node.string();
  if (!raw) {
    issues.fail("not_a_string", "must be a text");
    return {};
  }
  auto text = clean_text(*raw);
  if (!text) issues.fail("bad_characters", "must not hold control characters");
  return text;
}

bool check_length(std::size_t length, std::size_t min, std::size_t max, Issues& issues) {
  if (length < min) {
    issues.fail("too_short", "at least " + std::to_string(min) + " characters");
    return false;
  }
  if (length > max) {
    issues.fail("too_long", "at most " + std::to_string(max) + " characters");
    return false;
  }
  return true;
}

bool is_email(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == text.npos || at == 0 || at > 64 || text.size() > 254) return false;
  const std::string_view domain = text.substr(at + 1);
  if (domain.size() < 3 || domain.find('.') == domain.npos || domain.front() == '.' ||
      domain.back() == '.' || domain.find("..") != domain.npos)
    return false;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return false;
  return text.substr(0, at).find('@') == text.npos;
}

}  // namespace

void read_text(Node node, std::string& value, const TextRule& rule, Issues& issues) {
  auto text = clean(node, issues);
  if (!text) return;
  if (rule.one_line) {
    if (text->find_first_of("\n\t") != text->npos)
      return issues.fail("bad_characters", "must be one line");
    *text = std::string(trim(*text));
  }
  const std::size_t length = rule.min > 0 && trim(*text).empty() ? 0 : code_points(*text);
  if (check_length(length, rule.min, rule.max, issues)) value = std::move(*text);
}

void text_schema(std::string& out, const TextRule& rule) {
  out += R"({"type":"string","minLength":)";
  write_integer(out, static_cast<std::int64_t>(rule.min));
  out += R"(,"maxLength":)";
  write_integer(out, static_cast<std::int64_t>(rule.max));
  out += '}';
}

void read_email(Node node, std::string& value, Issues& issues) {
  auto text = clean(node, issues);
  if (!text) return;
  const std::string_view trimmed = trim(*text);
  if (!is_email(trimmed)) return issues.fail("not_an_email", "must be an e-mail address");
  value = std::string(trimmed);
}

void read_handle(Node node, std::string& value, Issues& issues) {
  auto text = clean(node, issues);
  if (!text) return;
  if (!is_handle(*text))
    return issues.fail("not_a_handle", "2 to 20 letters (Latin or Hangul), digits and _");
  value = std::move(*text);
}

void read_password(Node node, std::string& value, Issues& issues) {
  auto text = clean(node, issues);
  if (!text) return;
  const std::size_t length = trim(*text).empty() ? 0 : code_points(*text);
  if (check_length(length, 8, 128, issues)) value = std::move(*text);
}

}  // namespace madang::json::detail
