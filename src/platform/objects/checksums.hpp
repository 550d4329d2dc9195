// The digests S3 clients send along: Content-MD5, x-amz-content-sha256, x-amz-checksum-*.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/objects/object_store.hpp"
#include "platform/objects/sigv4.hpp"

namespace madang::objects {

enum class Algorithm : std::uint8_t { md5, sha1, sha256, crc32, crc32c, crc64nvme };

/// Computes one digest piece by piece.
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void update(BytesView bytes) = 0;
  /// The digest, big endian; once.
  virtual Bytes finish() = 0;
};

std::unique_ptr<Digest> make_digest(Algorithm algorithm);

/// Standard base64, padded.
std::string to_base64(BytesView bytes);

/// What a request says about its body, computed alongside and compared at the end.
class DigestChecks {
 public:
  struct Failure {
    std::string_view code;  // S3's: InvalidDigest, InvalidRequest, BadDigest, ...
    std::string message;
  };

  /// From the headers, the signed query, and the payload hash that was signed. Errors: a digest
  /// that cannot be one. A checksum in the query that is that of an empty body is left out: the AWS
  /// SDK for JavaScript signs it when it does not know the body yet, and S3 ignores it.
  static std::expected<DigestChecks, Failure> from_request(const sigv4::SignedRequest& request,
                                                           std::string_view payload_hash);

  void update(BytesView bytes);
  /// Nothing when all agree.
  std::optional<Failure> finish();

 private:
  struct Check {
    std::string name;  // for the message
    std::string_view failure_code;
    Bytes expected;
    std::unique_ptr<Digest> digest;
  };
  std::optional<Failure> add_checksum(std::string_view name, std::string_view value, bool in_query);
  std::optional<Failure> add_hex_sha256(std::string_view value);
  std::optional<Failure> add_header(std::string_view name, std::string_view value);
  void add(std::string name, std::string_view failure_code, Algorithm algorithm, Bytes expected);

  std::vector<Check> checks_;
};

}  // namespace madang::objects
