#include "platform/objects/disk_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <vector>

#include "base/encoding.hpp"
#include "base/unique_fd.hpp"
#include "platform/objects/disk_folders.hpp"
#include "platform/objects/object_file.hpp"

namespace madang::objects {

struct DiskStore::Folders : DiskFolders {
  using DiskFolders::DiskFolders;
};

namespace {

std::unexpected<Problem> bad_key() {
  return fail(Kind::invalid, "bad_object_key", "That is not a name an object can have.");
}

std::unexpected<Problem> no_such_object() {
  return fail(Kind::not_found, "no_such_object", "There is no such object.");
}

Result<void> write_all(int fd, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail(disk_problem("write object", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> read_exactly(int fd, std::span<std::byte> into, std::uint64_t offset) {
  while (!into.empty()) {
    const ssize_t count = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(disk_problem("read object", count == 0 ? EIO : errno));
    into = into.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

struct OpenObject {
  UniqueFd fd;
  ObjectInfo info;
};

Result<OpenObject> open_object(const fs::path& file) {
  OpenObject out{UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)), {}};
  if (!out.fd && errno == ENOENT) return no_such_object();
  if (!out.fd) return fail(disk_problem("open object", errno));
  struct stat status{};
  if (::fstat(out.fd.get(), &status) != 0) return fail(disk_problem("stat object", errno));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::string tail(std::min<std::uint64_t>(size, max_trailer), '\0');
  auto read =
      read_exactly(out.fd.get(), std::as_writable_bytes(std::span(tail)), size - tail.size());
  if (!read) return fail(std::move(read.error()));
  auto info = parse_trailer(tail, size);
  if (!info) return fail(Kind::internal, "object_store_failed", "an object's trailer is damaged");
  out.info = std::move(*info);
  out.info.modified = from_micros(static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000 +
                                  status.st_mtim.tv_nsec / 1000);
  return out;
}

/// MD5 as S3's ETag wants it; no secret hangs on it.
class Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) != 1)
      throw std::runtime_error("MD5 is not available");
  }
  void update(BytesView bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<std::byte, 16> out{};
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return to_hex(out);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

timespec to_timespec(Time time) {
  const std::int64_t micros = to_micros(time);
  return {.tv_sec = micros / 1'000'000, .tv_nsec = micros % 1'000'000 * 1000};
}

}  // namespace

class DiskStore::FileUpload final : public Upload {
 public:
  FileUpload(DiskStore& store, fs::path path, UniqueFd fd)
      : store_(store), path_(std::move(path)), fd_(std::move(fd)) {}
  ~FileUpload() override {
    if (fd_) ::unlink(path_.c_str());
  }

  Result<void> append(BytesView piece) override {
    digest_.update(piece);
    size_ += piece.size();
    return write_all(fd_.get(), piece);
  }

  Result<ObjectInfo> commit(std::string_view key, std::string_view content_type) override {
    if (!valid_key(key)) return bad_key();
    if (!valid_content_type(content_type))
      return fail(Kind::invalid, "bad_content_type", "That is not a content type.");
    ObjectInfo info{.size = size_,
                    .content_type = std::string(content_type),
                    .etag = digest_.hex(),
                    .modified = store_.clock_.now()};
    const std::string trailer = make_trailer(info);
    if (auto written = write_all(fd_.get(), as_bytes(trailer)); !written)
      return fail(std::move(written.error()));
    const timespec at = to_timespec(info.modified);
    const timespec times[] = {at, at};
    if (::futimens(fd_.get(), times) != 0 || ::fsync(fd_.get()) != 0)
      return fail(disk_problem("sync object", errno));
    fd_.reset();
    if (auto published = store_.folders_->publish(path_, key); !published)
      return fail(std::move(published.error()));
    return info;
  }

