// What becomes of good pictures.
#include "platform/imaging/image_job_fixture.hpp"

namespace madang::imaging {
namespace {

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

}  // namespace
}  // namespace madang::imaging
