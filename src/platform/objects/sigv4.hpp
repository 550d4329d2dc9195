// AWS Signature Version 4 for the service `s3`, in the query string (presigned URLs) and, for
// requests of our own, in the Authorization header: pure functions, no clock, no I/O. Sources:
// "Authenticating Requests: Using Query Parameters" and "... Using the Authorization Header",
// Amazon S3 API Reference.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace madang::objects::sigv4 {

inline constexpr std::chrono::seconds max_lifetime{604'800};    // a week, as S3
inline constexpr std::chrono::seconds max_clock_skew{15 * 60};  // a date so far ahead is accepted

struct Credentials {
  std::string access_key;
  std::string secret;
  std::string region = "us-east-1";
};

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

/// A request as it came over the wire. Views are borrowed.
struct SignedRequest {
  std::string_view method;  // PUT
  std::string_view path;    // percent-encoded
  std::string_view query;   // percent-encoded, without `?`
  Headers headers{};        // names in any case
};

/// What to presign: header values as the client will send them.
struct PresignInput {
  std::string_view method;
  std::string_view path;                                       // plain text, begins with `/`
  std::vector<std::pair<std::string, std::string>> query{};    // plain text, besides X-Amz-*
  std::vector<std::pair<std::string, std::string>> headers{};  // the signed ones, `host` among them
  std::chrono::seconds lifetime{600};
};

/// The query string, signature included.
std::string presign(const PresignInput& input, const Credentials& credentials, Time now);

/// A request of our own, to be signed in its headers.
struct AuthorizeInput {
  std::string_view method;
  std::string_view path;                                       // plain text, begins with `/`
  std::vector<std::pair<std::string, std::string>> query{};    // plain text
  std::vector<std::pair<std::string, std::string>> headers{};  // lower case; `host` among them
  std::string payload_hash;                                    // hex(SHA-256) of the body
};

struct AuthorizedRequest {
  std::string query;  // encoded, to be sent as it is
  std::vector<std::pair<std::string, std::string>>
      headers;  // all to be sent: those given, and ours
};
AuthorizedRequest authorize(AuthorizeInput input, const Credentials& credentials, Time now);

/// Why a request is not believed, as S3 tells it.
struct Refusal {
  enum class Reason : std::uint8_t {
    not_signed,          // AccessDenied 403: no signature at all
    bad_parameters,      // AuthorizationQueryParametersError 400
    unknown_key,         // InvalidAccessKeyId 403
    unsupported_token,   // InvalidToken 400: temporary credentials are not issued here
    not_yet_valid,       // AccessDenied 403
    expired,             // AccessDenied 403
    headers_not_signed,  // AccessDenied 403: an x-amz-* header that nobody vouched for
    signature_mismatch,  // SignatureDoesNotMatch 403
  };
  Reason reason;
  std::string message;
};

/// What a valid signature vouches for.
struct Verified {
  std::string access_key;
  Time signed_at;
  Time expires_at;
  std::vector<std::string> signed_headers;  // lower case, sorted
  std::string payload_hash;                 // UNSIGNED-PAYLOAD, or what the body must hash to
  bool covers(std::string_view header) const;
};

/// The credentials for an access key; nothing when it is unknown.
using Lookup = std::function<const Credentials*(std::string_view access_key)>;

std::expected<Verified, Refusal> verify(const SignedRequest& request, Time now,
                                        const Lookup& lookup);

// The steps, public for tests and fuzzing.

/// Percent-encodes all but A-Z a-z 0-9 - _ . ~, and `/` when keep_slash.
std::string encode(std::string_view text, bool keep_slash);
/// Nothing when a `%` is not followed by two hex digits.
std::optional<std::string> decode(std::string_view text);

using Parameters = std::vector<std::pair<std::string, std::string>>;
/// Name and value, decoded, in the order given. Nothing when an escape is broken.
std::optional<Parameters> parse_query(std::string_view query);

/// The canonical request. `parameters` plain text, without the signature; `headers` the signed
/// ones, lower case and sorted by name.
std::string canonical_request(std::string_view method, std::string_view plain_path,
                              Parameters parameters, const Parameters& headers,
                              std::string_view payload_hash);
std::string string_to_sign(std::string_view amz_date, std::string_view scope,
                           std::string_view canonical);
/// hex(HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), "s3"), "aws4_request"), text).
std::string signature(std::string_view secret, std::string_view date, std::string_view region,
                      std::string_view text);

/// `20130524T000000Z`
std::string amz_date(Time time);
std::optional<Time> parse_amz_date(std::string_view text);

}  // namespace madang::objects::sigv4
