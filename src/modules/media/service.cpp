#include "modules/media/service.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "platform/log/log.hpp"

namespace madang::media {

namespace {

auto not_found() {
  return fail(Kind::not_found, "not_found", "There is no such picture.");
}

/// host[:port] as a Host header may have it.
bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  });
}

/// What `complete` says of a refused picture. `damaged` is told as what it means: no usable image.
std::unexpected<Problem> refusal(const Row& row) {
  if (row.reason == "too_large")
    return fail(Kind::invalid, "too_large",
                "A picture may have 50 megapixels, 12,000 a side, and 10 MB.");
  if (row.reason == "damaged")
    return fail(Kind::invalid, "not_an_image", "The picture is damaged or incomplete.");
  return fail(Kind::invalid, "not_an_image",
              "This is not the JPEG, PNG or WebP picture that was announced.");
}

}  // namespace

Service::Service(ServiceOptions options, db::Database& db, IdGenerator& ids, const Clock& clock,
                 Random& random, objects::ObjectStore& store, runtime::Bulkhead& files,
                 Processor& processor)
    : options_(std::move(options)),
      db_(db),
      ids_(ids),
      clock_(clock),
      random_(random),
      store_(store),
      files_(files),
      processor_(processor) {}

Result<Row> Service::check(const OpenUpload& in, Id id, Id owner) const {
  const std::string& type = in.content_type.value;
  if (type != "image/jpeg" && type != "image/png" && type != "image/webp")
    return invalid_field("content_type", "unsupported",
                         "must be image/jpeg, image/png or image/webp");
  if (in.bytes.value > options_.max_bytes)
    return invalid_field("bytes", "too_large", fmt::format("at most {}", options_.max_bytes));
  Row row;
  row.id = id;
  row.owner = owner;
  row.purpose = in.purpose;
  row.content_type = type;
  row.bytes = in.bytes.value;
  row.token = to_hex(random_.bytes<16>());
  return row;
}

std::string Service::origin(const http::Call& call) const {
  if (!options_.public_url.empty())
    return options_.public_url.substr(0, options_.public_url.find_last_not_of('/') + 1);
  const std::string_view host = call.request.header("host");
  return "http://" + std::string(is_host(host) ? host : std::string_view("localhost"));
}

Task<Result<Ticket>> Service::open(http::Call& call, OpenUpload in) {
  const Result<Id> id = ids_.next();
  if (!id) co_return std::unexpected(id.error());
  const Result<Row> row = check(in, *id, call.account());
  if (!row) co_return std::unexpected(row.error());
  auto grant = store_.presign_put({.key = incoming_key(*row),
                                   .content_type = row->content_type,
                                   .length = static_cast<std::uint64_t>(row->bytes),
                                   .lifetime = options_.grant_life,
                                   .origin = origin(call)});
  if (!grant) co_return std::unexpected(std::move(grant.error()));
  const Ticket ticket{*id, {"PUT", grant->url, {grant->headers}, grant->expires_at}};
  const auto body = [&](db::Transaction& tx) -> Result<Ticket> {
    const OpenCounts counts = count_open(tx, row->owner);
    if (counts.uploading >= options_.max_uploading || counts.unused >= options_.max_unused)
      return fail({.kind = Kind::too_many,
                   .code = "too_many_uploads",
                   .detail = "Finish or use the pictures you have begun to upload first.",
                   .retry_after = std::chrono::seconds(60)});
    insert(tx, *row, clock_.now());
    return ticket;
  };
  Result<Ticket> done = co_await call.write(db_, body);
  co_return done;
}

Task<Result<Row>> Service::find_own(Deadline deadline, Id id, Id owner) {
  const auto body = [id, owner](db::Transaction& tx) -> Result<Row> {
    auto row = find(tx, id);
    if (!row || row->owner != owner) return not_found();
    return std::move(*row);
  };
  Result<Row> row = co_await db_.read_latest(deadline, body);
  co_return row;
}

/// waiting -> processing, when the bytes are there.
Task<Result<void>> Service::begin(http::Call& call, const Row& row) {
  const std::string key = incoming_key(row);
  const auto look = [&]() -> Result<objects::ObjectInfo> {
    return store_.head(key, call.deadline());
  };
  const Result<objects::ObjectInfo> info = co_await files_.run(call.deadline(), look);
  if (!info && info.error().code == "no_such_object")
    co_return fail(Kind::invalid, "not_uploaded", "Nothing was uploaded yet.");
  if (!info) co_return std::unexpected(info.error());
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    begin_processing(tx, row.id, clock_.now());  // or another call has: the same to us
    return {};
  };
  Result<void> begun = co_await db_.write(call.deadline(), body);
  co_return begun;
}

