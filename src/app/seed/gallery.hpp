// Draws a town's pictures and stores them as uploads that have been processed.
#pragma once

#include <span>
#include <vector>

#include "app/seed/town.hpp"
#include "modules/media/storage.hpp"
#include "platform/objects/object_store.hpp"

namespace madang::app::seed {

/// Town::pictures as rows of media, each ready; `ids` are theirs, `owners` those of Town::people.
/// All objects are stored and durable when it returns: a drawing that is used more than once is
/// encoded once and copied. Uses all processors. Throws std::runtime_error.
///
/// Opens no stranger's file, which is the workers' business alone: what is decoded here was drawn
/// here.
std::vector<media::Row> store_pictures(objects::ObjectStore& store, const Town& town,
                                       std::span<const Id> ids, std::span<const Id> owners);

}  // namespace madang::app::seed
