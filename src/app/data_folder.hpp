// The folder that holds everything an embedded server keeps. One process at a time: the lock on it
// is also the lease on node number 0.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace madang::app {

class DataFolder {
 public:
  /// Creates it when absent (only its owner may read it). `secret`: what keys are derived from in
  /// place of the folder's own. Throws std::runtime_error, with one line for the operator, when
  /// another process has it or it cannot be written.
  DataFolder(std::filesystem::path path, Random& random, std::string_view secret = {});
  ~DataFolder();
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "madang.sqlite"; }
  std::filesystem::path objects() const { return path_ / "objects"; }

  /// 32 bytes for one purpose, derived from the secret.
  std::vector<std::byte> key_for(std::string_view purpose) const;

  /// This folder on this machine, as nobody else is called: a copy elsewhere is another place.
  std::string place() const;

  /// Where ids may go on: what an earlier process may have used. See IdGenerator.
  Time id_floor(Time now) const;
  /// Ids below this moment may be used from now on. Survives kill -9; after a power failure the
  /// clock has moved further than the ceiling ever is ahead.
  void reserve_ids(Time ceiling);
  /// At a clean end: ids were used up to here and no further.
  void release_ids(Time used_until);

 private:
  void lock();
  void load_secret(Random& random, std::string_view given);
  std::vector<std::byte> read_or_make(const char* name, std::size_t size, Random& random) const;

  const std::filesystem::path path_;
  int lock_ = -1;      // holds the lock; its content is the ids' ceiling
  bool clean_ = true;  // the last process ended properly
  std::int64_t ceiling_ = 0;
  std::vector<std::byte> secret_;
  std::vector<std::byte> mark_;  // this folder's
};

}  // namespace madang::app
