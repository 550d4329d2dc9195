#include "app/pages.hpp"

#include <algorithm>

namespace madang::app {

namespace {

// Swagger UI carries its icons as data: URLs. Its styles are set by script, which needs no leave.
constexpr std::string_view docs_policy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'";

const WebAsset* find(std::span<const WebAsset> assets, std::string_view path) {
  const auto found = std::ranges::lower_bound(assets, path, {}, &WebAsset::path);
  return found != assets.end() && found->path == path ? &*found : nullptr;
}

const WebAsset* choose(std::span<const WebAsset> assets, std::string_view path) {
  if (const WebAsset* asset = find(assets, path)) return asset;
  if (path == "/docs" || path == "/docs/") return find(assets, "/docs/index.html");
  // A name with a dot is a file that is not there; everything else is a place inside the page.
  const std::string_view last = path.substr(path.rfind('/') + 1);
  return last.find('.') == last.npos || last.starts_with('@') ? find(assets, "/index.html")
                                                              : nullptr;
}

/// Whether the header names the coding and does not forbid it.
bool accepts(std::string_view header, std::string_view coding) {
  for (std::size_t at = header.find(coding); at != header.npos; at = header.find(coding, at + 1)) {
    const std::string_view rest = header.substr(at + coding.size());
    const std::string_view parameters = rest.substr(0, rest.find(','));
    const bool whole = at == 0 || header[at - 1] == ' ' || header[at - 1] == ',';
    if (whole && parameters.find("q=0") == parameters.npos) return true;
    if (whole && parameters.find("q=0.") != parameters.npos) return true;
  }
  return false;
}

}  // namespace

std::string page_policy(std::string_view object_origin) {
  const std::string also = object_origin.empty() ? "" : " " + std::string(object_origin);
  return "default-src 'self'; connect-src 'self'" + also + "; img-src 'self' blob: data:" + also +
         "; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
}

std::optional<http::Response> serve_page(const http::Request& request,
                                         std::span<const WebAsset> assets, bool https,
                                         const std::string& policy) {
  const WebAsset* asset = choose(assets, request.path);
  if (asset == nullptr) return {};
  http::Response response{.content_type = asset->content_type};
  const std::string etag = "\"" + std::string(asset->etag) + "\"";
  response.with("ETag", etag);
  response.with("Cache-Control",
                asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  response.with("X-Content-Type-Options", "nosniff");
  response.with("Vary", "Accept-Encoding");
  if (asset->content_type.starts_with("text/html")) {
    const bool docs = asset->path.starts_with("/docs/");
    response.with("Content-Security-Policy", docs ? std::string(docs_policy) : policy);
    response.with("Referrer-Policy", "same-origin");
    if (https) response.with("Cross-Origin-Opener-Policy", "same-origin");
    response.with("Permissions-Policy", "geolocation=(), microphone=(), payment=()");
  }
  if (request.header("if-none-match").find(etag) != std::string_view::npos) {
    response.status = 304;
    response.content_type = {};
    return response;
  }
  const std::string_view encodings = request.header("accept-encoding");
  if (!asset->brotli.empty() && accepts(encodings, "br")) {
    response.with("Content-Encoding", "br");
    response.body = asset->brotli;
  } else if (!asset->gzip.empty() && accepts(encodings, "gzip")) {
    response.with("Content-Encoding", "gzip");
    response.body = asset->gzip;
  } else {
    response.body = asset->identity;
  }
  return response;
}

}  // namespace madang::app
