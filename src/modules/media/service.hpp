// The rules of uploads: who may open one, when it is complete, who may see it, when it goes.
#pragma once

#include "base/random.hpp"
#include "modules/media/processor.hpp"
#include "platform/http/api.hpp"
#include "platform/runtime/bulkhead.hpp"

namespace madang::media {

struct ServiceOptions {
  std::string public_url{};                // https://...; empty: the request's Host
  std::int64_t max_bytes = 10 << 20;       // of one picture
  std::chrono::seconds grant_life{600};    // of an upload's URL
  std::chrono::seconds private_life{600};  // of the URL of a picture that is not public
  std::int64_t max_uploading = 50;         // waiting or processing, an account: too_many_uploads
  std::int64_t max_unused = 500;           // of any state, an account: too_many_uploads
  std::chrono::milliseconds moment{1500};  // how long `complete` waits for a result
  std::chrono::hours unused_life{24};
};

class Service {
 public:
  Service(ServiceOptions options, db::Database& db, IdGenerator& ids, const Clock& clock,
          Random& random, objects::ObjectStore& store, runtime::Bulkhead& files,
          Processor& processor);

  /// Errors: validation_failed, too_many_uploads.
  Task<Result<Ticket>> open(http::Call& call, OpenUpload in);
  /// Repeatable. Errors: not_found, not_uploaded, not_an_image, too_large.
  Task<Result<MediaState>> complete(http::Call& call);
  /// Errors: not_found.
  Task<Result<MediaState>> get(http::Call& call);
  /// A public variant: its object's bytes.
  Task<Result<objects::Object>> read_variant(Deadline deadline, std::string folder,
                                             std::string file);

  /// One step of housekeeping: pictures left unfinished or unused, and objects nobody needs.
  /// Blocks; a background thread calls it every minute or so.
  void sweep();

 private:
  Result<Row> check(const OpenUpload& in, Id id, Id owner) const;
  std::string origin(const http::Call& call) const;
  Task<Result<Row>> find_own(Deadline deadline, Id id, Id owner);
  Task<Result<void>> begin(http::Call& call, const Row& row);
  Result<MediaState> describe(const Row& row, const std::string& origin) const;
  void remove_released();

  const ServiceOptions options_;
  db::Database& db_;
  IdGenerator& ids_;
  const Clock& clock_;
  Random& random_;
  objects::ObjectStore& store_;
  runtime::Bulkhead& files_;
  Processor& processor_;
};

}  // namespace madang::media
