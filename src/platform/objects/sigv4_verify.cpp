#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/objects/sigv4.hpp"

namespace madang::objects::sigv4 {

namespace {

using Reason = Refusal::Reason;

constexpr std::string_view required[] = {"X-Amz-Algorithm",     "X-Amz-Credential",
                                         "X-Amz-Date",          "X-Amz-Expires",
                                         "X-Amz-SignedHeaders", "X-Amz-Signature"};
constexpr std::size_t max_signed_headers = 32;

std::unexpected<Refusal> refuse(Reason reason, std::string message) {
  return std::unexpected(Refusal{reason, std::move(message)});
}

std::unexpected<Refusal> bad_parameters(std::string message) {
  return refuse(Reason::bad_parameters, std::move(message));
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

/// The value of a parameter that may occur once only; nothing when absent.
const std::string* find(const Parameters& parameters, std::string_view name) {
  const auto at = std::ranges::find(parameters, name, &Parameters::value_type::first);
  return at == parameters.end() ? nullptr : &at->second;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

/// Without white space at the ends, runs of spaces as one: the canonical form of a header value.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (space && (out.empty() || out.back() == ' ')) continue;
    out += space ? ' ' : c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// All values of one header, joined by commas; nothing when it is absent.
std::optional<std::string> header_value(const Headers& headers, std::string_view name) {
  std::optional<std::string> out;
  for (const auto& [given, value] : headers) {
    if (!same_name(given, name)) continue;
    if (out)
      out->append(",").append(canonical_value(value));
    else
      out = canonical_value(value);
  }
  return out;
}

/// What the X-Amz-* parameters say, checked for form only.
struct Claim {
  Parameters parameters;  // all but the signature
  std::string signature;
  std::vector<std::string> credential;  // access key, date, region, s3, aws4_request
  std::string amz_date;
  Time signed_at;
  std::chrono::seconds lifetime{};
  std::vector<std::string> signed_headers;
};

std::expected<std::chrono::seconds, Refusal> parse_lifetime(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && text.front() != '-')
    return bad_parameters("X-Amz-Expires must be less than a week in seconds (604800)");
  if (error != std::errc() || end != text.data() + text.size())
    return bad_parameters("X-Amz-Expires should be a number");
  if (value < 0) return bad_parameters("X-Amz-Expires must be non-negative");
  if (value > max_lifetime.count())
    return bad_parameters("X-Amz-Expires must be less than a week in seconds (604800)");
  return std::chrono::seconds(value);
}

std::expected<std::vector<std::string>, Refusal> parse_credential(std::string_view text,
                                                                  std::string_view date) {
  auto parts = split(text, '/');
  if (parts.size() != 5)
    return bad_parameters(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  if (parts[1] != date.substr(0, 8))
    return bad_parameters("Invalid credential date. This date is not the same as X-Amz-Date.");
  if (parts[3] != "s3")
    return bad_parameters(
        "Error parsing the X-Amz-Credential parameter; incorrect service. This endpoint belongs to "
        "\"s3\".");
  if (parts[4] != "aws4_request")
    return bad_parameters(
        "Error parsing the X-Amz-Credential parameter; incorrect terminal. This endpoint uses "
        "\"aws4_request\".");
  return parts;
}

std::expected<std::vector<std::string>, Refusal> parse_signed_headers(std::string_view text) {
  auto names = split(text, ';');
  const bool sorted = std::ranges::is_sorted(names, std::ranges::less_equal());
  const bool lower_case = std::ranges::all_of(names, [](const std::string& name) {
    return !name.empty() && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
  });
  if (names.size() > max_signed_headers || !sorted || !lower_case)
    return bad_parameters("X-Amz-SignedHeaders must be lower case, sorted, and each name once");
  if (!std::ranges::binary_search(names, "host"))
    return bad_parameters("X-Amz-SignedHeaders must contain host");
  return names;
}

/// Each X-Amz-* parameter exactly once, so that no two readers can disagree on which counts.
std::optional<Refusal> check_presence(const Parameters& parameters) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count(parameters, name, &Parameters::value_type::first);
  };
  const bool any = std::ranges::any_of(required, [&](auto name) { return count(name) > 0; });
  if (!any) return Refusal{Reason::not_signed, "Access Denied"};
  if (std::ranges::all_of(required, [&](auto name) { return count(name) == 1; })) return {};
  return Refusal{Reason::bad_parameters,
                 "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                 "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                 "X-Amz-Expires parameters, each once."};
}

std::expected<Claim, Refusal> parse_claim(std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) return bad_parameters("The query string holds a broken percent escape.");
  if (auto refusal = check_presence(*parameters)) return std::unexpected(std::move(*refusal));
  if (*find(*parameters, "X-Amz-Algorithm") != "AWS4-HMAC-SHA256")
    return bad_parameters("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  if (find(*parameters, "X-Amz-Security-Token") != nullptr)
    return refuse(Reason::unsupported_token,
                  "The provided token is malformed or otherwise invalid.");
  Claim claim;
  claim.amz_date = *find(*parameters, "X-Amz-Date");
  const auto signed_at = parse_amz_date(claim.amz_date);
  if (!signed_at)
    return bad_parameters("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  claim.signed_at = *signed_at;
  auto credential = parse_credential(*find(*parameters, "X-Amz-Credential"), claim.amz_date);
  if (!credential) return std::unexpected(std::move(credential.error()));
  claim.credential = std::move(*credential);
  const auto lifetime = parse_lifetime(*find(*parameters, "X-Amz-Expires"));
  if (!lifetime) return std::unexpected(lifetime.error());
  claim.lifetime = *lifetime;
  auto names = parse_signed_headers(*find(*parameters, "X-Amz-SignedHeaders"));
  if (!names) return std::unexpected(std::move(names.error()));
  claim.signed_headers = std::move(*names);
  claim.signature = *find(*parameters, "X-Amz-Signature");
  std::erase_if(*parameters, [](const auto& p) { return p.first == "X-Amz-Signature"; });
  claim.parameters = std::move(*parameters);
  return claim;
}

std::optional<Refusal> check_time(const Claim& claim, Time now) {
  if (claim.signed_at > now + max_clock_skew)
    return Refusal{Reason::not_yet_valid, "Request is not yet valid"};
  if (now >= claim.signed_at + claim.lifetime)
    return Refusal{Reason::expired, "Request has expired"};
  return {};
}

/// S3 refuses x-amz-* headers that the signature does not cover. Digests are let through: they can
/// only make a request fail.
std::optional<Refusal> check_headers(const SignedRequest& request, const Claim& claim) {
  for (const auto& [name, value] : request.headers) {
    if (name.size() < 6 || !same_name(name.substr(0, 6), "x-amz-")) continue;
    std::string folded(name);
    std::ranges::transform(folded, folded.begin(), lower);
    if (folded == "x-amz-content-sha256" || folded.starts_with("x-amz-checksum-") ||
        folded == "x-amz-sdk-checksum-algorithm")
      continue;
    if (!std::ranges::binary_search(claim.signed_headers, folded))
      return Refusal{Reason::headers_not_signed,
                     "There were headers present in the request which were not signed"};
  }
  return {};
}

bool same_signature(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::unexpected<Refusal> mismatch() {
  return refuse(Reason::signature_mismatch,
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.");
}

/// The body's hash as it was signed: a signed header's, the query's, or none.
std::string payload_hash(const Claim& claim, const Parameters& headers) {
  for (const Parameters* from : {&headers, &claim.parameters})
    for (const auto& [name, value] : *from)
      if (same_name(name, "x-amz-content-sha256")) return value;
  return "UNSIGNED-PAYLOAD";
}

std::string expected_signature(const SignedRequest& request, Claim& claim, std::string_view path,
                               const Parameters& headers, std::string_view payload,
                               const Credentials& credentials) {
  const std::string& date = claim.credential[1];
  const std::string scope = date + "/" + credentials.region + "/s3/aws4_request";
  const std::string canonical =
      canonical_request(request.method, path, std::move(claim.parameters), headers, payload);
  return signature(credentials.secret, date, credentials.region,
                   string_to_sign(claim.amz_date, scope, canonical));
}

}  // namespace

bool Verified::covers(std::string_view header) const {
  return std::ranges::binary_search(signed_headers, header);
}

std::expected<Verified, Refusal> verify(const SignedRequest& request, Time now,
                                        const Lookup& lookup) {
  auto claim = parse_claim(request.query);
  if (!claim) return std::unexpected(std::move(claim.error()));
  const Credentials* credentials = lookup(claim->credential[0]);
  if (credentials == nullptr)
    return refuse(Reason::unknown_key,
                  "The AWS Access Key Id you provided does not exist in our records.");
  if (claim->credential[2] != credentials->region)
    return bad_parameters("Error parsing the X-Amz-Credential parameter; the region '" +
                          claim->credential[2].substr(0, 64) + "' is wrong; expecting '" +
                          credentials->region + "'");
  if (auto refusal = check_time(*claim, now)) return std::unexpected(std::move(*refusal));
  if (auto refusal = check_headers(request, *claim)) return std::unexpected(std::move(*refusal));
  const auto path = decode(request.path);
  if (!path) return mismatch();
  Parameters headers;
  for (const std::string& name : claim->signed_headers) {
    auto value = header_value(request.headers, name);
    if (!value) return mismatch();  // promised, and not there
    headers.emplace_back(name, std::move(*value));
  }
  const std::string given = claim->signature;
  std::string payload = payload_hash(*claim, headers);
  const std::string expected =
      expected_signature(request, *claim, *path, headers, payload, *credentials);
  if (!same_signature(given, expected)) return mismatch();
  return Verified{credentials->access_key, claim->signed_at, claim->signed_at + claim->lifetime,
                  std::move(claim->signed_headers), std::move(payload)};
}

}  // namespace madang::objects::sigv4
