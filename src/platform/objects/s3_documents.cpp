#include "platform/objects/s3_documents.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/objects/sigv4.hpp"

namespace madang::objects {

namespace {

/// What stands between `<name>` and `</name>`; `rest` goes on behind it. Nothing, and `rest` as it
/// was, when there is none.
std::optional<std::string_view> element(std::string_view& rest, std::string_view name) {
  const std::string opening = "<" + std::string(name) + ">";
  const std::string closing = "</" + std::string(name) + ">";
  const auto begin = rest.find(opening);
  if (begin == rest.npos) return {};
  const auto end = rest.find(closing, begin + opening.size());
  if (end == rest.npos) return {};
  const std::string_view inside = rest.substr(begin + opening.size(), end - begin - opening.size());
  rest.remove_prefix(end + closing.size());
  return inside;
}

std::optional<std::string_view> first(std::string_view document, std::string_view name) {
  return element(document, name);
}

std::optional<std::string> url_decoded(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return sigv4::decode(spaced);
}

std::optional<int> number(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) return {};
  return value;
}

}  // namespace

std::string s3_error_code(std::string_view document) {
  constexpr std::size_t longest = 64;
  const auto error = first(document, "Error");
  const auto code = error ? first(*error, "Code") : std::nullopt;
  if (!code || code->size() > longest) return {};
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return std::ranges::all_of(*code, letter) ? std::string(*code) : std::string();
}

std::optional<Listing> parse_listing(std::string_view document) {
  if (!document.contains("<ListBucketResult") || !document.contains("</ListBucketResult>"))
    return {};
  const auto truncated = first(document, "IsTruncated");
  if (!truncated) return {};
  Listing out;
  out.truncated = *truncated == "true";
  while (const auto item = element(document, "Contents")) {
    const auto key = first(*item, "Key");
    const auto modified = first(*item, "LastModified");
    if (!key || !modified) return {};
    auto name = url_decoded(*key);
    const auto at = parse_rfc3339(*modified);
    if (!name || !at) return {};
    out.items.push_back({std::move(*name), *at});
  }
  if (out.truncated && out.items.empty()) return {};  // would never end
  return out;
}

std::optional<Time> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // IMF-fixdate, RFC 9110 section 5.6.7: always 29 characters.
  if (text.size() != 29 || !text.ends_with(" GMT")) return {};
  const auto month = std::ranges::find(months, text.substr(8, 3));
  const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)),
             second = number(text.substr(23, 2));
  if (month == months.end() || !day || !year || !hour || !minute || !second) return {};
  if (*hour > 23 || *minute > 59 || *second > 60) return {};
  const std::chrono::year_month_day date{
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return {};
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

}  // namespace madang::objects
