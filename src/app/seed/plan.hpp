// The parts of a town's plan, in the order in which they are made.
#pragma once

#include "app/seed/town.hpp"

namespace madang::app::seed {

/// From the town's first day to now.
struct History {
  Time begin{};
  Time end{};
};

/// Names, handles (unique without regard to case), addresses, tastes. The first is `demo`.
std::vector<Person> plan_people(const TownOptions& options, History history, Dice dice);
/// Most follow those whom many follow already, and friends of friends; some are followed back.
std::vector<Follow> plan_follows(const std::vector<Person>& people, History history, Dice dice);
std::vector<Post> plan_posts(const std::vector<Person>& people, History history, Dice dice);
/// Fills in likes and comments.
void plan_reactions(Town& town, History history, Dice dice);
/// Fills in drawings and pictures: at most so many different drawings for posts, and avatars.
void plan_pictures(Town& town, std::size_t drawings, History history, Dice dice);

}  // namespace madang::app::seed