 private:
  DiskStore& store_;
  const fs::path path_;
  UniqueFd fd_;
  Md5 digest_;
  std::uint64_t size_ = 0;
};

DiskStore::DiskStore(DiskOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      folders_(std::make_unique<Folders>(options_.root)) {
  folders_->clean_temporary(SystemClock().now() - std::chrono::hours(1));
}

DiskStore::~DiskStore() = default;

Result<void> DiskStore::check_space(std::uint64_t wanted) const {
  struct statvfs space{};
  if (::statvfs(options_.root.c_str(), &space) != 0) return fail(disk_problem("free space", errno));
  const std::uint64_t available = std::uint64_t(space.f_bavail) * space.f_frsize;
  if (available < options_.free_floor || available - options_.free_floor < wanted)
    return fail(disk_problem("free space", ENOSPC));
  return {};
}

Result<std::unique_ptr<DiskStore::Upload>> DiskStore::begin(std::uint64_t expected) {
  if (auto room = check_space(expected); !room) return fail(std::move(room.error()));
  const fs::path path = folders_->temporary();
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail(disk_problem("create object", errno));
  return std::make_unique<FileUpload>(*this, path, std::move(fd));
}

Result<ObjectInfo> DiskStore::put(std::string_view key, std::string_view content_type,
                                  BytesView bytes) {
  if (!valid_key(key)) return bad_key();
  auto upload = begin(bytes.size());
  if (!upload) return fail(std::move(upload.error()));
  if (auto written = (*upload)->append(bytes); !written) return fail(std::move(written.error()));
  return (*upload)->commit(key, content_type);
}

Result<ObjectInfo> DiskStore::copy(std::string_view from, std::string_view to) {
  if (!valid_key(from) || !valid_key(to)) return bad_key();
  auto source = open_object(folders_->file(from));
  if (!source) return fail(std::move(source.error()));
  // A second name for the same file: files never change in place, so it is a copy for nothing. By
  // the open descriptor, so that what was looked at is what is linked.
  const fs::path link = folders_->temporary();
  const std::string opened = fmt::format("/proc/self/fd/{}", source->fd.get());
  if (::linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, link.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    if (auto published = folders_->publish(link, to); !published)
      return fail(std::move(published.error()));
    return source->info;
  }
  Bytes bytes(source->info.size);
  if (auto read = read_exactly(source->fd.get(), bytes, 0); !read)
    return fail(std::move(read.error()));
  return put(to, source->info.content_type, bytes);
}

Result<Object> DiskStore::get(std::string_view key, std::uint64_t max_bytes, Deadline) {
  if (!valid_key(key)) return bad_key();
  auto opened = open_object(folders_->file(key));
  if (!opened) return fail(std::move(opened.error()));
  if (opened->info.size > max_bytes)
    return fail(Kind::too_large, "object_too_large", "The object is larger than it may be here.");
  Object out{std::move(opened->info), {}};
  out.bytes.resize(out.info.size);
  if (auto read = read_exactly(opened->fd.get(), out.bytes, 0); !read)
    return fail(std::move(read.error()));
  return out;
}

Result<ObjectInfo> DiskStore::head(std::string_view key, Deadline) {
  if (!valid_key(key)) return bad_key();
  auto opened = open_object(folders_->file(key));
  if (!opened) return fail(std::move(opened.error()));
  return std::move(opened->info);
}

Result<void> DiskStore::remove(std::string_view key) {
  if (!valid_key(key)) return bad_key();
  const fs::path file = folders_->file(key);
  if (::unlink(file.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return fail(disk_problem("remove object", errno));
  }
  return sync_folder(file.parent_path());
}

Result<std::size_t> DiskStore::sweep(std::string_view prefix, Time older_than, std::size_t limit) {
  if (!valid_key(prefix) || prefix.contains('/')) return bad_key();
  folders_->clean_temporary(older_than);
  std::error_code error;
  std::size_t removed = 0;
  for (fs::recursive_directory_iterator at(folders_->objects(prefix), error), end;
       at != end && !error && removed < limit; at.increment(error)) {
    struct stat status{};
    if (::lstat(at->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    const Time modified = from_micros(static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000);
    if (modified < older_than && ::unlink(at->path().c_str()) == 0) ++removed;
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(disk_problem("sweep", error.value()));
  return removed;
}

Result<void> DiskStore::each_key(const std::function<bool(std::string)>& each) const {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folders_->root() / "objects", error), end;
       at != end && !error; at.increment(error)) {
    struct stat status{};
    if (::lstat(at->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    std::string key = at->path().filename().string();
    std::ranges::replace(key, '+', '/');
    if (valid_key(key) && !each(std::move(key))) return {};
  }
  if (error) return fail(disk_problem("list objects", error.value()));
  return {};
}

std::string DiskStore::presigned_url(
    std::string_view method, const std::string& key, const std::string& origin,
    std::chrono::seconds lifetime, std::vector<std::pair<std::string, std::string>> headers) const {
  const auto scheme = origin.find("://");
  headers.emplace_back("host", scheme == origin.npos ? origin : origin.substr(scheme + 3));
  const std::string path = options_.mount + "/" + options_.bucket + "/" + key;
  const sigv4::PresignInput input{
      .method = method, .path = path, .headers = std::move(headers), .lifetime = lifetime};
  const std::string query = sigv4::presign(input, options_.credentials, clock_.now());
  return origin + sigv4::encode(input.path, true) + "?" + query;
}

Result<PresignedPut> DiskStore::presign_put(const PutGrant& grant) const {
  if (!valid_key(grant.key)) return bad_key();
  if (!valid_content_type(grant.content_type))
    return fail(Kind::invalid, "bad_content_type", "That is not a content type.");
  PresignedPut out;
  out.headers = {{"Content-Type", grant.content_type}};
  out.expires_at = std::chrono::floor<std::chrono::seconds>(clock_.now()) + grant.lifetime;
  out.url = presigned_url(
      "PUT", grant.key, grant.origin, grant.lifetime,
      {{"content-type", grant.content_type}, {"content-length", std::to_string(grant.length)}});
  return out;
}

Result<std::string> DiskStore::presign_get(const GetGrant& grant) const {
  if (!valid_key(grant.key)) return bad_key();
  return presigned_url("GET", grant.key, grant.origin, grant.lifetime, {});
}

}  // namespace madang::objects
