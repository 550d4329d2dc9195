// The plan of a town: nothing is stored here.
#include "app/seed/town.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "app/seed/ids.hpp"
#include "app/seed/seed.hpp"
#include "app/seed/writer.hpp"
#include "base/text.hpp"
#include "modules/identity/passwords.hpp"
#include "platform/json/types.hpp"

namespace madang::app::seed {
namespace {

const Time founding = *parse_rfc3339("2026-11-22T03:04:05.678Z");

TEST(Town, RefusesWhatNoTownIs) {
  EXPECT_THROW(plan_town({.people = 3, .seed = 1, .drawings = 20, .now = founding}),
               std::runtime_error);
  EXPECT_THROW(plan_town({.people = 1'000'000, .seed = 1, .drawings = 20, .now = founding}),
               std::runtime_error);
  EXPECT_THROW(plan_town({.people = 300, .seed = 1, .drawings = 20, .now = id_epoch}),
               std::runtime_error);
}

TEST(Town, AYoungEpochIsEnoughForATown) {
  const Time early = id_epoch + std::chrono::days(2);
  const Town town = plan_town({.people = 100, .seed = 1, .drawings = 20, .now = early});
  const TownIds ids = assign_ids(town, early);
  for (const Person& person : town.people) EXPECT_GT(person.joined, id_epoch);
  for (const Id id : ids.posts) EXPECT_LT(id, first_id_at(early));
}

TEST(Town, IdsAreInOrderOfTimeAndInThePast) {
  const Town town = plan_town({.people = 200, .seed = 3, .drawings = 20, .now = founding});
  const TownIds ids = assign_ids(town, founding);
  std::set<Id> all(ids.people.begin(), ids.people.end());
  all.insert(ids.posts.begin(), ids.posts.end());
  all.insert(ids.comments.begin(), ids.comments.end());
  all.insert(ids.pictures.begin(), ids.pictures.end());
  EXPECT_EQ(all.size(),
            ids.people.size() + ids.posts.size() + ids.comments.size() + ids.pictures.size());
  EXPECT_LT(*all.rbegin(), first_id_at(founding));
  EXPECT_TRUE(std::ranges::is_sorted(ids.posts));
  EXPECT_TRUE(std::ranges::is_sorted(ids.comments));
  for (PostIndex i = 0; i < ids.posts.size(); ++i) {
    EXPECT_LE(id_time(ids.posts[i]), town.posts[i].at + std::chrono::milliseconds(1));
    EXPECT_GE(id_time(ids.posts[i]), town.posts[i].at - std::chrono::milliseconds(1));
  }
}

TEST(Town, NothingHappensBeforeItsCause) {
  const Town town = plan_town({.people = 300, .seed = 5, .drawings = 20, .now = founding});
  const auto joined = [&](PersonIndex person) { return town.people[person].joined; };
  for (const Follow& follow : town.follows) {
    EXPECT_NE(follow.follower, follow.followee);
    EXPECT_GE(follow.at, std::max(joined(follow.follower), joined(follow.followee)));
    EXPECT_LT(follow.at, founding);
  }
  for (const Post& post : town.posts) {
    EXPECT_GT(post.at, joined(post.author));
    EXPECT_LT(post.at, founding);
  }
  for (const Comment& comment : town.comments) {
    EXPECT_GT(comment.at, town.posts[comment.post].at);
    EXPECT_GT(comment.at, joined(comment.author));
    EXPECT_LT(comment.at, founding);
  }
  for (const Picture& picture : town.pictures) {
    EXPECT_GT(picture.at, joined(picture.owner));
    if (picture.post) {
      EXPECT_LT(picture.at, town.posts[*picture.post].at);
      EXPECT_EQ(picture.owner, town.posts[*picture.post].author);
    }
  }
  std::set<std::pair<PostIndex, PersonIndex>> liked;
  for (const Like& like : town.likes) {
    EXPECT_GT(like.at, town.posts[like.post].at);
    EXPECT_GT(like.at, joined(like.account));
    EXPECT_LT(like.at, founding);
    EXPECT_TRUE(liked.emplace(like.post, like.account).second);
  }
}

/// What the sign-up and the writing of posts would have accepted, unchanged.
template <class T>
bool accepted(const std::string& text) {
  std::string document;
  append_json_string(document, text);
  const auto read = json::from_json<T>(document);
  return read && read->value == text;
}

TEST(Town, EveryTextIsOneThatTheApiAccepts) {
  const Town town = plan_town({.people = 1000, .seed = 11, .drawings = 20, .now = founding});
  std::set<std::string> handles;
  std::set<std::string> emails;
  for (const Person& person : town.people) {
    EXPECT_TRUE(accepted<json::Handle>(person.handle)) << person.handle;
    EXPECT_TRUE(accepted<json::Email>(person.email)) << person.email;
    EXPECT_TRUE((accepted<json::Line<1, 50>>(person.name))) << person.name;
    EXPECT_TRUE((accepted<json::Text<0, 300>>(person.bio))) << person.bio;
    EXPECT_TRUE(handles.insert(fold_case(person.handle)).second) << person.handle;
    EXPECT_TRUE(emails.insert(person.email).second) << person.email;
  }
  for (const Post& post : town.posts)
    EXPECT_TRUE((accepted<json::Text<1, 1000>>(post.text)) && !post.text.contains('{'))
        << post.text;
  for (const Comment& comment : town.comments)
    EXPECT_TRUE((accepted<json::Text<1, 1000>>(comment.text)) && !comment.text.contains('{'))
        << comment.text;
  EXPECT_FALSE(identity::is_common_password(town_password));
}

TEST(Town, EveryTemplateCanBeFilledInEverySeason) {
  Dice dice(1);
  Person person;
  person.pet = "보리";
  for (const Language language : {Language::korean, Language::english})
    for (const TopicPhrases& topic : phrases(language).topics) {
      EXPECT_EQ(topic.questions.size(), topic.answers.size());
      for (const Lines* lines : {&topic.openings, &topic.more, &topic.tags, &topic.praise,
                                 &topic.questions, &topic.answers, &phrases(language).bios})
        for (const std::string_view line : *lines)
          for (const Season season :
               {Season::spring, Season::summer, Season::autumn, Season::winter}) {
            Writer writer(phrases(language), person, {season, 12}, dice);
            writer.set_subject("감");
            const std::string text = writer.fill(line);
            EXPECT_FALSE(text.empty() || text.contains('{') || text.contains('[')) << line;
          }
    }
}

TEST(Town, ParticlesFitTheWordBeforeThem) {
  EXPECT_EQ(particle("감", "을"), "을");
  EXPECT_EQ(particle("배추", "을"), "를");
  EXPECT_EQ(particle("물레방아길", "으로"), "로");
  EXPECT_EQ(particle("솔고개", "으로"), "로");
  EXPECT_EQ(particle("산책집", "으로"), "으로");
  EXPECT_EQ(particle("치자색", "이에요"), "이에요");
  EXPECT_EQ(particle("옥빛 치마", "이에요"), "예요");
  EXPECT_EQ(particle("호떡", "이죠"), "이죠");
  EXPECT_EQ(particle("만두", "이죠"), "죠");
}

TEST(Town, AFewAreFollowedByManyAndMostByFew) {
  const Town town = plan_town({.people = 300, .seed = 1, .drawings = 20, .now = founding});
  std::vector<std::size_t> followers(town.people.size());
  for (const Follow& follow : town.follows) ++followers[follow.followee];
  std::ranges::sort(followers, std::greater());
  EXPECT_GE(followers.front(), 150u);
  EXPECT_LE(followers[150] * 5, followers.front());  // the median is far below
  std::size_t top = 0;
  for (std::size_t i = 0; i < 30; ++i) top += followers[i];
  EXPECT_GE(top * 100, town.follows.size() * 28);  // a tenth of the people has over a quarter
  std::vector<std::size_t> likes(town.posts.size());
  for (const Like& like : town.likes) ++likes[like.post];
  std::ranges::sort(likes, std::greater());
  EXPECT_GE(likes.front(), 60u);
  EXPECT_LE(likes[likes.size() / 2] * 10, likes.front());
}

}  // namespace
}  // namespace madang::app::seed
