#include "app/seed/town.hpp"

#include <algorithm>
#include <stdexcept>

#include "app/seed/plan.hpp"
#include "base/ids.hpp"

namespace madang::app::seed {

namespace {

using std::chrono::days;
using std::chrono::hours;

constexpr days town_age{63};
constexpr hours korean_offset{9};  // no daylight saving time: the zone's data is not needed

}  // namespace

Season season_of(Time time) {
  const std::chrono::year_month_day date(std::chrono::floor<days>(time + korean_offset));
  const unsigned month = static_cast<unsigned>(date.month());
  if (month >= 3 && month <= 5) return Season::spring;
  if (month >= 6 && month <= 8) return Season::summer;
  return month >= 9 && month <= 11 ? Season::autumn : Season::winter;
}

int hour_of(Time time) {
  const auto since_midnight = time + korean_offset - std::chrono::floor<days>(time + korean_offset);
  return static_cast<int>(std::chrono::floor<hours>(since_midnight).count());
}

Light light_at(int hour) {
  if (hour < 5 || hour >= 20) return Light::night;
  if (hour < 8) return Light::dawn;
  return hour < 17 ? Light::day : Light::dusk;
}

Town plan_town(const TownOptions& options) {
  if (options.people < min_people || options.people > max_people)
    throw std::runtime_error("a town has " + std::to_string(min_people) + " to " +
                             std::to_string(max_people) + " people");
  if (options.now < id_epoch + days(2))
    throw std::runtime_error("the clock of this machine is wrong: it says " +
                             to_rfc3339(options.now));
  const History history{std::max<Time>(options.now - town_age, id_epoch + hours(1)), options.now};
  Dice dice(options.seed);
  Town town;
  town.people = plan_people(options, history, dice.fork());
  town.follows = plan_follows(town.people, history, dice.fork());
  town.posts = plan_posts(town.people, history, dice.fork());
  plan_reactions(town, history, dice.fork());
  plan_pictures(town, options.drawings, history, dice.fork());
  return town;
}

}  // namespace madang::app::seed
