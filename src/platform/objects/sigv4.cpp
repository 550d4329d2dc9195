#include "platform/objects/sigv4.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <span>

#include "base/encoding.hpp"

namespace madang::objects::sigv4 {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

using Mac = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Mac hmac(std::span<const unsigned char> key, std::string_view text) {
  crypto_auth_hmacsha256_state state;
  Mac out;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(text), text.size());
  crypto_auth_hmacsha256_final(&state, out.data());
  return out;
}

bool plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string joined_names(const Parameters& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

std::string canonical_query(Parameters parameters) {
  for (auto& [name, value] : parameters) {
    name = encode(name, false);
    value = encode(value, false);
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string scope_of(std::string_view date, std::string_view region) {
  std::string out(date);
  return out.append("/").append(region).append("/s3/aws4_request");
}

}  // namespace

std::string encode(std::string_view text, bool keep_slash) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    if (plain(c) || (keep_slash && c == '/')) {
      out += c;
    } else {
      const auto value = static_cast<unsigned char>(c);
      out += '%';
      out += digits[value >> 4];
      out += digits[value & 15];
    }
  }
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return {};
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<Parameters> parse_query(std::string_view query) {
  Parameters out;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    auto name = decode(part.substr(0, equals));
    auto value = decode(equals == part.npos ? std::string_view() : part.substr(equals + 1));
    if (!name || !value) return {};
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::string canonical_request(std::string_view method, std::string_view plain_path,
                              Parameters parameters, const Parameters& headers,
                              std::string_view payload_hash) {
  std::string out(method);
  out.append("\n").append(encode(plain_path, true));
  out.append("\n").append(canonical_query(std::move(parameters))).append("\n");
  for (const auto& [name, value] : headers) out.append(name).append(":").append(value).append("\n");
  return out.append("\n").append(joined_names(headers)).append("\n").append(payload_hash);
}

std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical) {
  std::string out(algorithm);
  out.append("\n").append(amz_date).append("\n").append(scope);
  return out.append("\n").append(to_hex(sha256(canonical)));
}

std::string signature(std::string_view secret, std::string_view date, std::string_view region,
                      std::string_view text) {
  std::string start = "AWS4";
  start += secret;
  Mac key = hmac(std::span(bytes_of(start), start.size()), date);
  key = hmac(key, region);
  key = hmac(key, "s3");
  key = hmac(key, "aws4_request");
  const Mac mac = hmac(key, text);
  sodium_memzero(start.data(), start.size());
  sodium_memzero(key.data(), key.size());
  return to_hex(std::as_bytes(std::span(mac)));
}

std::string amz_date(Time time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time) - day};
  std::array<char, 40> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<Time> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return {};
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const int year = number(0, 4), month = number(4, 2), day = number(6, 2);
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return {};
  if (hour > 23 || minute > 59 || second > 59) return {};
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return {};
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second);
}

std::string presign(const PresignInput& input, const Credentials& credentials, Time now) {
  const std::string when = amz_date(now);
  const std::string_view date = std::string_view(when).substr(0, 8);
  const std::string scope = scope_of(date, credentials.region);
  Parameters headers(input.headers.begin(), input.headers.end());
  std::ranges::sort(headers);
  Parameters parameters(input.query.begin(), input.query.end());
  parameters.emplace_back("X-Amz-Algorithm", algorithm);
  parameters.emplace_back("X-Amz-Credential", credentials.access_key + "/" + scope);
  parameters.emplace_back("X-Amz-Date", when);
  parameters.emplace_back("X-Amz-Expires", std::to_string(input.lifetime.count()));
  parameters.emplace_back("X-Amz-SignedHeaders", joined_names(headers));
  std::string query = canonical_query(parameters);
  const std::string canonical =
      canonical_request(input.method, input.path, std::move(parameters), headers, unsigned_payload);
  const std::string text = string_to_sign(when, scope, canonical);
  return query.append("&X-Amz-Signature=")
      .append(signature(credentials.secret, date, credentials.region, text));
}

AuthorizedRequest authorize(AuthorizeInput input, const Credentials& credentials, Time now) {
  const std::string when = amz_date(now);
  const std::string_view date = std::string_view(when).substr(0, 8);
  const std::string scope = scope_of(date, credentials.region);
  Parameters headers = std::move(input.headers);
  headers.emplace_back("x-amz-content-sha256", input.payload_hash);
  headers.emplace_back("x-amz-date", when);
  std::ranges::sort(headers);
  AuthorizedRequest out{canonical_query(input.query), {}};
  const std::string canonical = canonical_request(input.method, input.path, std::move(input.query),
                                                  headers, input.payload_hash);
  const std::string proof = signature(credentials.secret, date, credentials.region,
                                      string_to_sign(when, scope, canonical));
  std::string value(algorithm);
  value.append(" Credential=").append(credentials.access_key).append("/").append(scope);
  value.append(",SignedHeaders=").append(joined_names(headers));
  value.append(",Signature=").append(proof);
  headers.emplace_back("authorization", std::move(value));
  out.headers = std::move(headers);
  return out;
}

}  // namespace madang::objects::sigv4
