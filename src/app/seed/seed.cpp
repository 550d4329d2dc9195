#include "app/seed/seed.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>

#include "app/seed/gallery.hpp"
#include "app/seed/ids.hpp"
#include "app/seed/progress.hpp"
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

/// A founding that may go on where an earlier one was interrupted.
class Works {
 public:
  Works(db::Database& db, Progress progress) : db_(db), progress_(std::move(progress)) {}

  const TownOptions& options() const { return progress_.options; }
  bool is_past(Stage stage) const { return progress_.stage > stage; }

  /// Calls store(tx, index) -> Result<void> for each of the stage's items that are not stored yet,
  /// in transactions of a few milliseconds that note how far they are.
  template <class Each>
  void in_chunks(Stage stage, std::size_t count, Each store) {
    if (is_past(stage)) return;
    while (progress_.done < count) {
      const std::size_t last = std::min(count, progress_.done + chunk_size);
      write([&](db::Transaction& tx) -> Result<void> {
        for (std::size_t i = progress_.done; i < last; ++i)
          if (auto stored = store(tx, i); !stored) return stored;
        set_progress(tx, progress_, stage, last);
        return {};
      });
      progress_.done = last;
    }
    const auto next = static_cast<Stage>(static_cast<std::int64_t>(stage) + 1);
    write([&](db::Transaction& tx) -> Result<void> {
      set_progress(tx, progress_, next, 0);
      return {};
    });
    progress_.stage = next;
    progress_.done = 0;
  }

  void finish() {
    write([](db::Transaction& tx) -> Result<void> {
      end_progress(tx);
      return {};
    });
  }

 private:
  template <class Body>
  void write(Body body) {
    check(db_.write_blocking(body, db::Lane::background));
  }

  db::Database& db_;
  Progress progress_;
};

class Mover {
 public:
  Mover(Works& works, const Town& town, const TownIds& ids, std::vector<media::Row> rows,
        const std::string& password_hash)
      : works_(works),
        town_(town),
        ids_(ids),
        rows_(std::move(rows)),
        password_hash_(password_hash) {
    for (std::size_t i = 0; i < town.pictures.size(); ++i)
      if (town.pictures[i].post) shown_[*town.pictures[i].post].push_back(ids.pictures[i]);
  }

  void move_in() {
    const auto in_chunks = [this](Stage stage, std::size_t count, auto store) {
      works_.in_chunks(stage, count, [&](auto& tx, auto i) { return (this->*store)(tx, i); });
    };
    in_chunks(Stage::people, town_.people.size(), &Mover::account);
    in_chunks(Stage::follows, town_.follows.size(), &Mover::follow);
    in_chunks(Stage::pictures, town_.pictures.size(), &Mover::picture);
    in_chunks(Stage::posts, town_.posts.size(), &Mover::post);
    in_chunks(Stage::comments, town_.comments.size(), &Mover::comment);
    in_chunks(Stage::likes, town_.likes.size(), &Mover::like);
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

  Works& works_;
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
void append_news(Works& works, const Town& town, const TownIds& ids) {
  const Time now = works.options().now;
  const std::vector<News> news = recent_news(town, now);
  ManualClock clock(now);
  events::Outbox outbox(clock);
  const Id me = ids.people[demo];
  const auto append = [&](db::Transaction& tx, std::size_t i) -> Result<void> {
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
  };
  works.in_chunks(Stage::news, news.size(), append);
}

/// What was begun here goes on as it was planned; otherwise these options are written down first.
Progress begin(db::Database& db, const TownOptions& options) {
  const auto begun = db.write_blocking([&](db::Transaction& tx) -> Result<Progress> {
    if (auto found = find_progress(tx)) return std::move(*found);
    if (!begin_progress(tx, options))
      return fail(madang::Kind::conflict, "inhabited",
                  "this store has accounts already; a town can only be founded in an empty one");
    return Progress{.options = options};
  });
  if (begun) return *begun;
  if (begun.error().code == "inhabited") throw Inhabited(begun.error().detail);
  throw std::runtime_error(begun.error().detail);
}

}  // namespace

Summary fill_store(db::Database& db, objects::ObjectStore& objects, const TownOptions& options,
                   const std::string& password_hash) {
  const auto begun = db.read_blocking(
      [](db::Transaction& tx) -> Result<std::optional<Progress>> { return find_progress(tx); });
  // Planned before anything is written: it refuses what cannot be.
  const Town town = plan_town(begun && *begun ? (*begun)->options : options);
  Works works(db, begin(db, options));
  const TownIds ids = assign_ids(town, works.options().now);
  // Objects first: what breaks off leaves files that nobody names, never rows without their files.
  // Drawn again they have the same names.
  std::vector<media::Row> rows;
  if (!works.is_past(Stage::pictures))
    rows = store_pictures(objects, town, ids.pictures, ids.people);
  Mover(works, town, ids, std::move(rows), password_hash).move_in();
  append_news(works, town, ids);
  works.finish();
  return {town.people.size(),   town.follows.size(), town.posts.size(),
          town.comments.size(), town.likes.size(),   town.pictures.size()};
}

}  // namespace madang::app::seed
