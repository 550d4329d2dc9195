#include "app/seed/seed.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>

#include "app/seed/gallery.hpp"
#include "app/seed/ids.hpp"
#include "modules/identity/storage.hpp"
#include "modules/media/storage.hpp"
#include "modules/social/events.hpp"
#include "modules/social/storage.hpp"
#include "platform/events/outbox.hpp"

namespace madang::app::seed {

namespace {

constexpr std::size_t chunk_size = 250;
constexpr PersonIndex demo = 0;
constexpr auto news_age = std::chrono::days(8);
constexpr std::size_t most_news = 60;

void check(const Result<void>& done) {
  if (!done) throw std::runtime_error("the store refused: " + done.error().detail);
}

/// Calls store(tx, index) -> Result<void> for each, in transactions of a few milliseconds.
template <class Each>
void in_chunks(db::Database& db, std::size_t count, Each store) {
  for (std::size_t first = 0; first < count; first += chunk_size) {
    const std::size_t last = std::min(count, first + chunk_size);
    check(db.write_blocking(
        [&](db::Transaction& tx) -> Result<void> {
          for (std::size_t i = first; i < last; ++i)
            if (auto stored = store(tx, i); !stored) return stored;
          return {};
        },
        db::Lane::background));
  }
}

class Mover {
 public:
  Mover(db::Database& db, const Town& town, const TownIds& ids, std::vector<media::Row> rows,
        const std::string& password_hash)
      : db_(db), town_(town), ids_(ids), rows_(std::move(rows)), password_hash_(password_hash) {
    for (std::size_t i = 0; i < town.pictures.size(); ++i)
      if (town.pictures[i].post) shown_[*town.pictures[i].post].push_back(ids.pictures[i]);
  }

  void move_in() {
    in_chunks(db_, town_.people.size(), [&](auto& tx, auto i) { return account(tx, i); });
    in_chunks(db_, town_.follows.size(), [&](auto& tx, auto i) { return follow(tx, i); });
    in_chunks(db_, rows_.size(), [&](auto& tx, auto i) { return picture(tx, i); });
    in_chunks(db_, town_.posts.size(), [&](auto& tx, auto i) { return post(tx, i); });
    in_chunks(db_, town_.comments.size(), [&](auto& tx, auto i) { return comment(tx, i); });
    in_chunks(db_, town_.likes.size(), [&](auto& tx, auto i) { return like(tx, i); });
  }

 private:
  Result<void> account(db::Transaction& tx, std::size_t i) {
    const Person& person = town_.people[i];
    const Id id = ids_.people[i];
    // In an empty store nobody has withdrawn: the address's hash is compared with nothing.
    auto inserted = identity::insert_account(
        tx, {id, person.email, person.handle, person.name, password_hash_, false}, {},
        person.joined);
    if (!inserted) return inserted;
    social::insert_profile(tx, id);
    if (person.bio.empty()) return {};
    identity::Me me;
    me.id = id;
    me.handle = person.handle;
    me.name = person.name;
    me.bio = person.bio;
    return identity::update_profile(tx, me, person.joined);
  }

  Result<void> follow(db::Transaction& tx, std::size_t i) {
    const Follow& edge = town_.follows[i];
    social::insert_follow(tx, ids_.people[edge.follower], ids_.people[edge.followee], edge.at);
    return {};
  }

  Result<void> picture(db::Transaction& tx, std::size_t i) {
    const Picture& picture = town_.pictures[i];
    const media::Row& row = rows_[i];
    media::insert(tx, row, picture.at);
    media::begin_processing(tx, row.id, picture.at);
    media::make_ready(tx, row, picture.at);
    if (picture.post) return {};
    auto claimed =
        media::claim(tx, row.owner, std::span(&row.id, 1), row.purpose, row.owner, picture.at);
    if (claimed) identity::set_avatar(tx, row.owner, row.id, media::view_of(row).url);
    return claimed;
  }

  Result<void> post(db::Transaction& tx, std::size_t i) {
    const Post& post = town_.posts[i];
    social::PostRow row;
    row.id = ids_.posts[i];
    row.author = ids_.people[post.author];
    row.text = post.text;
    row.created_at = post.at;
    const auto shown = shown_.find(i);
    if (shown == shown_.end()) {
      social::insert_post(tx, row, {});
      return {};
    }
    social::insert_post(tx, row, shown->second);
    return media::claim(tx, row.author, shown->second, media::Purpose::post, row.id, post.at);
  }

