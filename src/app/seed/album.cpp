// Which picture goes with which post.
#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "app/seed/plan.hpp"
#include "base/encoding.hpp"

namespace madang::app::seed {

namespace {

constexpr double avatar_share = 0.82;
// A large town is for its numbers; thousands of files would only take time.
constexpr std::size_t most_pictures = 800;  // on posts, the newest
constexpr double most_avatars = 500;
constexpr auto earlier = std::chrono::days(21);  // the season then may have been another

using Kinds = std::vector<Kind>;

/// How many different ones there are of each kind, and in which light.
struct Supply {
  Kind kind;
  std::vector<Light> lights;
};

const std::vector<Supply>& supplies() {
  using enum Light;
  static const std::vector<Supply> all{
      {Kind::roofs, {dusk, day, night, dawn, dusk, day, night, day}},
      {Kind::branch, {day, day, dusk, day, dawn, night, day}},
      {Kind::garment, {day, day, day, day, day, day}},
      {Kind::table, {day, day, day, day, day, day}},
      {Kind::stall, {day, dusk, day, night}},
      {Kind::lanterns, {night, dusk, night, night}},
      {Kind::cat, {day, night, dusk, day}},
      {Kind::path, {day, dawn, dusk, day, day, night}},
      {Kind::vases, {day, day, night, day, day}},
      {Kind::patchwork, {day, day, day, day, day}},
      {Kind::window, {day, night, dusk, day}},
      {Kind::mask, {day, day, day}},
      {Kind::clothes, {day, day, night, day}},
      {Kind::sleeper, {day, day, day}},
      {Kind::yarn, {day, day}}};
  return all;
}

/// What suits a topic, the likeliest several times.
const Kinds& kinds_for(Topic topic) {
  using enum Kind;
  static const std::array<Kinds, topic_count> all{Kinds{garment, garment, garment, patchwork},
                                                  Kinds{stall, stall, stall, branch},
                                                  Kinds{table, table, table, table, window},
                                                  Kinds{roofs, roofs, branch, path},
                                                  Kinds{lanterns, lanterns, mask},
                                                  Kinds{cat, sleeper},
                                                  Kinds{vases},  // by craft, see below
                                                  Kinds{path, path, roofs},
                                                  Kinds{window},
                                                  Kinds{roofs, branch, window, path}};
  return all[static_cast<std::size_t>(topic)];
}

/// In the order of the crafts of both languages (phrases_ko.cpp, phrases_en.cpp).
Kind kind_for_craft(std::size_t craft) {
  using enum Kind;
  constexpr Kind kinds[] = {yarn, vases, patchwork, vases, patchwork, window, clothes, window};
  return kinds[craft % std::size(kinds)];
}

bool is_hanbok(std::string_view subject) {
  constexpr std::string_view names[] = {"저고리",  "두루마기", "한복",
                                        "jeogori", "durumagi", "hanbok"};
  return std::ranges::any_of(names, [&](std::string_view name) { return subject.contains(name); });
}

class Album {
 public:
  Album(Town& town, std::size_t drawings, History history, Dice& dice) : town_(town), dice_(dice) {
    const std::array seasons{season_of(history.end), season_of(history.end - earlier)};
    for (std::size_t round = 0; town.drawings.size() < drawings; ++round) {
      const std::size_t before = town.drawings.size();
      for (const Supply& supply : supplies())
        if (round < supply.lights.size() && town.drawings.size() < drawings)
          town.drawings.push_back(
              {supply.kind, seasons[round % 2], supply.lights[round], dice.seed()});
      if (town.drawings.size() == before) break;  // all there are
    }
    uses_.resize(town.drawings.size());
  }

  void illustrate(PostIndex index) {
    const Post& post = town_.posts[index];
    std::set<std::size_t> chosen;
    for (int i = 0; i < post.pictures; ++i) {
      const std::size_t drawing = choose(post);
      if (!chosen.insert(drawing).second) continue;
      ++uses_[drawing];
      add(post.author, index, drawing, post.at - std::chrono::seconds(20 * (post.pictures - i)));
    }
  }

  void portray(PersonIndex person) {
    town_.drawings.push_back({Kind::avatar, Season::autumn, Light::day, dice_.seed()});
    add(person, {}, town_.drawings.size() - 1,
        town_.people[person].joined + std::chrono::seconds(90));
  }

 private:
  void add(PersonIndex owner, std::optional<PostIndex> post, std::size_t drawing, Time at) {
    town_.pictures.push_back({owner, post, drawing, at, to_hex(dice_.bytes().bytes<16>())});
  }

  Kind kind_for(const Post& post) {
    if (is_hanbok(post.subject)) return Kind::clothes;
    if (post.topic == Topic::making) return kind_for_craft(town_.people[post.author].craft);
    return dice_.pick(kinds_for(post.topic));
  }

  /// One of that kind that fits the hour and the season and was not seen much.
  std::size_t choose(const Post& post) {
    const Kind kind = kind_for(post);
    std::size_t best = 0;
    double least = std::numeric_limits<double>::max();
    for (std::size_t i = 0; i < uses_.size(); ++i) {
      const Drawing& drawing = town_.drawings[i];
      const double cost =
          (drawing.kind == kind ? 0 : 1000) + (drawing.season == season_of(post.at) ? 0 : 6) +
          (drawing.light == light_at(hour_of(post.at)) ? 0 : 4) + uses_[i] + 1.5 * dice_.unit();
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
    return best;
  }

  Town& town_;
  Dice& dice_;
  std::vector<int> uses_;  // by drawing, those for posts
};

}  // namespace

void plan_pictures(Town& town, std::size_t drawings, History history, Dice dice) {
  if (drawings == 0) return;
  Album album(town, drawings, history, dice);
  for (PostIndex post = town.posts.size(); post-- > 0;)
    if (town.posts[post].author == 0 || town.pictures.size() < most_pictures)
      album.illustrate(post);
  const double share =
      std::min(avatar_share, most_avatars / static_cast<double>(town.people.size()));
  for (PersonIndex person = 0; person < town.people.size(); ++person)
    if (person == 0 || dice.chance(share)) album.portray(person);
}

}  // namespace madang::app::seed
