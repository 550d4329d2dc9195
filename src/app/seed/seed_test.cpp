#include "app/seed/seed.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "app/seed/ids.hpp"
#include "app/seed/scenes.hpp"
#include "app/seed/writer.hpp"
#include "base/encoding.hpp"
#include "base/text.hpp"
#include "modules/identity/passwords.hpp"
#include "modules/media/storage.hpp"
#include "modules/social/upkeep.hpp"
#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/imaging/image_job.hpp"
#include "platform/json/types.hpp"
#include "platform/objects/disk_store.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::app::seed {
namespace {

const Time now = *parse_rfc3339("2026-11-22T03:04:05.678Z");

/// An empty, migrated store that goes away with the test.
class TestStore {
 public:
  TestStore() {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-seed-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    db_ = db::open_sqlite({.path = folder_ / "madang.sqlite"}, registry_);
    const db::ModuleSchema* const modules[] = {&db::http_schema, &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema};
    db::migrate(*db_, modules);
    objects::DiskOptions options;
    options.root = folder_ / "objects";
    options.free_floor = 0;
    objects_ = std::make_unique<objects::DiskStore>(std::move(options), clock_);
  }
  TestStore(const TestStore&) = delete;
  TestStore& operator=(const TestStore&) = delete;
  ~TestStore() {
    db_->close();
    db_.reset();
    std::filesystem::remove_all(folder_);
  }

