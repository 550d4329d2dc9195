#include "modules/media/storage.hpp"

#include <fmt/format.h>

namespace madang::media {

namespace {

constexpr std::string_view columns =
    "id, owner_id, purpose, content_type, bytes, token, state, reason, attempts, user_id, colour, "
    "variants";

template <class Visit, class... A>
void each_row(db::Transaction& tx, const std::string& where, Visit visit, const A&... arguments) {
  tx.each<Id, Id, Purpose, std::string, std::int64_t, std::string, RowState,
          std::optional<std::string>, int, std::optional<Id>, std::int64_t, std::string>(
      "select " + std::string(columns) + " from media where " + where,
      [&](Id id, Id owner, Purpose purpose, std::string type, std::int64_t bytes, std::string token,
          RowState state, std::optional<std::string> reason, int attempts, std::optional<Id> user,
          std::int64_t colour, std::string variants) {
        Row row{id,       owner,
                purpose,  std::move(type),
                bytes,    std::move(token),
                state,    std::move(reason),
                attempts, user,
                colour,   {}};
        if (auto read = json::from_json<std::vector<StoredVariant>>(variants))
          row.variants = std::move(*read);
        visit(std::move(row));
      },
      arguments...);
}

std::string folder(const Row& row) {
  return fmt::format("{}-{}", row.id, row.token);
}

}  // namespace

bool is_public(Purpose purpose) {
  switch (purpose) {
    case Purpose::post:
    case Purpose::avatar:
    case Purpose::poster:
      return true;
    case Purpose::closet:
    case Purpose::selfie:
    case Purpose::chat:
      return false;
  }
  return false;
}

std::string incoming_key(const Row& row) {
  return "incoming/" + folder(row);
}
std::string original_key(const Row& row) {
  return "originals/" + folder(row);
}

std::string variant_key(const Row& row, std::string_view file) {
  return fmt::format("{}/{}/{}", is_public(row.purpose) ? "media" : "private", folder(row), file);
}

std::string variant_url(const Row& row, std::string_view file) {
  return fmt::format("/media/{}/{}", folder(row), file);
}

const StoredVariant* main_variant(const Row& row) {
  for (const StoredVariant& variant : row.variants)
    if (variant.content_type == "image/jpeg") return &variant;
  return row.variants.empty() ? nullptr : &row.variants.front();
}

View view_of(const Row& row) {
  View view;
  view.id = row.id;
  for (const StoredVariant& variant : row.variants)
    view.variants.push_back(
        {variant_url(row, variant.file), variant.width, variant.height, variant.content_type});
  if (const StoredVariant* shown = main_variant(row)) {
    view.url = variant_url(row, shown->file);
    view.width = shown->width;
    view.height = shown->height;
  }
  return view;
}

void insert(db::Transaction& tx, const Row& row, Time now) {
  tx.execute(
      "insert into media (id, owner_id, purpose, content_type, bytes, token, state, attempts, "
      "colour, variants, created_at, updated_at) values (?, ?, ?, ?, ?, ?, 0, 0, 0, '[]', ?, ?)",
      row.id, row.owner, row.purpose, row.content_type, row.bytes, row.token, now, now);
}

std::optional<Row> find(db::Transaction& tx, Id id) {
  std::optional<Row> out;
  each_row(tx, "id = ? and state <> 4", [&](Row row) { out = std::move(row); }, id);
  return out;
}

OpenCounts count_open(db::Transaction& tx, Id owner) {
  const auto counts = tx.row<std::optional<std::int64_t>, std::int64_t>(
      "select sum(state in (0, 1)), count(*) from media where owner_id = ? and state in (0, 1, 2, "
      "3) "
      "and user_id is null",
      owner);
  return counts ? OpenCounts{std::get<0>(*counts).value_or(0), std::get<1>(*counts)} : OpenCounts{};
}

bool begin_processing(db::Transaction& tx, Id id, Time now) {
  return tx.execute("update media set state = 1, updated_at = ? where id = ? and state = 0", now,
                    id) == 1;
}

std::optional<Row> attempt(db::Transaction& tx, Id id, Time now) {
  const auto changed = tx.execute(
      "update media set attempts = attempts + 1, updated_at = ? where id = ? and state = 1", now,
      id);
  return changed == 1 ? find(tx, id) : std::nullopt;
}

void give_back_attempt(db::Transaction& tx, Id id) {
  tx.execute("update media set attempts = attempts - 1 where id = ? and state = 1 and attempts > 0",
             id);
}

bool make_ready(db::Transaction& tx, const Row& row, Time now) {
  return tx.execute(
             "update media set state = 2, colour = ?, variants = ?, updated_at = ? where id = ? "
             "and "
             "state = 1",
             row.colour, json::to_json(row.variants), now, row.id) == 1;
}

bool refuse(db::Transaction& tx, Id id, std::string_view reason, Time now) {
  return tx.execute(
             "update media set state = 3, reason = ?, updated_at = ? where id = ? and state = 1",
             reason, now, id) == 1;
}

std::vector<Id> stale_processing(db::Transaction& tx, Time before, std::int64_t limit) {
  std::vector<Id> out;
  tx.each<Id>(
      "select id from media where state = 1 and updated_at < ? order by updated_at limit ?",
      [&](Id id) { out.push_back(id); }, before, limit);
  return out;
}

std::int64_t release_unused(db::Transaction& tx, Time before, Time now, std::int64_t limit) {
  return tx.execute(
      "update media set state = 4, updated_at = ? where state in (0, 2, 3) and user_id is null and "
      "created_at < ? limit ?",
      now, before, limit);
}

std::vector<Row> released(db::Transaction& tx, std::int64_t limit) {
  std::vector<Row> out;
  each_row(
      tx, "state = 4 order by updated_at limit ?", [&](Row row) { out.push_back(std::move(row)); },
      limit);
  return out;
}

void remove(db::Transaction& tx, Id id) {
  tx.execute("delete from media where id = ? and state = 4", id);
}

// What other modules may ask (media.hpp).

namespace {

Result<void> why_not_claimed(db::Transaction& tx, Id owner, std::span<const Id> ids) {
  std::int64_t own = 0;
  tx.each<Id>(
      "select id from media where id in (?*) and owner_id = ? and state <> 4", [&](Id) { ++own; },
      db::IdList{ids}, owner);
  if (own < static_cast<std::int64_t>(ids.size()))
    return fail(Kind::invalid, "media_not_yours", "There is no such picture of yours.");
  return fail(Kind::invalid, "media_not_ready",
              "A picture is not ready yet, was refused, has another purpose, or is used already.");
}

}  // namespace

Result<void> claim(db::Transaction& tx, Id owner, std::span<const Id> ids, Purpose purpose, Id user,
                   Time now) {
  if (ids.empty()) return {};
  const std::int64_t claimed = tx.execute(
      "update media set user_id = ?, updated_at = ? where id in (?*) and owner_id = ? and "
      "purpose = ? and state = 2 and (user_id is null or user_id = ?)",
      user, now, db::IdList{ids}, owner, purpose, user);
  if (claimed == static_cast<std::int64_t>(ids.size())) return {};
  return why_not_claimed(tx, owner, ids);
}

void release(db::Transaction& tx, Id user, Time now) {
  tx.execute("update media set state = 4, user_id = null, updated_at = ? where user_id = ?", now,
             user);
}

void release_others(db::Transaction& tx, Id user, Id keep, Time now) {
  tx.execute(
      "update media set state = 4, user_id = null, updated_at = ? where user_id = ? and id <> ?",
      now, user, keep);
}

std::map<Id, View> views(db::Transaction& tx, std::span<const Id> ids) {
  std::map<Id, View> out;
  each_row(
      tx, "id in (?*) and +state = 2 and purpose in (0, 1, 4)",
      [&](Row row) { out.emplace(row.id, view_of(row)); }, db::IdList{ids});
  return out;
}

bool erase(db::Transaction& tx, Id owner, std::int64_t limit, Time now) {
  tx.execute(
      "update media set state = 4, user_id = null, updated_at = ? where owner_id = ? and state <> "
      "4 limit ?",
      now, owner, limit);
  return !tx.value<int>("select 1 from media where owner_id = ? limit 1", owner);
}

}  // namespace madang::media
