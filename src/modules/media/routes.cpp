#include "modules/media/routes.hpp"

#include "base/encoding.hpp"
#include "platform/http/problem.hpp"

namespace madang::media {

using http::Access;
using http::Call;
using http::Method;

void Routes::mount(http::Api& api) {
  api.add({Method::post,
           "/api/v1/media",
           Access::user,
           "Begin an upload",
           {.status = 201, .tag = "media"}},
          *this, &Routes::open);
  // Repeatable by itself: no answer needs to be kept under an Idempotency-Key.
  api.add({Method::post,
           "/api/v1/media/{id}/complete",
           Access::user,
           "The upload is done",
           {.tag = "media", .idempotent_by_key = false, .also = {202, 422}}},
          *this, &Routes::complete);
  api.add({Method::get, "/api/v1/media/{id}", Access::user, "A picture's state", {.tag = "media"}},
          *this, &Routes::get);
  api.add_raw({Method::get,
               "/media/{folder}/{file}",
               Access::open,
               "A picture",
               {.tag = "media", .rate = "none", .hidden = true}},
              [this](Call& call) { return serve(call); });
}

Task<Result<Ticket>> Routes::open(Call& call, OpenUpload in) {
  Result<Ticket> ticket = co_await service_.open(call, std::move(in));
  call.headers.emplace_back("Cache-Control", "no-store");
  co_return ticket;
}

Task<Result<MediaState>> Routes::complete(Call& call) {
  Result<MediaState> state = co_await service_.complete(call);
  co_return state;
}

Task<Result<MediaState>> Routes::get(Call& call) {
  Result<MediaState> state = co_await service_.get(call);
  call.headers.emplace_back("Cache-Control", "private, no-store");
  co_return state;
}

namespace {

std::string_view served_type(std::string_view type) {
  if (type == "image/webp") return "image/webp";
  if (type == "image/jpeg") return "image/jpeg";
  return "application/octet-stream";
}

}  // namespace

/// Names are never used twice for other bytes, so what was seen once need not be asked for again.
Task<http::Response> Routes::serve(Call& call) {
  const Result<objects::Object> object = co_await service_.read_variant(
      call.deadline(), call.parameters.texts.at(0), call.parameters.texts.at(1));
  if (!object) co_return http::problem_response(object.error(), call.request.request_id);
  const std::string etag = "\"" + object->info.etag + "\"";
  http::Response response{.status = 200, .content_type = served_type(object->info.content_type)};
  response.with("ETag", etag)
      .with("Cache-Control", "public, max-age=31536000, immutable")
      .with("X-Content-Type-Options", "nosniff")
      .with("Content-Security-Policy", "sandbox; default-src 'none'")
      .with("Cross-Origin-Resource-Policy", "cross-origin");
  if (call.request.header("if-none-match") == etag) {
    response.status = 304;
    response.content_type = {};
    co_return response;
  }
  response.body = std::string(as_text(object->bytes));
  co_return response;
}

}  // namespace madang::media
