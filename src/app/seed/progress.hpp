// How far the founding of a town is, in the same transactions that found it: whatever interrupts
// it, the next `madang seed` plans the same town again and goes on where it stopped.
#pragma once

#include <optional>

#include "app/seed/town.hpp"
#include "platform/db/database.hpp"

namespace madang::app::seed {

/// In the order of the founding; the numbers are stored.
enum class Stage : std::int64_t {
  people,
  follows,
  pictures,
  posts,
  comments,
  likes,
  news,
  finished
};

struct Progress {
  TownOptions options;
  Stage stage = Stage::people;
  std::size_t done = 0;  // items of the stage that are stored
};

std::optional<Progress> find_progress(db::Transaction& tx);
/// Begins in a store without accounts; false: there are some.
bool begin_progress(db::Transaction& tx, const TownOptions& options);
/// Throws std::runtime_error when another founding has moved it meanwhile.
void set_progress(db::Transaction& tx, const Progress& from, Stage stage, std::size_t done);
/// The town stands.
void end_progress(db::Transaction& tx);

}  // namespace madang::app::seed
