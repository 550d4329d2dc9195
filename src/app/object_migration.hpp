// Moving house: every object of the data folder into another store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "platform/objects/disk_store.hpp"

namespace madang::app {

struct ObjectMigration {
  std::size_t objects = 0;  // seen so far
  std::size_t copied = 0;   // put there by this run, or to be put in a dry run
  std::uint64_t bytes = 0;  // of those
};

struct MigrationOptions {
  bool dry_run = false;
  int threads = 8;
  std::size_t progress_every = 1'000;  // objects
};

/// Copies what is not there yet with the same size and digest, so that it can be interrupted, run
/// again, and run while `from` is in use: objects never change, a second run brings what came
/// meanwhile. Nothing is removed. `progress` is called now and then, by one thread at a time.
/// Errors: the first of either store; `object_differs`: what arrived is not what was sent.
Result<ObjectMigration> copy_objects(objects::DiskStore& from, objects::ObjectStore& to,
                                     MigrationOptions options,
                                     const std::function<void(const ObjectMigration&)>& progress);

}  // namespace madang::app
