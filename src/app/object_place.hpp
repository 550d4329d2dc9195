// Where objects are kept: a folder behind a door of our own, or an S3, as `objects.url` says.
#pragma once

#include <memory>
#include <string>

#include "platform/config/config.hpp"
#include "platform/http/message.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/objects/s3_store.hpp"
#include "platform/runtime/bulkhead.hpp"

namespace madang::app {

class Store;

class ObjectPlace {
 public:
  /// Throws std::runtime_error, with one line for the operator, when the settings make no sense or
  /// the S3 says so. One that does not answer is a warning: it may come back.
  ObjectPlace(const config::Config& config, Store& store);
  ~ObjectPlace();

  objects::ObjectStore& store() { return *store_; }
  /// Where browsers send and get objects when it is not us: `https://s3.example`; else empty.
  const std::string& foreign_origin() const { return foreign_origin_; }
  /// What the server serves: `api`, behind the disk adapter's door where there is one. Both outlive
  /// what is served; once.
  http::Handler& entrance(const config::Config& config, runtime::Bulkhead& files,
                          http::Handler& api, metrics::Registry& registry);

 private:
  std::unique_ptr<objects::ObjectStore> store_;
  std::unique_ptr<http::Handler> door_;
  std::string foreign_origin_;
};

/// The S3 of `objects.url`. Throws as ObjectPlace does; all outlive it.
std::unique_ptr<objects::S3Store> open_s3(const config::Config& config, const Clock& clock,
                                          Random& random, metrics::Registry& registry);

/// Threads that wait for files: few for a disk, as many as connections for an S3.
int file_threads(const config::Config& config);

}  // namespace madang::app
