// The disk adapter's door: `PUT`, `GET` and `HEAD /objects/{bucket}/{key...}` by presigned URL, in
// S3's language. It stands before another handler, which gets every other path.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "platform/http/message.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/objects/checksums.hpp"
#include "platform/objects/disk_store.hpp"
#include "platform/objects/s3_answers.hpp"
#include "platform/runtime/bulkhead.hpp"

namespace madang::objects {

struct S3Options {
  std::uint64_t max_bytes = 10u << 20;       // of one object: EntityTooLarge
  int max_uploads = 64;                      // at once: SlowDown
  std::chrono::seconds upload_timeout{300};  // from the first byte to the last: RequestTimeout
  std::string
      public_host{};  // host[:port] that URLs may have been signed for when a proxy changes Host
};

class S3Endpoint final : public http::Handler {
 public:
  /// `files`: where the disk is touched. All outlive the endpoint.
  S3Endpoint(S3Options options, DiskStore& store, runtime::Bulkhead& files, http::Handler& rest,
             metrics::Registry& registry);

  http::BodyPolicy body_policy(const http::Request& head, bool crowded) override;
  Task<http::Response> handle(http::Request& request) override;
  http::Response protocol_error(const Problem& problem, unsigned status,
                                std::string_view request_id) override;

 private:
  /// A request whose signature holds.
  struct Authorized {
    std::string key;
    sigv4::Verified verified;
    DigestChecks digests;
  };
  struct Slot;
  using Received = std::expected<ObjectInfo, S3Error>;

  bool is_mine(const http::Request& request) const;
  std::expected<Authorized, S3Error> authorize(const http::Request& request) const;
  std::expected<sigv4::Verified, S3Error> verify(sigv4::SignedRequest request) const;
  std::expected<std::string, S3Error> key_of(std::string_view path) const;
  Task<Received> receive(http::Request& request, Authorized authorized);
  Task<Received> fill(http::Request& request, Authorized& authorized, DiskStore::Upload& upload,
                      std::uint64_t expected);
  Task<http::Response> put(http::Request& request, Authorized authorized);
  Task<http::Response> get(http::Request& request, Authorized authorized);
  http::Response counted(const http::Request& request, http::Response response,
                         std::string_view outcome);

  const S3Options options_;
  const std::string prefix_;  // /objects/
  DiskStore& store_;
  runtime::Bulkhead& files_;
  http::Handler& rest_;
  metrics::Registry& registry_;
  metrics::Gauge& uploads_gauge_;
  metrics::Counter& bytes_;
  std::atomic<int> uploads_{0};
};

}  // namespace madang::objects
