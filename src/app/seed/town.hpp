// A small town, planned before anything is stored: who lives there, who follows whom, what they
// wrote, said and liked over the last weeks. The same options give the same town.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/seed/dice.hpp"
#include "base/clock.hpp"

namespace madang::app::seed {

enum class Language { korean, english };
enum class Season { spring, summer, autumn, winter };
enum class Topic { wear, market, food, weather, show, pet, making, outdoors, reading, daily };
inline constexpr int topic_count = 10;
enum class Light { dawn, day, dusk, night };
/// What a picture shows (scenes.hpp).
enum class Kind {
  roofs,
  path,
  branch,
  vases,
  patchwork,
  clothes,
  garment,
  table,
  stall,
  lanterns,
  mask,
  cat,
  sleeper,
  yarn,
  window,
  avatar
};
inline constexpr int scene_count = 15;  // kinds without avatars

/// The season in Korea.
Season season_of(Time time);
/// The hour of the day there, 0 to 23.
int hour_of(Time time);

/// Indices into Town::people, ::posts.
using PersonIndex = std::size_t;
using PostIndex = std::size_t;

struct Person {
  std::string handle;
  std::string name;
  std::string email;
  std::string bio;
  Language language = Language::korean;
  Time joined{};
  double voice = 1;            // how much they write
  double charm = 1;            // how readily they are followed
  std::vector<double> topics;  // weights, by Topic
  std::string pet;             // its name; empty: none
  std::size_t craft = 0;       // what they make, an index into the language's list of crafts
};

struct Follow {
  PersonIndex follower = 0;
  PersonIndex followee = 0;
  Time at{};
};

struct Post {
  PersonIndex author = 0;
  Time at{};
  Topic topic = Topic::daily;
  std::string text;
  std::string subject;  // what it is about, for those who comment; may be empty
  int pictures = 0;     // how many it should show
};

struct Comment {
  PostIndex post = 0;
  PersonIndex author = 0;
  Time at{};
  std::string text;
};

struct Like {
  PostIndex post = 0;
  PersonIndex account = 0;
  Time at{};
};

struct Drawing {
  Kind kind = Kind::roofs;
  Season season = Season::autumn;
  Light light = Light::day;
  std::uint64_t seed = 0;  // of its details
};

/// A drawing as somebody has uploaded it: for a post, or of themselves.
struct Picture {
  PersonIndex owner = 0;
  std::optional<PostIndex> post;
  std::size_t drawing = 0;
  Time at{};
  std::string token;  // 32 hex digits
};

/// In order of time; posts before the comments and likes they get, accounts before all they do.
struct Town {
  std::vector<Person> people;  // the first is the one to sign in as: `demo`
  std::vector<Follow> follows;
  std::vector<Post> posts;
  std::vector<Comment> comments;
  std::vector<Like> likes;
  std::vector<Drawing> drawings;
  std::vector<Picture> pictures;  // a post's in their order
};

struct TownOptions {
  std::size_t people = 300;
  std::uint64_t seed = 1;
  std::size_t drawings = 70;  // different ones for posts; 0: no pictures at all
  Time now{};
};

inline constexpr std::size_t min_people = 60;
inline constexpr std::size_t max_people = 10'000;
inline constexpr std::string_view demo_handle = "demo";

Light light_at(int hour);

/// `options.now` is at least two days after id_epoch, and people between the bounds; otherwise
/// throws std::runtime_error, with one line for the operator.
Town plan_town(const TownOptions& options);

}  // namespace madang::app::seed
