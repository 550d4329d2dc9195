#include "platform/imaging/image_job.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <vips/vips8>

#include "../../../tests/support/uninstrumented_libraries.hpp"
#include "base/encoding.hpp"
#include "platform/imaging/image_answer.hpp"

namespace madang::imaging {
namespace {

using namespace std::chrono_literals;
using vips::VImage;

class NoProgress final : public workers::Progress {
 public:
  void report(double, std::string_view) override {}
};

// Pictures made here: good ones, odd ones, and ones that lie.

Bytes saved(const VImage& image, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  image.write_to_buffer(suffix, &data, &size);
  const auto* bytes = static_cast<const std::byte*>(data);
  Bytes out(bytes, bytes + size);
  g_free(data);
  return out;
}

VImage plain(int width, int height, std::vector<double> colour) {
  return (VImage::black(width, height) + colour)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

/// The same colours written in a wider space, whose profile goes with them.
VImage display_p3(const VImage& image) {
  return image.icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
}

/// Left half red, right half blue.
VImage two_halves(int width, int height) {
  if (width < 2) return plain(width, height, {230, 20, 20});
  return plain(width / 2, height, {230, 20, 20})
      .join(plain(width - width / 2, height, {20, 20, 230}), VIPS_DIRECTION_HORIZONTAL);
}

Bytes jpeg(int width, int height) {
  return saved(two_halves(width, height), ".jpg");
}
Bytes png(int width, int height) {
  return saved(two_halves(width, height), ".png");
}
Bytes webp(int width, int height) {
  return saved(two_halves(width, height), ".webp");
}

void put(Bytes& out, std::string_view text) {
  const auto view = as_bytes(text);
  out.insert(out.end(), view.begin(), view.end());
}

void put_big_endian(std::string& out, std::uint32_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

constexpr std::string_view gps_marker = "37N33.99 GPS MARKER";

void put_entry(std::string& out, std::uint32_t tag, std::uint32_t type, std::uint32_t count,
               std::uint32_t value) {
  put_big_endian(out, tag, 2);
  put_big_endian(out, type, 2);
  put_big_endian(out, count, 4);
  put_big_endian(out, value, 4);
}

/// An EXIF segment with an orientation and a GPS directory (date stamp: the marker).
std::string exif_segment(std::uint32_t orientation) {
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
Bytes with_segments(const Bytes& image, std::string_view segments) {
  Bytes out(image.begin(), image.begin() + 2);
  put(out, segments);
  out.insert(out.end(), image.begin() + 2, image.end());
  return out;
}

std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

std::string png_chunk(std::string_view type, std::string_view data) {
  std::string out;
  put_big_endian(out, static_cast<std::uint32_t>(data.size()), 4);
  const std::string body = std::string(type) + std::string(data);
  const std::uint32_t crc = crc32(body);
  out += body;
  put_big_endian(out, crc, 4);
  return out;
}

std::string png_header(std::uint32_t width, std::uint32_t height, int bits) {
  std::string data;
  put_big_endian(data, width, 4);
  put_big_endian(data, height, 4);
  data += static_cast<char>(bits);
  data += std::string("\0\0\0\0", 4);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", data);
}

/// 110 KB that decode to very many pixels of one bit.
Bytes png_bomb(int width, int height) {
  return saved(VImage::black(width, height), ".png[bitdepth=1,compression=9]");
}

Bytes png_claiming(std::uint32_t width, std::uint32_t height) {
  Bytes out;
  put(out, png_header(width, height, 8) + png_chunk("IDAT", "not much") + png_chunk("IEND", ""));
  return out;
}

Bytes jpeg_claiming(std::uint32_t width, std::uint32_t height) {
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

TEST_F(ImageJob, MakesEveryWidthInBothFormats) {
  for (const Bytes& original : {jpeg(3000, 1500), png(3000, 1500), webp(3000, 1500)}) {
    const auto image = process(original);
    ASSERT_TRUE(image) << image.error().code;
    EXPECT_EQ(image->width, 3000);
    EXPECT_EQ(image->height, 1500);
    EXPECT_EQ(sizes(*image),
              "w2048w 2048x1024; w2048j 2048x1024; w1280w 1280x640; w1280j 1280x640; "
              "w640w 640x320; w640j 640x320; w320w 320x160; w320j 320x160; ");
    for (const Variant& variant : image->variants) {
      const VImage picture = decoded(variant);
      EXPECT_EQ(picture.width(), variant.width);
      EXPECT_EQ(picture.height(), variant.height);
      expect_red(colour_at(picture, 0.1, 0.5));
      expect_blue(colour_at(picture, 0.9, 0.5));
    }
    EXPECT_NEAR(image->colour >> 16 & 255, 125, 12);
    EXPECT_NEAR(image->colour & 255, 125, 12);
  }
}

TEST_F(ImageJob, NeverEnlarges) {
  EXPECT_EQ(sizes(*process(jpeg(1000, 10))),
            "w1000w 1000x10; w1000j 1000x10; w640w 640x6; w640j 640x6; w320w 320x3; w320j 320x3; ");
  EXPECT_EQ(sizes(*process(png(320, 4))), "w320w 320x4; w320j 320x4; ");
  EXPECT_EQ(sizes(*process(webp(1, 1))), "w1w 1x1; w1j 1x1; ");
  EXPECT_EQ(sizes(*process(jpeg(50, 80), Shape::square)), "s50w 50x50; s50j 50x50; ");
}

TEST_F(ImageJob, ExtremeShapesWork) {
  EXPECT_TRUE(process(jpeg(12'000, 1)));
  EXPECT_TRUE(process(png(1, 12'000)));
  EXPECT_TRUE(process(png(2, 12'000), Shape::square));
  EXPECT_TRUE(process(jpeg(12'000, 4'166)));
}

TEST_F(ImageJob, SquaresAreTheMiddle) {
  const auto image = process(jpeg(900, 300), Shape::square);
  ASSERT_TRUE(image);
  EXPECT_EQ(sizes(*image), "s256w 256x256; s256j 256x256; s96w 96x96; s96j 96x96; ");
  expect_red(colour_at(decoded(image->variants[3]), 0.1, 0.5));
  expect_blue(colour_at(decoded(image->variants[3]), 0.9, 0.5));
}

TEST_F(ImageJob, TurnsUprightAndForgetsWhereItWasTaken) {
  const std::string xmp = "http://ns.adobe.com/xap/1.0/" + std::string(1, '\0') + "<x>" +
                          std::string(gps_marker) + "</x>";
  std::string segments = exif_segment(6);  // the camera was held upright: turn right by 90 degrees
  segments += std::string("\xff\xe1", 2);
  put_big_endian(segments, static_cast<std::uint32_t>(xmp.size() + 2), 2);
  segments += xmp;
  segments += std::string("\xff\xfe", 2);  // a comment
  put_big_endian(segments, static_cast<std::uint32_t>(gps_marker.size() + 2), 2);
  segments += gps_marker;
  const Bytes original = with_segments(jpeg(1000, 500), segments);
  ASSERT_TRUE(as_text(original).contains(gps_marker));
  for (const Shape shape : {Shape::widths, Shape::square}) {
    const auto image = process(original, shape);
    ASSERT_TRUE(image) << image.error().code;
    EXPECT_EQ(image->width, 500);
    EXPECT_EQ(image->height, 1000);
    for (const Variant& variant : image->variants) {
      const std::string_view bytes = as_text(variant.bytes);
      EXPECT_FALSE(bytes.contains(gps_marker.substr(0, 6))) << variant.name;
      EXPECT_FALSE(bytes.contains("Exif") || bytes.contains("EXIF") || bytes.contains("xap"));
      EXPECT_FALSE(bytes.contains("ICC_PROFILE") || bytes.contains("ICCP"));
      expect_red(colour_at(decoded(variant), 0.5, 0.1));
      expect_blue(colour_at(decoded(variant), 0.5, 0.9));
    }
  }
}

TEST_F(ImageJob, AllEightOrientations) {
  for (std::uint32_t orientation = 1; orientation <= 8; ++orientation) {
    const auto image = process(with_segments(jpeg(400, 200), exif_segment(orientation)));
    ASSERT_TRUE(image);
    EXPECT_EQ(image->width, orientation >= 5 ? 200 : 400) << orientation;
    const VImage picture = decoded(image->variants[0]);
    EXPECT_EQ(picture.width(), orientation >= 5 ? 200 : 320 + 80) << orientation;
    const bool red_first =
        orientation == 1 || orientation == 4 || orientation == 5 || orientation == 6;
    const auto first =
        orientation >= 5 ? colour_at(picture, 0.5, 0.1) : colour_at(picture, 0.1, 0.5);
    red_first ? expect_red(first) : expect_blue(first);
  }
}

TEST_F(ImageJob, OddColoursBecomeOrdinaryOnes) {
  const VImage cmyk = plain(400, 200, {0, 255, 255})
                          .bandjoin(VImage::black(400, 200))
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_CMYK));
  const VImage deep = (VImage::black(400, 200) + std::vector<double>{60'000, 4'000, 4'000})
                          .cast(VIPS_FORMAT_USHORT)
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16));
  const VImage wide = display_p3(plain(400, 200, {230, 20, 20}));
  for (const Bytes& original : {saved(cmyk, ".jpg"), saved(deep, ".png"), saved(wide, ".jpg")}) {
    const auto image = process(original);
    ASSERT_TRUE(image) << image.error().code;
    for (const Variant& variant : image->variants) {
      const VImage picture = decoded(variant);
      EXPECT_EQ(picture.bands(), 3);
      EXPECT_EQ(picture.format(), VIPS_FORMAT_UCHAR);
      expect_red(colour_at(picture, 0.5, 0.5));
      EXPECT_FALSE(as_text(variant.bytes).contains("ICC_PROFILE"));
    }
  }
  const Bytes grey =
      saved(plain(400, 200, {90, 90, 90}).colourspace(VIPS_INTERPRETATION_B_W), ".jpg");
  const auto image = process(grey);
  ASSERT_TRUE(image);
  EXPECT_NEAR(colour_at(decoded(image->variants[1]), 0.5, 0.5).at(0), 90, 4);
}

TEST_F(ImageJob, AWideGamutIsConvertedNotReinterpreted) {
  // Display P3's full red, shown as sRGB numbers without conversion, would be a duller red.
  const VImage p3 = display_p3(plain(100, 100, {200, 60, 60}));
  const double stored = p3.getpoint(50, 50).at(0);
  ASSERT_LT(stored, 196) << "the sample is not in another space";
  const auto image = process(saved(p3, ".png"));
  ASSERT_TRUE(image);
  EXPECT_NEAR(colour_at(decoded(image->variants[0]), 0.5, 0.5).at(0), 200, 4);
}

TEST_F(ImageJob, TransparencyStaysInWebpAndIsWhiteInJpeg) {
  const VImage clear = plain(400, 200, {10, 20, 30}).bandjoin(VImage::black(400, 200));
  const auto image = process(saved(clear, ".png"));
  ASSERT_TRUE(image);
  const VImage as_webp = decoded(image->variants[0]), as_jpeg = decoded(image->variants[1]);
  EXPECT_EQ(as_webp.bands(), 4);
  EXPECT_EQ(colour_at(as_webp, 0.5, 0.5).at(3), 0);
  EXPECT_EQ(as_jpeg.bands(), 3);
  for (const double band : colour_at(as_jpeg, 0.5, 0.5)) EXPECT_GT(band, 250);
}

TEST_F(ImageJob, OfAnAnimationTheFirstFrame) {
  const std::vector<VImage> frames{plain(400, 200, {230, 20, 20}), plain(400, 200, {20, 20, 230})};
  VImage strip = VImage::arrayjoin(frames, VImage::option()->set("across", 1)).copy();
  strip.set("page-height", 200);
  const Bytes original = saved(strip, ".webp");
  ASSERT_TRUE(as_text(original).contains("ANMF"));
  const auto image = process(original);
  ASSERT_TRUE(image) << image.error().code;
  EXPECT_EQ(image->height, 200);
  expect_red(colour_at(decoded(image->variants[0]), 0.5, 0.5));
  EXPECT_FALSE(as_text(image->variants[0].bytes).contains("ANMF"));
}

TEST_F(ImageJob, BombsAndLiesAreRefusedByTheirHeaders) {
  EXPECT_EQ(code(png_bomb(30'000, 30'000)), "too_large");
  EXPECT_EQ(code(png_claiming(60'000, 60'000)), "too_large");
  EXPECT_EQ(code(png_claiming(0xffffffff, 0xffffffff)), "damaged");
  EXPECT_EQ(code(png_claiming(12'001, 10)), "too_large");
  EXPECT_EQ(code(png_claiming(10, 12'001)), "too_large");
  EXPECT_EQ(code(png_claiming(10'000, 5'001)), "too_large");
  EXPECT_EQ(code(jpeg_claiming(65'000, 65'000)), "too_large");
  EXPECT_EQ(code(png_claiming(9'000, 5'000)), "damaged") << "within bounds, and nothing behind it";
  // A JPEG that ends properly too early is filled with grey by every decoder.
  EXPECT_EQ(code(jpeg_claiming(9'000, 5'000)), "ok");
  EXPECT_EQ(code(png_claiming(0, 10)), "damaged");
  Bytes padded = jpeg(100, 100);
  padded.resize(max_encoded + 1);
  EXPECT_EQ(code(padded), "too_large");
}

TEST_F(ImageJob, TruncatedPicturesAreDamaged) {
  for (const Bytes& whole : {jpeg(900, 700), png(900, 700), webp(900, 700)}) {
    ASSERT_EQ(code(whole), "ok");
    for (const double part : {0.02, 0.3, 0.6, 0.9}) {
      const auto keep =
          std::max<std::size_t>(20, static_cast<std::size_t>(double(whole.size()) * part));
      EXPECT_EQ(code(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(keep))),
                "damaged")
          << int(whole[0]) << " " << part;
    }
  }
}

TEST_F(ImageJob, OtherFilesAreNoImages) {
  Bytes svg, html, empty, junk(5000, std::byte{0x5a}), gif, almost;
  put(svg, "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
  put(html, "<!doctype html><script>alert(1)</script>");
  put(gif, "GIF89a");
  gif.resize(100);
  put(almost, "RIFF....WEBP");
  for (const Bytes& file : {svg, html, empty, junk, gif, almost})
    EXPECT_EQ(code(file), "not_an_image");
  Bytes named_so;
  put(named_so, "\xff\xd8\xff and then nothing like it");
  EXPECT_EQ(code(named_so), "damaged");
}

TEST_F(ImageJob, WhatHangsOnAPolyglotIsNotServed) {
  Bytes polyglot = jpeg(400, 300);
  put(polyglot, "<script>alert('still here')</script>");
  const auto image = process(polyglot);
  ASSERT_TRUE(image);
  for (const Variant& variant : image->variants)
    EXPECT_FALSE(as_text(variant.bytes).contains("script"));
}

TEST_F(ImageJob, NoDamageAnywhereInAFileBreaksIt) {
  for (const Bytes& whole : {jpeg(300, 200), png(300, 200), webp(300, 200)}) {
    for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 150) {
      Bytes changed = whole;
      changed[at] ^= std::byte{0xff};
      const std::string outcome = code(changed);
      EXPECT_TRUE(outcome == "ok" || outcome == "damaged" || outcome == "not_an_image" ||
                  outcome == "too_large")
          << outcome << " at " << at;
    }
  }
}

TEST_F(ImageJob, AnswersOfAWorkerAreChecked) {
  const ProcessedImage good{.format = Format::jpeg,
                            .width = 10,
                            .height = 10,
                            .colour = 1,
                            .variants = {{"w10", Format::webp, 10, 10, webp(10, 10)}}};
  const Bytes answer = make_answer(good);
  ASSERT_TRUE(parse_answer(answer));
  for (std::size_t cut = 0; cut < answer.size(); ++cut)
    EXPECT_FALSE(parse_answer(BytesView(answer).first(cut)));
  ProcessedImage bad = good;
  bad.variants[0].name = "../x";
  EXPECT_FALSE(parse_answer(make_answer(bad)));
  bad = good;
  bad.variants[0].width = -1;
  EXPECT_FALSE(parse_answer(make_answer(bad)));
  bad = good;
  put(bad.variants[0].bytes = {}, "<script>");
  EXPECT_FALSE(parse_answer(make_answer(bad)));
  bad = good;
  bad.variants.clear();
  EXPECT_FALSE(parse_answer(make_answer(bad)));
}

TEST_F(ImageJob, RunsInAWorkerProcessWithItsDoorsClosed) {
  metrics::Registry registry;
  workers::WorkerPool pool({.name = "image"}, registry);
  for (const Bytes& original : {jpeg(3000, 2000), png(3000, 2000), webp(3000, 2000)}) {
    const auto answer = pool.run_blocking(Deadline::after(60s), std::string(image_function),
                                          make_request(Shape::widths, original), image_limits());
    ASSERT_TRUE(answer) << answer.error().code << " " << answer.error().detail;
    const auto image = parse_answer(*answer);
    ASSERT_TRUE(image);
    EXPECT_EQ(image->variants.size(), 8u);
  }
  const auto refused = pool.run_blocking(Deadline::after(60s), std::string(image_function),
                                         make_request(Shape::widths, Bytes(100)), image_limits());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "not_an_image");
  EXPECT_EQ(refused.error().kind, Kind::invalid);
}

}  // namespace
}  // namespace madang::imaging

int main(int argc, char** argv) {
  using namespace madang;
  if (argc > 1 && std::string_view(argv[1]) == "worker")
    return workers::serve_jobs(3, {{std::string(imaging::image_function), imaging::process_image}},
                               imaging::prepare_imaging);
  testing::InitGoogleTest(&argc, argv);
  imaging::prepare_imaging();
  return RUN_ALL_TESTS();
}
