// Pictures made here: good ones, odd ones, and ones that lie.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vips/vips8>

#include "base/encoding.hpp"
#include "platform/imaging/image_answer.hpp"
#include "platform/imaging/image_job.hpp"

namespace madang::imaging {

using namespace std::chrono_literals;
using vips::VImage;

class NoProgress final : public workers::Progress {
 public:
  void report(double, std::string_view) override {}
};

inline Bytes saved(const VImage& image, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  image.write_to_buffer(suffix, &data, &size);
  const auto* bytes = static_cast<const std::byte*>(data);
  Bytes out(bytes, bytes + size);
  g_free(data);
  return out;
}

inline VImage plain(int width, int height, std::vector<double> colour) {
  return (VImage::black(width, height) + colour)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

/// The same colours written in a wider space, whose profile goes with them.
inline VImage display_p3(const VImage& image) {
  return image.icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
}

/// Left half red, right half blue.
inline VImage two_halves(int width, int height) {
  if (width < 2) return plain(width, height, {230, 20, 20});
  return plain(width / 2, height, {230, 20, 20})
      .join(plain(width - width / 2, height, {20, 20, 230}), VIPS_DIRECTION_HORIZONTAL);
}

inline Bytes jpeg(int width, int height) {
  return saved(two_halves(width, height), ".jpg");
}
inline Bytes png(int width, int height) {
  return saved(two_halves(width, height), ".png");
}
inline Bytes webp(int width, int height) {
  return saved(two_halves(width, height), ".webp");
}

inline void put(Bytes& out, std::string_view text) {
  const auto view = as_bytes(text);
  out.insert(out.end(), view.begin(), view.end());
}

inline void put_big_endian(std::string& out, std::uint32_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

constexpr std::string_view gps_marker = "37N33.99 GPS MARKER";

inline void put_entry(std::string& out, std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                      std::uint32_t value) {
  put_big_endian(out, tag, 2);
  put_big_endian(out, type, 2);
  put_big_endian(out, count, 4);
  put_big_endian(out, value, 4);
}

/// An EXIF segment with an orientation and a GPS directory (date stamp: the marker).
inline std::string exif_segment(std::uint32_t orientation) {
  std::string tiff("MM\0\x2a", 4);
  put_big_endian(tiff, 8, 4);  // where the first directory is
  put_big_endian(tiff, 2, 2);
  put_entry(tiff, 0x0112, 3, 1, orientation << 16);
  put_entry(tiff, 0x8825, 4, 1, 38);  // where the GPS directory is
  put_big_endian(tiff, 0, 4);
  put_big_endian(tiff, 1, 2);
  put_entry(tiff, 0x001d, 2, static_cast<std::uint32_t>(gps_marker.size()), 56);
  put_big_endian(tiff, 0, 4);
  tiff += gps_marker;
  std::string out("\xff\xe1", 2);
  put_big_endian(out, static_cast<std::uint32_t>(tiff.size() + 8), 2);
  return out + std::string("Exif\0\0", 6) + tiff;
}

/// A JPEG with these segments after its first marker.
inline Bytes with_segments(const Bytes& image, std::string_view segments) {
  Bytes out(image.begin(), image.begin() + 2);
  put(out, segments);
  out.insert(out.end(), image.begin() + 2, image.end());
  return out;
}

inline std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

inline std::string png_chunk(std::string_view type, std::string_view data) {
  std::string out;
  put_big_endian(out, static_cast<std::uint32_t>(data.size()), 4);
  const std::string body = std::string(type) + std::string(data);
  const std::uint32_t crc = crc32(body);
  out += body;
  put_big_endian(out, crc, 4);
  return out;
}

inline std::string png_header(std::uint32_t width, std::uint32_t height, int bits) {
  std::string data;
  put_big_endian(data, width, 4);
  put_big_endian(data, height, 4);
  data += static_cast<char>(bits);
  data += std::string("\0\0\0\0", 4);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", data);
}

/// 110 KB that decode to very many pixels of one bit.
inline Bytes png_bomb(int width, int height) {
  return saved(VImage::black(width, height), ".png[bitdepth=1,compression=9]");
}

inline Bytes png_claiming(std::uint32_t width, std::uint32_t height) {
  Bytes out;
  put(out, png_header(width, height, 8) + png_chunk("IDAT", "not much") + png_chunk("IEND", ""));
  return out;
}

inline Bytes jpeg_claiming(std::uint32_t width, std::uint32_t height) {
  Bytes out = jpeg(64, 64);
  std::string size;
  put_big_endian(size, height, 2);
  put_big_endian(size, width, 2);
  for (std::size_t i = 2; i + 9 < out.size(); ++i) {
    if (out[i] != std::byte{0xff} ||
        (out[i + 1] != std::byte{0xc0} && out[i + 1] != std::byte{0xc2}))
      continue;
    std::ranges::copy(as_bytes(size), out.begin() + static_cast<std::ptrdiff_t>(i) + 5);
    return out;
  }
  ADD_FAILURE() << "no frame header";
  return out;
}

class ImageJob : public testing::Test {
 protected:
  static Result<ProcessedImage> process(const Bytes& original, Shape shape = Shape::widths) {
    NoProgress progress;
    auto answer = process_image(make_request(shape, original), progress);
    if (!answer) return fail(std::move(answer.error()));
    auto parsed = parse_answer(*answer);
    if (!parsed) return fail(Kind::internal, "unreadable_answer");
    return std::move(*parsed);
  }
  static std::string code(const Bytes& original) {
    const auto result = process(original);
    return result ? "ok" : std::string(result.error().code);
  }
  static VImage decoded(const Variant& variant) {
    return VImage::new_from_buffer(variant.bytes.data(), variant.bytes.size(), "");
  }
  /// Where in the picture, 0 to 1: its colour.
  static std::vector<double> colour_at(const VImage& image, double x, double y) {
    return image.getpoint(static_cast<int>(x * (image.width() - 1)),
                          static_cast<int>(y * (image.height() - 1)));
  }
  static void expect_red(const std::vector<double>& colour) {
    EXPECT_GT(colour.at(0), 180);
    EXPECT_LT(colour.at(2), 80);
  }
  static void expect_blue(const std::vector<double>& colour) {
    EXPECT_LT(colour.at(0), 80);
    EXPECT_GT(colour.at(2), 180);
  }
  static std::string sizes(const ProcessedImage& image) {
    std::string out;
    for (const Variant& v : image.variants)
      out += v.name + (v.format == Format::webp ? "w " : "j ") + std::to_string(v.width) + "x" +
             std::to_string(v.height) + "; ";
    return out;
  }
};

}  // namespace madang::imaging
