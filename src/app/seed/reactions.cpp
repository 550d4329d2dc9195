// What others make of it: likes and comments.
#include <algorithm>
#include <set>

#include "app/seed/plan.hpp"
#include "app/seed/writer.hpp"

namespace madang::app::seed {

namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::size_t most_comments = 24;  // on one post, answers aside

class Audience {
 public:
  Audience(Town& town, History history, Dice& dice)
      : town_(town), history_(history), dice_(dice), followers_(town.people.size()) {
    for (const Follow& follow : town.follows)
      followers_[follow.followee].push_back(follow.follower);
  }

  void react(PostIndex index) {
    const Post& post = town_.posts[index];
    // A few posts go all around, most do not.
    double appeal = std::min(dice_.pareto(1.15), 30.0) * (post.pictures > 0 ? 1.5 : 1.0);
    if (post.author == 0) appeal = std::max(appeal, 6.0);
    const std::size_t likes = like(index, post, appeal);
    const double talk = 0.25 + 0.11 * static_cast<double>(likes) + (post.author == 0 ? 2 : 0);
    const auto comments = static_cast<std::size_t>(talk * dice_.exponential() + 0.3);
    std::set<std::string> said;
    for (std::size_t i = 0; i < std::min(comments, most_comments); ++i) comment(index, post, said);
  }

 private:
  std::size_t like(PostIndex index, const Post& post, double appeal) {
    std::set<PersonIndex> who;
    for (const PersonIndex follower : followers_[post.author])
      if (dice_.chance(std::min(0.05 * appeal, 0.8))) who.insert(follower);
    // Those who find it in the ranking or at a friend's.
    const auto strangers = static_cast<std::size_t>(appeal * dice_.unit());
    for (std::size_t i = 0; i < strangers; ++i) who.insert(dice_.below(town_.people.size()));
    std::size_t count = 0;
    for (const PersonIndex person : who) {
      const auto at = later(post.at, dice_.chance(0.5) ? Micros(minutes(35)) : hours(10), person);
      if (!at || person == post.author) continue;
      town_.likes.push_back({index, person, *at});
      ++count;
    }
    return count;
  }

  /// Some time after `since`, soon rather than late; nothing when that has not come yet or the
  /// person was not there.
  std::optional<Time> later(Time since, Micros mean, PersonIndex person) {
    const double wait = static_cast<double>(mean.count()) * dice_.exponential();
    const Time at = since + minutes(1) + Micros(static_cast<std::int64_t>(wait));
    if (at >= history_.end - minutes(1) || at <= town_.people[person].joined) return {};
    return at;
  }

  PersonIndex commenter(const Post& post) {
    const auto& followers = followers_[post.author];
    PersonIndex found = 0;
    for (int tries = 0; tries < 4; ++tries) {
      const bool known = !followers.empty() && dice_.chance(0.85);
      found = known ? dice_.pick(followers) : dice_.below(town_.people.size());
      if (town_.people[found].language == town_.people[post.author].language) break;
    }
    return found;
  }

  void comment(PostIndex index, const Post& post, std::set<std::string>& said) {
    const PersonIndex who = commenter(post);
    const auto at = later(post.at, dice_.chance(0.5) ? Micros(minutes(45)) : hours(8), who);
    if (!at || who == post.author || !spoken_.insert({index, who}).second) return;
    const Person& person = town_.people[who];
    const Phrases& own = phrases(person.language);
    const TopicPhrases& lines = own.topics[static_cast<std::size_t>(post.topic)];
    Writer writer(own, person, {season_of(*at), hour_of(*at)}, dice_);
    // What it is about is a word of the author's language.
    if (person.language == town_.people[post.author].language) writer.set_subject(post.subject);
    const double kind = dice_.unit();
    if (kind < 0.33) return ask(index, post, who, *at, writer, lines, said);
    const std::string text = writer.write(kind < 0.75 ? lines.praise : own.cheers);
    if (!add(index, who, *at, text, said) || !dice_.chance(0.25)) return;
    answer(index, post, *at, writer.write(phrases(town_.people[post.author].language).thanks),
           said);
  }

  void ask(PostIndex index, const Post& post, PersonIndex who, Time at, Writer& writer,
           const TopicPhrases& lines, std::set<std::string>& said) {
    const auto question = writer.choose(lines.questions);
    if (!question || !add(index, who, at, writer.fill(lines.questions[*question]), said)) return;
    const bool same = town_.people[who].language == town_.people[post.author].language;
    if (same && dice_.chance(0.7))
      answer(index, post, at, writer.fill(lines.answers[*question]), said);
  }

  void answer(PostIndex index, const Post& post, Time asked, std::string text,
              std::set<std::string>& said) {
    if (const auto at = later(asked, minutes(50), post.author))
      add(index, post.author, *at, std::move(text), said);
  }

  /// Under one post nothing is said twice.
  bool add(PostIndex index, PersonIndex who, Time at, std::string text,
           std::set<std::string>& said) {
    text = capitalised(std::move(text));
    if (text.empty() || !said.insert(text).second) return false;
    town_.comments.push_back({index, who, at, std::move(text)});
    return true;
  }

  Town& town_;
  const History history_;
  Dice& dice_;
  std::vector<std::vector<PersonIndex>> followers_;
  std::set<std::pair<PostIndex, PersonIndex>> spoken_;  // one comment each, answers aside
};

}  // namespace

void plan_reactions(Town& town, History history, Dice dice) {
  Audience audience(town, history, dice);
  for (PostIndex post = 0; post < town.posts.size(); ++post) audience.react(post);
  std::ranges::sort(town.comments, {}, &Comment::at);
  std::ranges::sort(town.likes, {}, &Like::at);
}

}  // namespace madang::app::seed
