// The only file that sees libvips.
#include "platform/imaging/image_job.hpp"

#include <vips/vips8>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

#include "platform/imaging/image_answer.hpp"
#include "platform/imaging/webp_container.hpp"

namespace madang::imaging {

namespace {

using vips::VImage;

constexpr int post_widths[] = {2048, 1280, 640, 320};
constexpr int avatar_sides[] = {256, 96};
constexpr int webp_quality = 80;
constexpr int webp_effort = 2;  // 4: 5% smaller for 60% more time, which people wait for
constexpr int jpeg_quality = 82;

std::unexpected<Problem> not_an_image() {
  return fail(Kind::invalid, "not_an_image", "This is not a JPEG, PNG or WebP picture.");
}

std::unexpected<Problem> too_large() {
  return fail(Kind::invalid, "too_large",
              "A picture may have 50 megapixels, 12,000 a side, and 10 MB.");
}

std::unexpected<Problem> damaged() {
  return fail(Kind::invalid, "damaged", "The picture is damaged or incomplete.");
}

struct Blob {
  explicit Blob(BytesView bytes)
      : held(vips_blob_new(nullptr, bytes.data(), bytes.size())) {}  // borrowed, not copied
  ~Blob() { vips_area_unref(VIPS_AREA(held)); }
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;
  VipsBlob* held;
};

/// The header only: vips decodes when pixels are asked for.
VImage open_header(Format format, VipsBlob* blob) {
  auto* options = VImage::option()->set("access", VIPS_ACCESS_SEQUENTIAL);
  switch (format) {
    case Format::jpeg:
      return VImage::jpegload_buffer(blob, options);
    case Format::png:
      return VImage::pngload_buffer(blob, options);
    case Format::webp:
      return VImage::webpload_buffer(blob, options);
  }
  throw std::logic_error("format");
}

struct Header {
  int width = 0;  // upright
  int height = 0;
  bool has_profile = false;
};

Result<Header> read_header(Format format, VipsBlob* blob) {
  try {
    VImage image = open_header(format, blob);
    const std::int64_t pixels = std::int64_t(image.width()) * image.height();
    if (pixels > max_pixels || image.width() > max_side || image.height() > max_side)
      return too_large();
    const int orientation = vips_image_get_orientation(image.get_image());
    const bool has_profile = image.get_typeof(VIPS_META_ICC_NAME) != 0;
    if (orientation >= 5) return Header{image.height(), image.width(), has_profile};
    return Header{image.width(), image.height(), has_profile};
  } catch (const vips::VError&) {
    return damaged();
  }
}

/// All of it: the savers' `strip` alone leaves EXIF, XMP and profiles in WebP (libvips 8.14, which
/// also adds an EXIF of its own: without_metadata).
void forget_metadata(VImage& image) {
  gchar** fields = vips_image_get_fields(image.get_image());
  for (gchar** field = fields; *field != nullptr; ++field)
    vips_image_remove(image.get_image(), *field);  // what is no metadata stays
  g_strfreev(fields);
}

/// Decoded no larger than `width` by `height`, upright, in 8-bit sRGB, in memory. Alpha stays.
VImage decode(VipsBlob* blob, int width, int height, VipsInteresting crop, bool has_profile) {
  // As a loader's option: thumbnail's own fail_on is ignored for buffers (libvips 8.14).
  auto* options = VImage::option()
                      ->set("option_string", "[fail_on=truncated]")
                      ->set("height", height)
                      ->set("size", VIPS_SIZE_DOWN)
                      ->set("crop", crop);
  // Without a profile it is sRGB already, and an export would shift its colours.
  if (has_profile) options->set("export_profile", "srgb");
  VImage image = VImage::thumbnail_buffer(blob, width, options);
  if (image.interpretation() != VIPS_INTERPRETATION_sRGB)
    image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (image.format() != VIPS_FORMAT_UCHAR) image = image.cast(VIPS_FORMAT_UCHAR);
  // Decoding streams: a picture that is read twice must be held.
  image = image.copy_memory();
  forget_metadata(image);
  return image;
}

VImage shrink(const VImage& image, int width, int height) {
  VImage out = image.thumbnail_image(
      width, VImage::option()->set("height", height)->set("size", VIPS_SIZE_DOWN));
  return out.copy_memory();
}

VImage flatten(const VImage& image) {
  if (!image.has_alpha()) return image;
  const std::vector<double> white{255, 255, 255};
  return image.flatten(VImage::option()->set("background", white));
}

Bytes take_bytes(VipsBlob* blob) {
  const auto* data = static_cast<const std::byte*>(VIPS_AREA(blob)->data);
  Bytes out(data, data + VIPS_AREA(blob)->length);
  vips_area_unref(VIPS_AREA(blob));
  return out;
}

void encode(const VImage& image, const std::string& name, std::vector<Variant>& into) {
  VipsBlob* webp = image.webpsave_buffer(
      VImage::option()->set("Q", webp_quality)->set("effort", webp_effort)->set("strip", true));
  into.push_back(
      {name, Format::webp, image.width(), image.height(), without_metadata(take_bytes(webp))});
  VipsBlob* jpeg = flatten(image).jpegsave_buffer(VImage::option()
                                                      ->set("Q", jpeg_quality)
                                                      ->set("interlace", true)
                                                      ->set("optimize_coding", true)
                                                      ->set("strip", true));
  into.push_back({name, Format::jpeg, image.width(), image.height(), take_bytes(jpeg)});
}

std::uint32_t average_colour(const VImage& image) {
  const VImage opaque = flatten(image);
  std::uint32_t out = 0;
  for (int band = 0; band < 3; ++band) {
    const double mean = opaque.extract_band(std::min(band, opaque.bands() - 1)).avg();
    out = out << 8 | static_cast<std::uint32_t>(std::clamp(mean, 0.0, 255.0));
  }
  return out;
}

/// Largest first; each smaller one is made from the one before, which is already decoded and small.
void make_variants(VipsBlob* blob, Shape shape, const Header& header, ProcessedImage& out,
                   workers::Progress& progress) {
  const bool square = shape == Shape::square;
  const std::span<const int> sizes =
      square ? std::span<const int>(avatar_sides) : std::span<const int>(post_widths);
  const int own = square ? std::min(header.width, header.height) : header.width;
  const int first = std::min(own, sizes.front());
  VImage image =
      decode(blob, first, square ? first : max_side,
             square ? VIPS_INTERESTING_CENTRE : VIPS_INTERESTING_NONE, header.has_profile);
  progress.report(0.5, "decoded");
  const std::string prefix = square ? "s" : "w";
  encode(image, prefix + std::to_string(first), out.variants);
  for (const int size : sizes) {
    if (size >= first) continue;
    image = shrink(image, size, square ? size : max_side);
    encode(image, prefix + std::to_string(size), out.variants);
    progress.report(0.5 + 0.5 * (1 - static_cast<double>(size) / first), "variants");
  }
  out.colour = average_colour(image);  // the smallest will do
}

}  // namespace

void prepare_imaging() {
  ::setenv("VIPS_WARNING", "0", 1);  // damaged files would write thousands of lines
  if (VIPS_INIT("madang worker") != 0) throw std::runtime_error("libvips cannot be started");
  vips_block_untrusted_set(TRUE);
  vips_concurrency_set(1);
  vips_cache_set_max(0);
}

Result<Bytes> process_image(BytesView request, workers::Progress& progress) {
  const auto parsed = parse_request(request);
  if (!parsed) return not_an_image();
  const auto [shape, original] = *parsed;
  const auto format = sniff(original);
  if (!format) return not_an_image();
  if (original.size() > max_encoded) return too_large();
  const Blob blob(original);
  const auto header = read_header(*format, blob.held);
  if (!header) return fail(header.error());
  ProcessedImage out{.format = *format,
                     .width = header->width,
                     .height = header->height,
                     .colour = 0,
                     .variants = {}};
  try {
    make_variants(blob.held, shape, *header, out, progress);
  } catch (const vips::VError&) {
    vips_error_clear();
    return damaged();
  }
  return make_answer(out);
}

}  // namespace madang::imaging
