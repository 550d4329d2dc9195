// Who follows whom.
#include <algorithm>
#include <unordered_set>

#include "app/seed/plan.hpp"

namespace madang::app::seed {

namespace {

constexpr std::size_t demo_follows = 40;
constexpr auto demo_settled = std::chrono::days(8);

/// Grows the graph edge by edge. Preferential attachment: a new edge most often goes where a random
/// earlier edge went, so that who has many gets more.
class Graph {
 public:
  Graph(const std::vector<Person>& people, History history, Dice& dice)
      : people_(people), history_(history), dice_(dice), following_(people.size()) {
    for (PersonIndex i = 0; i < people.size(); ++i)
      for (int tickets = static_cast<int>(people[i].charm * 6); tickets > 0; --tickets)
        tickets_.push_back(i);
  }

  void grow(PersonIndex person, std::size_t wanted) {
    for (std::size_t tries = 0; tries < wanted * 6 && following_[person].size() < wanted; ++tries)
      connect(person, choose(person));
  }

  /// Some who have only just found the one who looks around.
  void welcome(std::size_t count) {
    for (std::size_t tries = 0; count > 0 && tries < 500; ++tries) {
      const PersonIndex person = 1 + dice_.below(people_.size() - 1);
      if (people_[person].joined > history_.end - std::chrono::days(5) || !add(person, 0)) continue;
      const double hours_ago = dice_.between(1.0, 80.0);
      follows_.back().at = history_.end - std::chrono::minutes(static_cast<int>(hours_ago * 60));
      --count;
    }
  }

  std::vector<Follow> take() { return std::move(follows_); }

 private:
  PersonIndex choose(PersonIndex person) {
    const double way = dice_.unit();
    if (way < 0.25 && !following_[person].empty()) {  // whom one's friends follow
      const auto& friends = following_[dice_.pick(following_[person])];
      if (!friends.empty()) return dice_.pick(friends);
    }
    if (way < 0.33) return neighbour(person);
    return dice_.pick(tickets_);
  }

  /// Somebody who writes in the same language.
  PersonIndex neighbour(PersonIndex person) {
    for (int tries = 0; tries < 8; ++tries) {
      const PersonIndex found = dice_.below(people_.size());
      if (people_[found].language == people_[person].language) return found;
    }
    return dice_.below(people_.size());
  }

  void connect(PersonIndex follower, PersonIndex followee) {
    if (!add(follower, followee)) return;
    const double back = 0.35 / (1.0 + people_[followee].charm / 6.0);
    if (dice_.chance(back)) add(followee, follower);
  }

  bool add(PersonIndex follower, PersonIndex followee) {
    if (follower == followee) return false;
    // Whoever looks around has followed them for long enough to see all they wrote this week.
    if (follower == 0 && people_[followee].joined > history_.end - demo_settled) return false;
    if (!known_.insert(follower * people_.size() + followee).second) return false;
    following_[follower].push_back(followee);
    tickets_.push_back(followee);
    follows_.push_back({follower, followee, when(follower, followee)});
    return true;
  }

  /// After both are there; mostly soon after the later of them came.
  Time when(PersonIndex follower, PersonIndex followee) {
    const Time both = std::max(people_[follower].joined, people_[followee].joined);
    Time end = history_.end - std::chrono::minutes(1);
    if (follower == 0) end -= demo_settled;
    const double part = dice_.unit() * dice_.unit();
    return both +
           Micros(static_cast<std::int64_t>(part * static_cast<double>((end - both).count())));
  }

  const std::vector<Person>& people_;
  const History history_;
  Dice& dice_;
  std::vector<std::vector<PersonIndex>> following_;
  std::unordered_set<std::uint64_t> known_;
  std::vector<PersonIndex> tickets_;  // one for some charm, one for each follower
  std::vector<Follow> follows_;
};

}  // namespace

std::vector<Follow> plan_follows(const std::vector<Person>& people, History history, Dice dice) {
  Graph graph(people, history, dice);
  for (PersonIndex person = 1; person < people.size(); ++person) {
    const double wanted = std::min(8 * dice.pareto(1.3), dice.between(90.0, 180.0));
    graph.grow(person, static_cast<std::size_t>(wanted));
  }
  graph.grow(0, std::min(demo_follows, people.size() / 2));  // last: the well-known are known
  graph.welcome(6);
  auto follows = graph.take();
  std::ranges::sort(follows, {}, &Follow::at);
  return follows;
}

}  // namespace madang::app::seed
