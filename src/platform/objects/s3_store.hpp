// The object store on any S3: path or virtual-host style, Signature Version 4, over libcurl. Every
// call passes the guard of platform/resilience under the name `s3`. Calls block: run them on a
// bulkhead. Source: Amazon S3 API Reference; checked against Ceph's gateway.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "platform/metrics/metrics.hpp"
#include "platform/objects/http_transport.hpp"
#include "platform/objects/object_store.hpp"
#include "platform/objects/sigv4.hpp"
#include "platform/resilience/dependency.hpp"

namespace madang::objects {

struct S3StoreOptions {
  enum class Style : std::uint8_t {
    path,          // https://s3.example/bucket/key
    virtual_host,  // https://bucket.s3.example/key
  };
  std::string endpoint;         // https://s3.example[:port], without a path
  std::string public_endpoint;  // where browsers reach it; empty: the same
  std::string bucket;
  Style style = Style::path;
  sigv4::Credentials credentials;
  std::string ca_file;                       // PEM; empty: the system's
  std::size_t connections = 8;               // calls at once
  std::chrono::milliseconds attempt{5'000};  // of one request at most; a call has up to twice this
  std::uint64_t max_object = 64u << 20;      // bytes of one object put from here
  std::size_t page = 1'000;                  // keys listed at once; 1,000 is S3's own limit
};

class S3Store final : public ObjectStore {
 public:
  /// All outlive the store. Throws std::invalid_argument when an option is no such thing.
  S3Store(S3StoreOptions options, const Clock& clock, Random& random, metrics::Registry& registry);

  /// Asks for the bucket. Errors, besides those of all: `s3_misconfigured`, whose detail says what
  /// the server objects to: bucket, key, secret, region, clock.
  Result<void> check(Deadline deadline);

  /// Errors: `object_too_large` besides.
  Result<ObjectInfo> put(std::string_view key, std::string_view content_type,
                         BytesView bytes) override;
  Result<ObjectInfo> copy(std::string_view from, std::string_view to) override;
  Result<Object> get(std::string_view key, std::uint64_t max_bytes,
                     Deadline deadline = Deadline::never()) override;
  Result<ObjectInfo> head(std::string_view key, Deadline deadline = Deadline::never()) override;
  Result<void> remove(std::string_view key) override;
  /// Looks at up to 20 pages of the listing and goes on there the next time.
  Result<std::size_t> sweep(std::string_view prefix, Time older_than, std::size_t limit) override;
  Result<PresignedPut> presign_put(const PutGrant& grant) const override;
  Result<std::string> presign_get(const GetGrant& grant) const override;
  bool shared() const override { return true; }

  /// Where browsers send and get objects: `https://s3.example`, for a page's
  /// Content-Security-Policy.
  const std::string& public_origin() const { return public_.origin; }

 private:
  /// One way to reach the bucket.
  struct Door {
    std::string origin;  // https://bucket.s3.example
    std::string host;    // bucket.s3.example
    std::string base;    // the path before a key: `/` or `/bucket/`
  };
  struct Ask {
    std::string_view method;
    std::string key{};  // empty: the bucket
    std::vector<std::pair<std::string, std::string>> query{};
    std::vector<std::pair<std::string, std::string>> headers{};  // lower case
    BytesView body{};
    std::uint64_t max_body = 64 * 1024;
  };

  static Door door(const std::string& endpoint, const S3StoreOptions& options);
  Result<HttpAnswer> ask(Ask what, Deadline deadline);
  Result<HttpAnswer> send(const Ask& what, Deadline deadline);
  Result<std::size_t> sweep_page(std::string_view prefix, Time older_than, std::size_t limit,
                                 std::string& after, bool& more);
  std::string presigned_url(std::string_view method, const std::string& key,
                            std::chrono::seconds lifetime,
                            std::vector<std::pair<std::string, std::string>> headers) const;

  const S3StoreOptions options_;
  const Clock& clock_;
  const Door private_;
  const Door public_;
  HttpTransport transport_;
  resilience::Dependency guard_;
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> swept_up_to_;  // by prefix: the last key seen
};

}  // namespace madang::objects
