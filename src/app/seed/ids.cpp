#include "app/seed/ids.hpp"

#include <algorithm>
#include <stdexcept>

namespace madang::app::seed {

TownIds assign_ids(const Town& town, Time now) {
  TownIds out;
  std::vector<std::pair<Time, Id*>> wanted;
  const auto want = [&](const auto& items, auto time, std::vector<Id>& ids) {
    ids.resize(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) wanted.emplace_back(items[i].*time, &ids[i]);
  };
  want(town.people, &Person::joined, out.people);
  want(town.posts, &Post::at, out.posts);
  want(town.comments, &Comment::at, out.comments);
  want(town.pictures, &Picture::at, out.pictures);
  std::ranges::sort(wanted, {}, &std::pair<Time, Id*>::first);
  ManualClock clock(id_epoch);
  IdGenerator ids(clock, 0, id_epoch);
  ids.extend(now);
  for (const auto& [at, id] : wanted) {
    clock.set(at);
    const Result<Id> made = ids.next();
    if (!made) throw std::runtime_error(made.error().detail);
    *id = *made;
  }
  return out;
}

}  // namespace madang::app::seed
