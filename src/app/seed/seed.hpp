// `madang seed`: stores a planned town as if its people had lived there for weeks.
#pragma once

#include <stdexcept>
#include <string>

#include "app/seed/town.hpp"
#include "platform/db/database.hpp"
#include "platform/objects/object_store.hpp"

namespace madang::app::seed {

inline constexpr std::string_view town_password = "madang-town";

struct Summary {
  std::size_t people = 0;
  std::size_t follows = 0;
  std::size_t posts = 0;
  std::size_t comments = 0;
  std::size_t likes = 0;
  std::size_t pictures = 0;
};

/// There are accounts that no founding made.
struct Inhabited : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Fills an empty store through the modules' own storage, or goes on with a town that was
/// interrupted: then that one's options count. `password_hash`: of town_password, for everybody.
/// Nothing else may use the store meanwhile. Throws Inhabited, or std::runtime_error with one line
/// for the operator: when options are out of bounds, when the store refuses.
Summary fill_store(db::Database& db, objects::ObjectStore& objects, const TownOptions& options,
                   const std::string& password_hash);

}  // namespace madang::app::seed
