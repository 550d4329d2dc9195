// What other modules may ask of media: pictures that are ready, and whose they are.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/db/sql.hpp"

namespace madang::media {

enum class Purpose { post, avatar, closet, selfie, poster, chat };
BOOST_DESCRIBE_ENUM(Purpose, post, avatar, closet, selfie, poster, chat)

/// One size of a picture.
struct Variant {
  std::string url;
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
  std::string content_type;
};
BOOST_DESCRIBE_STRUCT(Variant, (), (url, width, height, content_type))

/// A picture as it is shown.
struct View {
  Id id = 0;
  std::string url;  // the largest JPEG
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<Variant> variants;
};
BOOST_DESCRIBE_STRUCT(View, (), (id, url, width, height, variants))

/// Marks the pictures as used by `user` (a post, an account), each once. They must be the owner's
/// own, ready, of that purpose and not used elsewhere; otherwise nothing is changed. Errors:
/// media_not_ready, media_not_yours (also for unknown ids).
Result<void> claim(db::Transaction& tx, Id owner, std::span<const Id> ids, Purpose purpose, Id user,
                   Time now);

/// What was claimed for `user` is no longer needed: removed with its objects by the sweeper.
void release(db::Transaction& tx, Id user, Time now);

/// As release(), of all but one: the picture that takes the others' place was claimed before.
void release_others(db::Transaction& tx, Id user, Id keep, Time now);

/// The views of those that are ready and shown by public URLs; one statement.
std::map<Id, View> views(db::Transaction& tx, std::span<const Id> ids);

/// Removes what is left of a withdrawn account, at most `limit` rows; whether nothing is left.
bool erase(db::Transaction& tx, Id owner, std::int64_t limit, Time now);

}  // namespace madang::media
