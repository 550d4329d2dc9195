// Ids for what lies in the past: in order of time, as if they had been made then.
#pragma once

#include "app/seed/town.hpp"
#include "base/ids.hpp"

namespace madang::app::seed {

struct TownIds {
  std::vector<Id> people;
  std::vector<Id> posts;
  std::vector<Id> comments;
  std::vector<Id> pictures;
};

/// Node 0's, all before `now`: what the server makes later is greater.
TownIds assign_ids(const Town& town, Time now);

}  // namespace madang::app::seed