  db::Database& db() { return *db_; }
  objects::ObjectStore& objects() { return *objects_; }
  Summary fill(std::uint64_t seed, std::size_t people = 120, std::size_t drawings = 0) {
    const TownOptions options{.people = people, .seed = seed, .drawings = drawings, .now = now};
    return fill_store(*db_, *objects_, options, "hash");
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "objects"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  template <class T>
  std::vector<T> column(const std::string& sql) {
    return *db_->read_blocking([&](db::Transaction& tx) -> Result<std::vector<T>> {
      std::vector<T> out;
      tx.each<T>(sql, [&](T value) { out.push_back(std::move(value)); });
      return out;
    });
  }
  std::int64_t number(const std::string& sql) { return column<std::int64_t>(sql).at(0); }

  /// Of everything that was stored.
  std::string hash() {
    std::string all;
    for (const char* sql :
         {"select id || '|' || email || '|' || handle || '|' || name || '|' || bio || '|' || "
          "created_at from accounts order by id",
          "select follower_id || '|' || followee_id || '|' || created_at from follows order by "
          "follower_id, followee_id",
          "select id || '|' || author_id || '|' || body || '|' || like_count || '|' || "
          "comment_count || '|' || created_at from posts order by id",
          "select id || '|' || post_id || '|' || author_id || '|' || body from comments order by "
          "id",
          "select post_id || '|' || account_id || '|' || created_at from post_likes order by "
          "post_id, account_id",
          "select type || '|' || aggregate || '|' || payload || '|' || created_at from outbox "
          "order by seq"})
      for (const std::string& row : column<std::string>(sql)) all += row + "\n";
    return to_hex(sha256(all));
  }

 private:
  std::filesystem::path folder_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<objects::DiskStore> objects_;
};

TEST(Seed, TheSameSeedGivesTheSameTown) {
  TestStore one;
  TestStore other;
  TestStore another;
  one.fill(1);
  other.fill(1);
  another.fill(2);
  EXPECT_EQ(one.hash(), other.hash());
  EXPECT_NE(one.hash(), another.hash());
}

TEST(Seed, EveryCounterEqualsItsRows) {
  TestStore store;
  const Summary made = store.fill(7);
  const auto miscounts =
      store.db().read_blocking([](db::Transaction& tx) -> Result<std::vector<social::Miscount>> {
        return social::find_miscounts(tx, 10);
      });
  ASSERT_TRUE(miscounts);
  EXPECT_TRUE(miscounts->empty());
  EXPECT_EQ(store.number("select count(*) from accounts"), std::int64_t(made.people));
  EXPECT_EQ(store.number("select count(*) from follows"), std::int64_t(made.follows));
  EXPECT_EQ(store.number("select count(*) from posts"), std::int64_t(made.posts));
  EXPECT_EQ(store.number("select count(*) from comments"), std::int64_t(made.comments));
  EXPECT_EQ(store.number("select count(*) from post_likes"), std::int64_t(made.likes));
  EXPECT_GT(store.number("select sum(like_count) from posts"), 0);
}

TEST(Seed, RefusesAStoreWithAccounts) {
  TestStore store;
  store.fill(1);
  const std::string before = store.hash();
  EXPECT_THROW(store.fill(2), std::runtime_error);
  EXPECT_EQ(store.hash(), before);
}

TEST(Seed, RefusesWhatNoTownIs) {
  EXPECT_THROW(plan_town({.people = 3, .seed = 1, .drawings = 20, .now = now}), std::runtime_error);
  EXPECT_THROW(plan_town({.people = 1'000'000, .seed = 1, .drawings = 20, .now = now}),
               std::runtime_error);
  EXPECT_THROW(plan_town({.people = 300, .seed = 1, .drawings = 20, .now = id_epoch}),
               std::runtime_error);
}

TEST(Seed, AYoungEpochIsEnoughForATown) {
  const Time early = id_epoch + std::chrono::days(2);
  const Town town = plan_town({.people = 100, .seed = 1, .drawings = 20, .now = early});
  const TownIds ids = assign_ids(town, early);
  for (const Person& person : town.people) EXPECT_GT(person.joined, id_epoch);
  for (const Id id : ids.posts) EXPECT_LT(id, first_id_at(early));
}

TEST(Seed, IdsAreInOrderOfTimeAndInThePast) {
  const Town town = plan_town({.people = 200, .seed = 3, .drawings = 20, .now = now});
  const TownIds ids = assign_ids(town, now);
  std::set<Id> all(ids.people.begin(), ids.people.end());
  all.insert(ids.posts.begin(), ids.posts.end());
  all.insert(ids.comments.begin(), ids.comments.end());
  all.insert(ids.pictures.begin(), ids.pictures.end());
  EXPECT_EQ(all.size(),
            ids.people.size() + ids.posts.size() + ids.comments.size() + ids.pictures.size());
  EXPECT_LT(*all.rbegin(), first_id_at(now));
  EXPECT_TRUE(std::ranges::is_sorted(ids.posts));
  EXPECT_TRUE(std::ranges::is_sorted(ids.comments));
  for (PostIndex i = 0; i < ids.posts.size(); ++i) {
    EXPECT_LE(id_time(ids.posts[i]), town.posts[i].at + std::chrono::milliseconds(1));
    EXPECT_GE(id_time(ids.posts[i]), town.posts[i].at - std::chrono::milliseconds(1));
  }
}

TEST(Seed, NothingHappensBeforeItsCause) {
  const Town town = plan_town({.people = 300, .seed = 5, .drawings = 20, .now = now});
  const auto joined = [&](PersonIndex person) { return town.people[person].joined; };
  for (const Follow& follow : town.follows) {
    EXPECT_NE(follow.follower, follow.followee);
    EXPECT_GE(follow.at, std::max(joined(follow.follower), joined(follow.followee)));
    EXPECT_LT(follow.at, now);
  }
  for (const Post& post : town.posts) {
    EXPECT_GT(post.at, joined(post.author));
    EXPECT_LT(post.at, now);
  }
  for (const Comment& comment : town.comments) {
    EXPECT_GT(comment.at, town.posts[comment.post].at);
    EXPECT_GT(comment.at, joined(comment.author));
    EXPECT_LT(comment.at, now);
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
    EXPECT_LT(like.at, now);
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

TEST(Seed, EveryTextIsOneThatTheApiAccepts) {
  const Town town = plan_town({.people = 1000, .seed = 11, .drawings = 20, .now = now});
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

TEST(Seed, EveryTemplateCanBeFilledInEverySeason) {
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

TEST(Seed, ParticlesFitTheWordBeforeThem) {
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

TEST(Seed, AFewAreFollowedByManyAndMostByFew) {
  const Town town = plan_town({.people = 300, .seed = 1, .drawings = 20, .now = now});
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

TEST(Seed, WhoeverLooksAroundFindsALivingTown) {
  TestStore store;
  store.fill(1, 300);
  const std::string week = std::to_string(to_micros(now - std::chrono::days(7)));
  const std::string me = "(select id from accounts where handle = 'demo')";
  EXPECT_GE(store.number("select count(*) from follows where follower_id = " + me +
                         " and created_at < " + week),
            40);
  EXPECT_GE(store.number("select count(*) from follows where followee_id = " + me), 8);
  EXPECT_GE(store.number("select count(*) from posts where author_id = " + me), 5);
  const auto events = store.number("select count(*) from outbox");
  EXPECT_GE(events, 5);
  EXPECT_LE(events, 30);
  EXPECT_GE(store.number("select count(*) from posts p join follows f on f.followee_id = "
                         "p.author_id where f.follower_id = " +
                         me + " and p.created_at > " + week),
            60);
}

std::vector<media::Row> media_rows(TestStore& store) {
  std::vector<media::Row> out;
  for (const Id id : store.column<Id>("select id from media order by id"))
    out.push_back(
        *store.db()
             .read_blocking([&](db::Transaction& tx) -> Result<std::optional<media::Row>> {
               return media::find(tx, id);
             })
             .value());
  return out;
}

/// One test for all that hangs on pictures: drawing them is what takes the time.
TEST(Seed, PicturesAreLikeUploadedOnes) {
  TestStore store;
  const Summary made = store.fill(1, min_people, scene_count);
  const auto rows = media_rows(store);
  ASSERT_EQ(rows.size(), made.pictures);
  ASSERT_GT(rows.size(), min_people);
  std::size_t files = 0;
  std::set<std::string> tokens;
  for (const media::Row& row : rows) {
    EXPECT_EQ(row.state, media::RowState::ready);
    ASSERT_TRUE(row.user);
    EXPECT_TRUE(tokens.insert(row.token).second);
    const bool avatar = row.purpose == media::Purpose::avatar;
    EXPECT_EQ(row.variants.size(), avatar ? 4u : 6u);
    const auto original = store.objects().get(media::original_key(row), 1 << 24);
    ASSERT_TRUE(original);
    EXPECT_EQ(original->bytes.size(), static_cast<std::size_t>(row.bytes));
    EXPECT_EQ(original->info.content_type, row.content_type);
    for (const media::StoredVariant& variant : row.variants) {
      const auto object = store.objects().get(media::variant_key(row, variant.file), 1 << 24);
      ASSERT_TRUE(object) << variant.file;
      EXPECT_EQ(object->info.content_type, variant.content_type);
      const auto format = imaging::sniff(object->bytes);
      ASSERT_TRUE(format);
      EXPECT_EQ(imaging::content_type(*format), variant.content_type);
      EXPECT_LE(variant.width, avatar ? 256 : 1280);
    }
    files += row.variants.size() + 1;
  }
  EXPECT_EQ(store.files(), files);
  EXPECT_EQ(store.number("select count(*) from media m where purpose = 1 and exists (select 1 "
                         "from accounts a where a.id = m.user_id and a.id = m.owner_id and "
                         "a.avatar_id = m.id and a.avatar_url like '/media/' || m.id || '-%.jpg')"),
            store.number("select count(*) from media where purpose = 1"));
  EXPECT_EQ(store.number("select count(*) from media m where purpose = 0 and exists (select 1 "
                         "from post_media p join posts q on q.id = p.post_id where p.media_id = "
                         "m.id and p.post_id = m.user_id and q.author_id = m.owner_id)"),
            store.number("select count(*) from media where purpose = 0"));
}

TEST(Seed, ADrawingIsTheSameEveryTime) {
  for (const Kind kind : {Kind::avatar, Kind::patchwork}) {
    const Drawing drawing{kind, Season::autumn, Light::day, 42};
    Drawing other = drawing;
    other.seed = 43;
    const auto png = draw(drawing).to_png();
    EXPECT_EQ(imaging::sniff(png), imaging::Format::png);
    EXPECT_LE(png.size(), imaging::max_encoded);
    EXPECT_EQ(png, draw(drawing).to_png());
    EXPECT_NE(png, draw(other).to_png());
  }
}

TEST(Seed, ShapesCoverWhatTheyShould) {
  Canvas canvas(40, 40);
  canvas.paint(solid(rgb(0x000000)));
  // Half a pixel to the right and below: edges are halves, the inside is whole, twice is once.
  canvas.fill(Path().rect(10.5, 10.5, 10, 10).circle(15, 15, 2), rgb(0xffffff));
  canvas.fill(Path().rect(-30, 35, 200, 200), rgb(0xffffff));  // beyond the borders
  const auto png = canvas.to_png();
  const std::size_t lines =
      8 + 25 + 8 + 2 + 5;  // signature, IHDR, IDAT's head, zlib's, the block's
  const auto red = [&](std::size_t x, std::size_t y) {
    return static_cast<int>(png[lines + y * (40 * 3 + 1) + 1 + x * 3]);
  };
  EXPECT_EQ(red(15, 15), 255);
  EXPECT_EQ(red(10, 15), 128);
  EXPECT_EQ(red(20, 15), 128);
  EXPECT_EQ(red(10, 10), 64);
  EXPECT_EQ(red(9, 15), 0);
  EXPECT_EQ(red(21, 15), 0);
  EXPECT_EQ(red(0, 36), 255);
  EXPECT_EQ(red(39, 39), 255);
  EXPECT_EQ(red(39, 34), 0);
}

}  // namespace
}  // namespace madang::app::seed
