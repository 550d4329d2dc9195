// Who lives there.
#include <algorithm>
#include <set>

#include "app/seed/plan.hpp"
#include "app/seed/writer.hpp"
#include "base/text.hpp"

namespace madang::app::seed {

namespace {

constexpr double korean_share = 0.64;
constexpr double nickname_share = 0.12;
constexpr double pet_share = 0.45;

/// Handles and addresses that are taken.
class Names {
 public:
  /// `wanted`, or with a number behind it.
  std::string handle(const std::string& wanted) {
    for (int number = 0;; ++number) {
      std::string tried = number == 0 ? wanted : wanted + std::to_string(number + 1);
      if (!is_handle(tried)) return handle("yard_" + std::to_string(handles_.size()));
      if (handles_.insert(fold_case(tried)).second) return tried;
    }
  }
  std::string email(const std::string& wanted) {
    for (int number = 0;; ++number) {
      std::string tried = number == 0 ? wanted : wanted + std::to_string(number + 1);
      if (emails_.insert(tried).second) return tried + "@town.example";
    }
  }

 private:
  std::set<std::string> handles_;
  std::set<std::string> emails_;
};

std::string korean_handle(const NamePart& family, const NamePart& given, Dice& dice) {
  const std::string hangul(given.text);
  const std::string latin(given.latin);
  switch (dice.below(7)) {
    case 0:
      return std::string(family.text) + hangul;
    case 1:
      return hangul + "_" + std::to_string(dice.between(70, 99));
    case 2:
      return hangul + std::string(dice.pick(Lines{"네마당", "의하루", "이네", "_기록", "씨네"}));
    case 3:
      return latin + "_" + std::string(family.latin);
    case 4:
      return latin + std::to_string(dice.between(70, 99));
    case 5:
      return latin + std::string(dice.pick(Lines{"_log", "_yard", "_daily", "_made"}));
    default:
      return std::string(family.latin) + "_" + latin;
  }
}

std::string english_handle(const NamePart& family, const NamePart& given, Dice& dice) {
  const std::string first(given.latin);
  const std::string last(family.latin);
  switch (dice.below(5)) {
    case 0:
      return first + "_" + last;
    case 1:
      return first + last;
    case 2:
      return first + std::to_string(dice.between(70, 99));
    case 3:
      return first + std::string(dice.pick(Lines{"_makes", "_walks", "_in_the_yard", "_reads"}));
    default:
      return last + "_" + first.substr(0, 1);
  }
}

void name_person(Person& person, Names& names, Dice& dice) {
  const Phrases& from = phrases(person.language);
  const NamePart& family = dice.pick(from.family_names);
  const NamePart& given = dice.pick(from.given_names);
  const bool korean = person.language == Language::korean;
  if (dice.chance(nickname_share)) {
    const NamePart& nickname = dice.pick(from.nicknames);
    person.name = std::string(nickname.text);
    const bool hangul = korean && dice.chance(0.5);
    person.handle = names.handle(std::string(hangul ? nickname.text : nickname.latin));
  } else {
    const std::string full = korean ? std::string(family.text) + std::string(given.text)
                                    : std::string(given.text) + " " + std::string(family.text);
    person.name = dice.chance(0.15) ? std::string(given.text) : full;
    person.handle = names.handle(korean ? korean_handle(family, given, dice)
                                        : english_handle(family, given, dice));
  }
  person.email = names.email(std::string(given.latin) + "." + std::string(family.latin));
}

/// Two or three things they mostly write about, and a little of all the others.
void give_tastes(Person& person, Dice& dice) {
  person.topics.assign(topic_count, 0.25);
  const int favourites = dice.between(2, 3);
  for (int i = 0; i < favourites; ++i) person.topics[dice.below(topic_count)] += 3;
  const Phrases& from = phrases(person.language);
  person.craft = dice.below(from.crafts.size());
  if (dice.chance(pet_share)) {
    person.pet = std::string(dice.pick(from.pets));
  } else {
    person.topics[static_cast<std::size_t>(Topic::pet)] = 0;
  }
  person.voice = std::min(dice.pareto(1.4), 9.0);
  person.charm = std::min(dice.pareto(0.8), 220.0);
}

Person plan_person(Names& names, History history, Dice& dice) {
  Person person;
  person.language = dice.chance(korean_share) ? Language::korean : Language::english;
  name_person(person, names, dice);
  give_tastes(person, dice);
  // Most came early; some only days ago.
  const auto span = history.end - history.begin;
  const double when = 0.93 * std::pow(dice.unit(), 2.0);
  person.joined =
      history.begin + Micros(static_cast<std::int64_t>(when * static_cast<double>(span.count())));
  if (dice.chance(0.85)) {
    Writer writer(phrases(person.language), person, {season_of(person.joined), 12}, dice);
    person.bio = capitalised(writer.write(phrases(person.language).bios));
  }
  return person;
}

/// Who signs in to look around.
Person plan_demo(Names& names, History history) {
  Person demo;
  demo.language = Language::korean;
  demo.handle = names.handle(std::string(demo_handle));
  demo.name = "마당 손님";
  demo.email = names.email(std::string(demo_handle));
  demo.bio =
      "둘러보러 온 손님이에요. 이 마을의 글과 그림은 모두 지어낸 것입니다.\n"
      "A guest in this yard. Everything in this town is made up.";
  demo.joined = history.begin;
  demo.voice = 2.4;
  demo.charm = 7;
  demo.topics.assign(topic_count, 1);
  demo.pet = "두부";
  return demo;
}

}  // namespace

const Phrases& phrases(Language language) {
  return language == Language::korean ? korean_phrases() : english_phrases();
}

std::vector<Person> plan_people(const TownOptions& options, History history, Dice dice) {
  Names names;
  std::vector<Person> people;
  people.reserve(options.people);
  people.push_back(plan_demo(names, history));
  while (people.size() < options.people) people.push_back(plan_person(names, history, dice));
  return people;
}

}  // namespace madang::app::seed
