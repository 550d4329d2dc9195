// Media's SQL (only its own table), and the names of its objects.
#pragma once

#include "modules/media/types.hpp"
#include "platform/imaging/image_job.hpp"

namespace madang::media {

enum class RowState : int { waiting = 0, processing = 1, ready = 2, refused = 3, released = 4 };

/// A variant as the row keeps it.
struct StoredVariant {
  std::string file;  // w640.webp
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::string content_type;
};
BOOST_DESCRIBE_STRUCT(StoredVariant, (), (file, width, height, content_type))

struct Row {
  Id id = 0;
  Id owner = 0;
  Purpose purpose = Purpose::post;
  std::string content_type;
  std::int64_t bytes = 0;
  std::string token;  // 128 random bits in hex: nobody guesses the name of an object
  RowState state = RowState::waiting;
  std::optional<std::string> reason;
  int attempts = 0;
  std::optional<Id> user;
  std::int64_t colour = 0;
  std::vector<StoredVariant> variants;  // largest first
};

/// Whether anyone with the URL may see pictures of that purpose; the others have signed URLs.
bool is_public(Purpose purpose);

std::string incoming_key(const Row& row);
std::string original_key(const Row& row);
std::string variant_key(const Row& row, std::string_view file);
/// The path a public variant is served at.
std::string variant_url(const Row& row, std::string_view file);
/// The largest JPEG; nothing when there are no variants.
const StoredVariant* main_variant(const Row& row);
/// As it is shown by public URLs.
View view_of(const Row& row);

void insert(db::Transaction& tx, const Row& row, Time now);
std::optional<Row> find(db::Transaction& tx, Id id);

struct OpenCounts {
  std::int64_t uploading = 0;  // waiting or processing
  std::int64_t unused = 0;     // of any state, not used by anything
};
OpenCounts count_open(db::Transaction& tx, Id owner);

/// waiting -> processing. False when it was not waiting.
bool begin_processing(db::Transaction& tx, Id id, Time now);
/// Counts one more try of a picture being processed, and returns it; nothing when it is not.
std::optional<Row> attempt(db::Transaction& tx, Id id, Time now);
/// That try was none of the picture's fault.
void give_back_attempt(db::Transaction& tx, Id id);
/// processing -> ready. False when it was not being processed.
bool make_ready(db::Transaction& tx, const Row& row, Time now);
/// processing -> refused.
bool refuse(db::Transaction& tx, Id id, std::string_view reason, Time now);
/// Being processed, and last touched before `before`.
std::vector<Id> stale_processing(db::Transaction& tx, Time before, std::int64_t limit);

/// Releases what was opened before `before` and is neither used nor being processed; how many.
std::int64_t release_unused(db::Transaction& tx, Time before, Time now, std::int64_t limit);
std::vector<Row> released(db::Transaction& tx, std::int64_t limit);
void remove(db::Transaction& tx, Id id);

}  // namespace madang::media
