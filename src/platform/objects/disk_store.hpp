// The embedded adapter: one file an object, under two levels of folders, on one file system
// (docs/adr/0007-objects.md). It presigns for the endpoint in s3_endpoint.hpp.
//
//   <root>/tmp/...                            being written
//   <root>/objects/incoming/0a/3f/incoming+4711   the key, `/` written as `+`
//
// A file is the object's bytes followed by a trailer (type, MD5, sizes), so that both appear in one
// rename. Files are never changed in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/objects/object_store.hpp"
#include "platform/objects/sigv4.hpp"

namespace madang::objects {

struct DiskOptions {
  std::filesystem::path root;
  std::uint64_t free_floor = 512ull << 20;  // bytes that must stay free: beyond, `storage_full`
  std::string bucket = "madang";
  std::string mount = "/objects";  // path prefix of the endpoint
  sigv4::Credentials credentials;
};

class DiskStore final : public ObjectStore {
 public:
  /// Creates the folders; removes what an earlier process left half-written more than an hour ago.
  /// Throws std::system_error when the folder cannot be used. `clock` outlives the store.
  DiskStore(DiskOptions options, const Clock& clock);
  ~DiskStore() override;

  Result<ObjectInfo> put(std::string_view key, std::string_view content_type,
                         BytesView bytes) override;
  Result<ObjectInfo> copy(std::string_view from, std::string_view to) override;
  Result<Object> get(std::string_view key, std::uint64_t max_bytes,
                     Deadline deadline = Deadline::never()) override;
  Result<ObjectInfo> head(std::string_view key, Deadline deadline = Deadline::never()) override;
  Result<void> remove(std::string_view key) override;
  Result<std::size_t> sweep(std::string_view prefix, Time older_than, std::size_t limit) override;
  Result<PresignedPut> presign_put(const PutGrant& grant) const override;
  Result<std::string> presign_get(const GetGrant& grant) const override;
  bool shared() const override { return false; }

  /// An object on its way in, piece by piece. Destroyed without commit: as if it had never been.
  /// Used by one thread at a time.
  class Upload {
   public:
    virtual ~Upload() = default;
    /// Errors: `storage_full`, `object_store_failed`.
    virtual Result<void> append(BytesView piece) = 0;
    /// Durable once it returns.
    virtual Result<ObjectInfo> commit(std::string_view key, std::string_view content_type) = 0;
  };

  /// `expected`: bytes to come, checked against the free space. Errors: `storage_full`.
  Result<std::unique_ptr<Upload>> begin(std::uint64_t expected);

  /// Every key there is when its turn comes, in no order, until `each` says false. Errors:
  /// `object_store_failed`: a folder cannot be read.
  Result<void> each_key(const std::function<bool(std::string)>& each) const;

  const DiskOptions& options() const { return options_; }
  const Clock& clock() const { return clock_; }

 private:
  class FileUpload;
  struct Folders;

  Result<void> check_space(std::uint64_t wanted) const;
  std::string presigned_url(std::string_view method, const std::string& key,
                            const std::string& origin, std::chrono::seconds lifetime,
                            std::vector<std::pair<std::string, std::string>> headers) const;

  const DiskOptions options_;
  const Clock& clock_;
  std::unique_ptr<Folders> folders_;
};

}  // namespace madang::objects
