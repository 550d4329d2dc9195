#include "app/seed/canvas.hpp"

#include <gtest/gtest.h>

#include "app/seed/scenes.hpp"
#include "platform/imaging/image_job.hpp"

namespace madang::app::seed {
namespace {

TEST(Canvas, ADrawingIsTheSameEveryTime) {
  for (const Kind kind : {Kind::avatar, Kind::patchwork}) {
    const Drawing drawing{kind, Season::autumn, Light::day, 42};
    Drawing other = drawing;
    other.seed = 43;
    const auto png = draw(drawing).to_png();
    EXPECT_EQ(imaging::sniff(png), imaging::Format::png);
    EXPECT_LE(png.size(), imaging::max_encoded);
    EXPECT_EQ(png, draw(drawing).to_png());
    EXPECT_NE(png, draw(other).to_png());
  }
}

TEST(Canvas, ShapesCoverWhatTheyShould) {
  Canvas canvas(40, 40);
  canvas.paint(solid(rgb(0x000000)));
  // Half a pixel to the right and below: edges are halves, the inside is whole, twice is once.
  canvas.fill(Path().rect(10.5, 10.5, 10, 10).circle(15, 15, 2), rgb(0xffffff));
  canvas.fill(Path().rect(-30, 35, 200, 200), rgb(0xffffff));  // beyond the borders
  const auto png = canvas.to_png();
  const std::size_t lines =
      8 + 25 + 8 + 2 + 5;  // signature, IHDR, IDAT's head, zlib's, the block's
  const auto red = [&](std::size_t x, std::size_t y) {
    return static_cast<int>(png[lines + y * (40 * 3 + 1) + 1 + x * 3]);
  };
  EXPECT_EQ(red(15, 15), 255);
  EXPECT_NEAR(red(10, 15), 128, 1);
  EXPECT_NEAR(red(20, 15), 128, 1);
  EXPECT_NEAR(red(10, 10), 64, 1);
  EXPECT_EQ(red(9, 15), 0);
  EXPECT_EQ(red(21, 15), 0);
  EXPECT_EQ(red(0, 36), 255);
  EXPECT_EQ(red(39, 39), 255);
  EXPECT_EQ(red(39, 34), 0);
}

}  // namespace
}  // namespace madang::app::seed
