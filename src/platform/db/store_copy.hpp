// Moving house: every row of a SQLite store into an empty store on another engine that has the same
// tables, so that it can be interrupted at any point, gone on with, and proven.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/db/database.hpp"

namespace madang::db {

struct CopiedTable {
  std::string name;
  std::int64_t rows = 0;    // in the source
  std::int64_t copied = 0;  // in the destination by now
};

struct StoreCopyOptions {
  /// Which store is copied, so that another one's rows are not added: at most 64 characters.
  std::string source;
  /// Tables that are each store's own affair.
  std::vector<std::string> without;
  bool dry_run = false;
  bool compare_destination = true;  // false: it has no tables yet (a dry run's)
  std::int64_t chunk = 1'000;       // rows in one transaction
  /// Runs in the last transaction, with which the destination becomes a store.
  std::function<void(Transaction&)> finish{};
};

/// Both stores have the same migrations and nobody else uses either. Rows and how far it got are
/// written in the same transaction; `store_copy` (platform/nodes) keeps that, and keeps servers
/// away. At the end every row is read again on both sides and compared; only then the marks go.
/// `progress` is called after each chunk. A dry run reads everything and changes nothing.
///
/// Errors: `not_empty` (the destination has rows that are not this copy's), `other_source` (it is
/// being filled from another store), `copies_differ` (what arrived is not what was there).
Result<std::vector<CopiedTable>> copy_store(
    Database& from, Database& to, const StoreCopyOptions& options,
    const std::function<void(const CopiedTable&)>& progress);

}  // namespace madang::db
