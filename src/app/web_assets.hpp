#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace madang::app {

// One file of the page, as it lies inside the binary. web/embed.mjs generates the table.
struct WebAsset {
  std::string_view path;          // absolute, e.g. "/index.html", "/assets/page-Bx3kQ1aZ.js"
  std::string_view content_type;  // ready for the header, with charset where it is text
  std::string_view etag;          // hash of the identity bytes, without quotes
  bool immutable;                 // the name holds a content hash: may be cached for ever
  std::span<const std::byte> identity;
  std::span<const std::byte> gzip;    // empty unless smaller than identity
  std::span<const std::byte> brotli;  // empty unless smaller than identity
};

// Sorted by path (byte order), so that a lookup may be binary. Lives as long as the program.
std::span<const WebAsset> web_assets();

}  // namespace madang::app