Task<Result<MediaState>> Service::complete(http::Call& call) {
  Result<Row> row = co_await find_own(call.deadline(), call.id(), call.account());
  if (!row) co_return std::unexpected(std::move(row.error()));
  if (row->state == RowState::waiting) {
    const Result<void> begun = co_await begin(call, *row);
    if (!begun) co_return std::unexpected(begun.error());
  }
  if (row->state == RowState::waiting || row->state == RowState::processing) {
    const auto executor = co_await asio::this_coro::executor;
    const auto notice = processor_.enqueue_with_notice(row->id, executor);
    co_await notice->wait(options_.moment);
    row = co_await find_own(call.deadline(), call.id(), call.account());
    if (!row) co_return std::unexpected(std::move(row.error()));
  }
  if (row->state == RowState::refused) co_return refusal(*row);
  if (row->state == RowState::processing) call.status = 202;
  co_return describe(*row, origin(call));
}

Task<Result<MediaState>> Service::get(http::Call& call) {
  const Id id = call.id();
  const auto body = [id](db::Transaction& tx) -> Result<std::optional<Row>> {
    return find(tx, id);
  };
  const Result<std::optional<Row>> row = co_await db_.read_latest(call.deadline(), body);
  if (!row) co_return std::unexpected(row.error());
  const bool shown = *row && (*row)->user && is_public((*row)->purpose);
  if (!*row || (!shown && (*row)->owner != call.account())) co_return not_found();
  co_return describe(**row, origin(call));
}

Result<MediaState> Service::describe(const Row& row, const std::string& origin) const {
  MediaState out;
  out.id = row.id;
  switch (row.state) {
    case RowState::waiting:
      out.state = State::waiting;
      return out;
    case RowState::processing:
      out.state = State::processing;
      return out;
    case RowState::refused:
      out.state = State::refused;
      out.reason = row.reason;
      return out;
    case RowState::released:
      return not_found();
    case RowState::ready:
      break;
  }
  out.state = State::ready;
  View view = view_of(row);
  out.colour = fmt::format("#{:06x}", row.colour);
  if (!is_public(row.purpose)) {
    for (std::size_t i = 0; i < view.variants.size(); ++i) {
      auto url = store_.presign_get({.key = variant_key(row, row.variants[i].file),
                                     .lifetime = options_.private_life,
                                     .origin = origin});
      if (!url) return fail(std::move(url.error()));
      if (view.variants[i].url == view.url) view.url = *url;
      view.variants[i].url = std::move(*url);
    }
  }
  out.url = std::move(view.url);
  out.width = view.width;
  out.height = view.height;
  out.variants = std::move(view.variants);
  return out;
}

Task<Result<objects::Object>> Service::read_variant(Deadline deadline, std::string folder,
                                                    std::string file) {
  const std::string key = "media/" + folder + "/" + file;
  const auto read = [&]() -> Result<objects::Object> {
    return store_.get(key, 32u << 20, deadline);
  };
  Result<objects::Object> object = co_await files_.run(deadline, read);
  const bool absent = !object && (object.error().code == "no_such_object" ||
                                  object.error().code == "bad_object_key");
  if (absent) co_return not_found();
  co_return object;
}

void Service::sweep() {
  const Time now = clock_.now();
  processor_.take_up(now - std::chrono::minutes(2));
  (void)db_.write_blocking(
      [&](db::Transaction& tx) -> Result<std::int64_t> {
        return release_unused(tx, now - options_.unused_life, now, 200);
      },
      db::Lane::background);
  remove_released();
  // What was uploaded after its row had gone.
  if (auto swept = store_.sweep("incoming", now - options_.unused_life, 1000); !swept)
    log::warn("media", "sweep_failed", {{"detail", std::string_view(swept.error().detail)}});
}

/// Objects first: a crash in between leaves the row, which brings us back.
void Service::remove_released() {
  const auto rows = db_.read_blocking(
      [](db::Transaction& tx) -> Result<std::vector<Row>> { return released(tx, 200); });
  if (!rows) return;
  for (const Row& row : *rows) {
    if (auto removed = remove_objects(store_, row); !removed) {
      log::warn("media", "sweep_failed", {{"detail", std::string_view(removed.error().detail)}});
      return;
    }
  }
  (void)db_.write_blocking(
      [&](db::Transaction& tx) -> Result<void> {
        for (const Row& row : *rows) remove(tx, row.id);
        return {};
      },
      db::Lane::background);
}

}  // namespace madang::media
