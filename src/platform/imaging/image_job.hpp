// Pictures in, variants out. The server makes requests and reads answers; `process_image` itself
// runs in a worker process only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/workers/worker_main.hpp"
#include "platform/workers/worker_pool.hpp"

namespace madang::imaging {

using workers::Bytes;
using workers::BytesView;

/// The worker function's name.
inline constexpr std::string_view image_function = "image";

inline constexpr std::size_t max_encoded = 10u << 20;  // bytes
inline constexpr std::int64_t max_pixels = 50'000'000;
inline constexpr int max_side = 12'000;  // pixels

enum class Format : std::uint8_t { jpeg, png, webp };
/// By the first bytes; nothing for anything else.
std::optional<Format> sniff(BytesView bytes);
std::string_view content_type(Format format);

/// Which variants to make.
enum class Shape : std::uint8_t {
  widths,  // 320, 640, 1280, 2048 pixels wide and the picture's own if narrower, never upscaled
  square,  // 96 and 256 pixels, the middle cut out; smaller when the picture is
};

struct Variant {
  std::string name;  // w640, s96
  Format format = Format::webp;
  int width = 0;
  int height = 0;
  Bytes bytes;
};

struct ProcessedImage {
  Format format = Format::jpeg;  // of the original
  int width = 0;                 // of the original, upright
  int height = 0;
  std::uint32_t colour = 0;       // its average, 0xRRGGBB: a placeholder while it loads
  std::vector<Variant> variants;  // widest first; of each size WebP, then JPEG
};

Bytes make_request(Shape shape, BytesView original);
/// What a worker answered; nothing when it makes no sense (a worker's word is not trusted).
std::optional<ProcessedImage> parse_answer(BytesView answer);

/// What a picture may cost: 50 megapixels decoded once, and the copies on the way down.
workers::Limits image_limits();

/// Worker side. Errors: `not_an_image`, `too_large`, `damaged`, all `invalid`.
Result<Bytes> process_image(BytesView request, workers::Progress& progress);
/// Worker side, once before close_doors(): loads libvips with what is untrusted blocked. Throws.
void prepare_imaging();

}  // namespace madang::imaging
