// What they write.
#include <algorithm>
#include <unordered_set>

#include "app/seed/plan.hpp"
#include "app/seed/writer.hpp"

namespace madang::app::seed {

namespace {

using std::chrono::days;
using std::chrono::minutes;

constexpr double recent_share = 0.5;  // of all posts, in the last week: feeds are live
constexpr int demo_posts = 11;

/// How likely a post of that topic has a picture, by Topic.
constexpr double picture_share[topic_count] = {0.5, 0.4, 0.5, 0.65, 0.45, 0.5, 0.6, 0.5, 0.2, 0.2};

/// People sleep: how likely they write at that hour.
double wakefulness(int hour) {
  if (hour < 6) return 0.06;
  if (hour < 8) return 0.5;
  return hour < 12 ? 0.7 : hour < 18 ? 0.6 : hour < 23 ? 1.0 : 0.45;
}

class Diary {
 public:
  Diary(const std::vector<Person>& people, History history, Dice& dice)
      : people_(people), history_(history), dice_(dice) {}

  void write(PersonIndex author) {
    const Person& person = people_[author];
    const double wish = person.voice * dice_.between(1.1, 3.0);
    const int count = author == 0 ? demo_posts : static_cast<int>(std::lround(wish));
    for (int i = 0; i < count; ++i) posts_.push_back(post(author, person));
  }

  std::vector<Post> take() { return std::move(posts_); }

 private:
  Post post(PersonIndex author, const Person& person) {
    Post out;
    out.author = author;
    out.at = when(person);
    for (int tries = 0; tries < 12; ++tries) {
      out.topic = static_cast<Topic>(dice_.weighted(person.topics));
      compose(person, out);
      if (said_.insert(out.text).second) break;  // nobody repeats another's words
    }
    const auto topic = static_cast<std::size_t>(out.topic);
    const double age = out.at < history_.end - days(14) ? 0.15 : 0.9;  // of late they show more
    if (dice_.chance(author == 0 ? 0.9 : age * picture_share[topic]))
      out.pictures = dice_.chance(0.12) ? dice_.between(2, 4) : 1;
    return out;
  }

  void compose(const Person& person, Post& out) {
    const TopicPhrases& lines =
        phrases(person.language).topics[static_cast<std::size_t>(out.topic)];
    Writer writer(phrases(person.language), person, {season_of(out.at), hour_of(out.at)}, dice_);
    const std::string_view opening = lines.openings.at(writer.choose(lines.openings).value());
    out.text = writer.fill(opening);
    out.subject = writer.subject();
    if (!stands_alone(opening) && dice_.chance(0.66)) out.text += " " + writer.write(lines.more);
    out.text = capitalised(std::move(out.text));
    if (dice_.chance(0.18)) out.text += " " + std::string(dice_.pick(faces));
    if (dice_.chance(0.3)) out.text += "\n" + writer.write(lines.tags);
  }

  Time when(const Person& person) {
    const Time first = person.joined + minutes(3);
    const Time last = history_.end - minutes(9);
    Time at = last;
    for (int tries = 0; tries < 8; ++tries) {
      at = moment(first, last);
      if (dice_.chance(wakefulness(hour_of(at)))) break;
    }
    return at;
  }

  Time moment(Time first, Time last) {
    const Time week = std::max(first, last - days(7));
    const bool recent = week == first || dice_.chance(recent_share);
    const Time begin = recent ? week : first;
    const Time end = recent ? last : week;
    // The last hours are the fullest, so that the top of a feed is fresh.
    const double back = recent ? std::pow(dice_.unit(), 1.2) : dice_.unit();
    return end -
           Micros(static_cast<std::int64_t>(back * static_cast<double>((end - begin).count())));
  }

  static const Lines faces;

  const std::vector<Person>& people_;
  const History history_;
  Dice& dice_;
  std::unordered_set<std::string> said_;
  std::vector<Post> posts_;
};

const Lines Diary::faces{"😊", "🌿", "✨", "😌", "🍂", "☕", "🙌", "😂", "💛", "🌙"};

}  // namespace

std::vector<Post> plan_posts(const std::vector<Person>& people, History history, Dice dice) {
  Diary diary(people, history, dice);
  for (PersonIndex author = 0; author < people.size(); ++author) diary.write(author);
  auto posts = diary.take();
  std::ranges::sort(posts, {}, &Post::at);
  return posts;
}

}  // namespace madang::app::seed
