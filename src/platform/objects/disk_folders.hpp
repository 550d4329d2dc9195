// Where the disk adapter keeps its files, and how a change of a folder is made durable.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace madang::objects {

namespace fs = std::filesystem;

/// `storage_full` for ENOSPC and EDQUOT, else `object_store_failed`.
Problem disk_problem(std::string_view doing, int error);

/// fsync of a folder: its entries survive a power failure from then on.
Result<void> sync_folder(const fs::path& folder);

class DiskFolders {
 public:
  /// Creates the fixed folders. Throws std::system_error.
  explicit DiskFolders(fs::path root);

  const fs::path& root() const { return root_; }
  fs::path objects(std::string_view prefix) const;
  /// The file of a valid key.
  fs::path file(std::string_view key) const;
  /// A name nobody else uses, on the same file system.
  fs::path temporary();
  /// Creates the folder of a key's file; durable when it returns.
  Result<void> prepare(std::string_view key);
  /// Gives a finished file its key. Takes `from` away, whatever happens.
  Result<void> publish(const fs::path& from, std::string_view key);
  /// Removes temporary files last written before `older_than`.
  void clean_temporary(Time older_than);

 private:
  Result<void> create(const fs::path& folder);

  const fs::path root_;
  const std::string run_;  // tells this process's temporary names from another's
  std::atomic<std::uint64_t> next_{0};
  std::mutex mutex_;
  std::unordered_set<std::string> ready_;  // folders this process has made durable
};

}  // namespace madang::objects
