#include "app/seed/ids.hpp"

#include <algorithm>
#include <stdexcept>

namespace madang::app::seed {

TownIds assign_ids(const Town& town, Time now) {
  TownIds out{std::vector<Id>(town.people.size()), std::vector<Id>(town.posts.size()),
              std::vector<Id>(town.comments.size())};
  std::vector<std::pair<Time, Id*>> wanted;
  for (std::size_t i = 0; i < town.people.size(); ++i)
    wanted.emplace_back(town.people[i].joined, &out.people[i]);
  for (std::size_t i = 0; i < town.posts.size(); ++i)
    wanted.emplace_back(town.posts[i].at, &out.posts[i]);
  for (std::size_t i = 0; i < town.comments.size(); ++i)
    wanted.emplace_back(town.comments[i].at, &out.comments[i]);
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