  Result<void> comment(db::Transaction& tx, std::size_t i) {
    const Comment& comment = town_.comments[i];
    social::CommentRow row;
    row.id = ids_.comments[i];
    row.post = ids_.posts[comment.post];
    row.author = ids_.people[comment.author];
    row.text = comment.text;
    row.created_at = comment.at;
    social::insert_comment(tx, row);
    return {};
  }

  Result<void> like(db::Transaction& tx, std::size_t i) {
    const Like& like = town_.likes[i];
    social::insert_like(tx, ids_.posts[like.post], ids_.people[like.account], like.at);
    return {};
  }

  db::Database& db_;
  const Town& town_;
  const TownIds& ids_;
  const std::vector<media::Row> rows_;  // by picture
  const std::string& password_hash_;
  std::map<PostIndex, std::vector<Id>> shown_;
};

/// Something that happened to the demo account, as an index into the town's follows, comments or
/// likes.
struct News {
  enum class Kind { follow, comment, like };
  Time at{};
  Kind kind = Kind::follow;
  std::size_t index = 0;
};

std::vector<News> recent_news(const Town& town, Time now) {
  std::vector<News> out;
  const auto mine = [&](PostIndex post) { return town.posts[post].author == demo; };
  for (std::size_t i = 0; i < town.follows.size(); ++i)
    if (town.follows[i].followee == demo)
      out.push_back({town.follows[i].at, News::Kind::follow, i});
  for (std::size_t i = 0; i < town.comments.size(); ++i)
    if (mine(town.comments[i].post) && town.comments[i].author != demo)
      out.push_back({town.comments[i].at, News::Kind::comment, i});
  for (std::size_t i = 0; i < town.likes.size(); ++i)
    if (mine(town.likes[i].post)) out.push_back({town.likes[i].at, News::Kind::like, i});
  std::erase_if(out, [&](const News& news) { return news.at < now - news_age; });
  std::ranges::sort(out, {}, &News::at);
  if (out.size() > most_news) out.erase(out.begin(), out.end() - most_news);
  return out;
}

/// Only this little of the history goes through the event log: subscribers that keep a position
/// begin at its start, and turn it into the demo account's notifications.
void append_news(db::Database& db, const Town& town, const TownIds& ids, Time now) {
  const std::vector<News> news = recent_news(town, now);
  ManualClock clock(now);
  events::Outbox outbox(clock);
  const Id me = ids.people[demo];
  in_chunks(db, news.size(), [&](db::Transaction& tx, std::size_t i) -> Result<void> {
    const std::size_t index = news[i].index;
    clock.set(news[i].at);
    switch (news[i].kind) {
      case News::Kind::follow: {
        const Id follower = ids.people[town.follows[index].follower];
        outbox.append(tx, social::account_followed, follower, social::FollowEvent{1, follower, me});
        break;
      }
      case News::Kind::comment: {
        const Comment& comment = town.comments[index];
        outbox.append(tx, social::comment_created, ids.posts[comment.post],
                      social::CommentEvent{1, ids.posts[comment.post], me, ids.comments[index],
                                           ids.people[comment.author]});
        break;
      }
      case News::Kind::like: {
        const Like& like = town.likes[index];
        outbox.append(tx, social::post_liked, ids.posts[like.post],
                      social::LikeEvent{1, ids.posts[like.post], me, ids.people[like.account]});
        break;
      }
    }
    return {};
  });
}

void refuse_inhabited(db::Database& db) {
  // Also accounts that have withdrawn: no function of identity's tells of them.
  const auto found = db.read_blocking([](db::Transaction& tx) -> Result<bool> {
    return tx.value<int>("select 1 from accounts limit 1").has_value();
  });
  if (!found) throw std::runtime_error(found.error().detail);
  if (*found)
    throw std::runtime_error(
        "this store has accounts already; a town can only be founded in an empty one");
}

}  // namespace

Summary fill_store(db::Database& db, objects::ObjectStore& objects, const TownOptions& options,
                   const std::string& password_hash) {
  refuse_inhabited(db);
  const Town town = plan_town(options);
  const TownIds ids = assign_ids(town, options.now);
  // Objects first: what breaks off leaves files that nobody names, never rows without their files.
  auto rows = store_pictures(objects, town, ids.pictures, ids.people);
  Mover(db, town, ids, std::move(rows), password_hash).move_in();
  append_news(db, town, ids, options.now);
  return {town.people.size(),   town.follows.size(), town.posts.size(),
          town.comments.size(), town.likes.size(),   town.pictures.size()};
}

}  // namespace madang::app::seed
