#include "platform/objects/disk_folders.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/unique_fd.hpp"

namespace madang::objects {

namespace {

/// The first segment; a key without one lives under `+`, which no key can hold.
std::string_view prefix_of(std::string_view key) {
  const auto slash = key.find('/');
  return slash == key.npos ? std::string_view("+") : key.substr(0, slash);
}

std::string run_name() {
  SystemRandom random;
  return to_hex(random.bytes<8>());
}

void create_or_throw(const fs::path& folder) {
  fs::create_directories(folder);
  if (auto synced = sync_folder(folder.parent_path()); !synced)
    throw std::system_error(EIO, std::generic_category(), synced.error().detail);
}

}  // namespace

Problem disk_problem(std::string_view doing, int error) {
  const std::string why = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT)
    return {.kind = Kind::unavailable,
            .code = "storage_full",
            .detail = "There is no room for more files at the moment.",
            .retry_after = std::chrono::seconds(60)};
  return {.kind = Kind::internal,
          .code = "object_store_failed",
          .detail = fmt::format("{}: {}", doing, why)};
}

Result<void> sync_folder(const fs::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail(disk_problem("sync folder", errno));
  return {};
}

DiskFolders::DiskFolders(fs::path root) : root_(fs::absolute(std::move(root))), run_(run_name()) {
  create_or_throw(root_);
  create_or_throw(root_ / "tmp");
  create_or_throw(root_ / "objects");
}

fs::path DiskFolders::objects(std::string_view prefix) const {
  return root_ / "objects" / prefix;
}

fs::path DiskFolders::file(std::string_view key) const {
  const auto hash = sha256(key);
  std::string name(key);
  std::ranges::replace(name, '/', '+');
  // 64 x 64 folders: 4,000 objects each at 16 million, and few to create in a young store.
  return objects(prefix_of(key)) / fmt::format("{:02x}", static_cast<unsigned>(hash[0]) & 63) /
         fmt::format("{:02x}", static_cast<unsigned>(hash[1]) & 63) / name;
}

fs::path DiskFolders::temporary() {
  return root_ / "tmp" / fmt::format("{}-{}", run_, next_.fetch_add(1));
}

Result<void> DiskFolders::create(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(disk_problem("create folder", errno));
  return sync_folder(folder.parent_path());
}

Result<void> DiskFolders::prepare(std::string_view key) {
  const fs::path folder = file(key).parent_path();
  // Under the lock until it is durable: an existing folder proves nothing, another thread may have
  // created it a moment ago.
  const std::lock_guard lock(mutex_);
  if (ready_.contains(folder.string())) return {};
  const fs::path middle = folder.parent_path();
  for (const fs::path& level : {middle.parent_path(), middle, folder})
    if (auto created = create(level); !created) return created;
  ready_.insert(folder.string());
  return {};
}

Result<void> DiskFolders::publish(const fs::path& from, std::string_view key) {
  const fs::path to = file(key);
  auto prepared = prepare(key);
  const bool renamed = prepared && ::rename(from.c_str(), to.c_str()) == 0;
  const int error = errno;
  // Also after a success: renaming one hard link over another of the same file does nothing.
  ::unlink(from.c_str());
  if (!prepared) return prepared;
  if (!renamed) return fail(disk_problem("publish object", error));
  return sync_folder(to.parent_path());
}

void DiskFolders::clean_temporary(Time older_than) {
  std::error_code ignored;
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(root_ / "tmp", ignored)) {
    struct stat status{};
    if (::lstat(entry.path().c_str(), &status) == 0 &&
        from_micros(static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000) < older_than)
      old.push_back(entry.path());
  }
  for (const fs::path& path : old) fs::remove(path, ignored);
}

}  // namespace madang::objects
