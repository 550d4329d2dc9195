// The object store port: bytes under a key, and URLs that let a client put or get one object
// directly.
//
// Calls block: run them on a bulkhead, never on an I/O thread. Thread-safe. A call that succeeded
// has made its effect durable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace madang::objects {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

struct ObjectInfo {
  std::uint64_t size = 0;
  std::string content_type;
  std::string etag;  // MD5 of the bytes in lower-case hex, without quotes
  Time modified;
};

struct Object {
  ObjectInfo info;
  Bytes bytes;
};

/// Leave to put exactly `length` bytes of `content_type` under `key`.
struct PutGrant {
  std::string key;
  std::string content_type;
  std::uint64_t length = 0;
  std::chrono::seconds lifetime{600};
  std::string
      origin;  // https://yard.example: where the client reaches us; a remote store has its own
};

struct PresignedPut {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // to send; never Host, Content-Length
  Time expires_at;
};

struct GetGrant {
  std::string key;
  std::chrono::seconds lifetime{600};
  std::string origin;
};

/// Errors of all: `bad_object_key`; `object_store_failed` (internal: the disk or the network
/// broke); and from a store elsewhere, with Kind::unavailable and Retry-After, `object_store_away`
/// and the refusals of platform/resilience/dependency.hpp: later.
///
/// `deadline`: a store elsewhere answers by then.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Overwrites atomically. Errors: `storage_full`.
  virtual Result<ObjectInfo> put(std::string_view key, std::string_view content_type,
                                 BytesView bytes) = 0;
  /// `to` becomes what `from` is now; later puts to `from` do not change it. Errors:
  /// `no_such_object`, `storage_full`.
  virtual Result<ObjectInfo> copy(std::string_view from, std::string_view to) = 0;
  /// Errors: `no_such_object`, `object_too_large` (more than max_bytes; nothing is read).
  virtual Result<Object> get(std::string_view key, std::uint64_t max_bytes,
                             Deadline deadline = Deadline::never()) = 0;
  /// Errors: `no_such_object`.
  virtual Result<ObjectInfo> head(std::string_view key, Deadline deadline = Deadline::never()) = 0;
  /// Succeeds when there is none.
  virtual Result<void> remove(std::string_view key) = 0;
  /// Removes objects under `prefix/` last put before `older_than`, at most `limit`; how many.
  virtual Result<std::size_t> sweep(std::string_view prefix, Time older_than,
                                    std::size_t limit) = 0;

  /// Signed in the query, bound to type and length. Errors: `bad_object_key`.
  virtual Result<PresignedPut> presign_put(const PutGrant& grant) const = 0;
  /// The URL. Errors: `bad_object_key`.
  virtual Result<std::string> presign_get(const GetGrant& grant) const = 0;

  /// Whether several instances see the same objects.
  virtual bool shared() const = 0;
};

inline constexpr std::size_t max_key_length = 200;

/// 1 to 200 of A-Z a-z 0-9 / _ . -, in segments that are not empty, `.` or `..`.
bool valid_key(std::string_view key);

}  // namespace madang::objects
