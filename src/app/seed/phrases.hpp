// What people of the town say, by language: word lists and templates.
//
// A template may begin with when it can be said: `[autumn]`, `[morning]`, `[winter,evening]` (any
// season and any time of day that are named: morning, day, evening, night); `alone` among them
// means that nothing is added to it. `{list}` is a word of a list; the same list in one text gives
// the same word. `{list|을}` adds the Korean particle in the form that fits the word.
// `{!list}` is what the text is about: comments call it `{subject}`. `{pet}` and `{name}` are the
// writer's own. Of `list`, the list `list.autumn` is taken in autumn where there is one.
#pragma once

#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "app/seed/town.hpp"

namespace madang::app::seed {

using Lines = std::vector<std::string_view>;

struct TopicPhrases {
  Lines openings;   // what a post says first
  Lines more;       // what it may go on with
  Lines tags;       // how it may end
  Lines praise;     // comments
  Lines questions;  // comments
  Lines answers;    // the author's, each to the question at its place
};

/// A name and how it is written in Latin letters.
struct NamePart {
  std::string_view text;
  std::string_view latin;
};

/// Something people make, and what comes out of it.
struct Craft {
  std::string_view name;
  Lines works;
};

struct Phrases {
  std::map<std::string_view, Lines> lists;
  std::array<TopicPhrases, topic_count> topics;  // by Topic
  Lines cheers;                                  // comments that fit anything
  Lines thanks;                                  // the author's, to anything
  Lines bios;
  std::vector<Craft> crafts;
  Lines pets;
  std::vector<NamePart> family_names;
  std::vector<NamePart> given_names;
  std::vector<NamePart> nicknames;  // some go by these
};

const Phrases& phrases(Language language);
const Phrases& korean_phrases();
const Phrases& english_phrases();

}  // namespace madang::app::seed
