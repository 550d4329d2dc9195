#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

Sky sky_of(Light light, Season season) {
  const bool winter = season == Season::winter;
  switch (light) {
    case Light::dawn:
      return {rgb(0x8fa8c8), rgb(0xf6d5c0), rgb(0xdcd3d6)};
    case Light::day:
      return winter ? Sky{rgb(0xb9c9d6), rgb(0xeef1f0), rgb(0xd9e0e4)}
                    : Sky{rgb(0x7fb2d4), rgb(0xe6eee6), rgb(0xbfd4d6)};
    case Light::dusk:
      return {rgb(0x5a4a7c), rgb(0xf4935a), rgb(0xc4807c)};
    case Light::night:
      return {rgb(0x0f1830), rgb(0x35456e), rgb(0x2b3a5e)};
  }
  return {};
}

void draw_sky(Canvas& canvas, const Sky& sky, Mood mood, Dice& dice) {
  const double w = canvas.w();
  const double h = canvas.h();
  canvas.paint(gradient(0, 0, 0, h * 0.7, sky.top, sky.bottom));
  const double x = w * dice.between(0.15, 0.85);
  if (mood.light == Light::night) {
    Path stars;
    for (int i = 0; i < 140; ++i)
      stars.circle(w * dice.unit(), h * 0.6 * dice.unit(), 0.6 + 1.1 * dice.unit());
    canvas.fill(stars, rgb(0xf4efd8), 0.75);
    const double y = h * dice.between(0.14, 0.26);
    canvas.soft(Path().circle(x, y, 90), rgb(0xf6e9bd), 0.4, 90);
    canvas.fill(Path().circle(x, y, 54), radial(x - 12, y - 14, 90, rgb(0xfffbe6), rgb(0xecd9a0)));
    return;
  }
  const double y = h * (mood.light == Light::day ? 0.16 : 0.42);
  const Colour sun = mood.light == Light::dusk ? rgb(0xffd27a) : rgb(0xfff3d0);
  canvas.soft(Path().circle(x, y, 150), sun, 0.55, 150);
  canvas.fill(Path().circle(x, y, mood.light == Light::day ? 46 : 64), sun, 0.95);
  for (int i = 0; i < 4; ++i) {  // thin clouds
    Path cloud;
    const double cy = h * dice.between(0.08, 0.36);
    cloud.ellipse(w * dice.unit(), cy, w * dice.between(0.12, 0.3), 9 + 10 * dice.unit());
    canvas.soft(cloud, lighter(sky.bottom, 0.5), 0.5, 22);
  }
}

Path leaf(double width) {
  Path out;
  out.move(0, 0).quad(0.45, -width, 1, 0).quad(0.45, width, 0, 0);
  return out;
}

Colour leaf_colour(Season season, Dice& dice) {
  const auto vary = [&](Colour a, Colour b) { return mix(a, b, static_cast<float>(dice.unit())); };
  switch (season) {
    case Season::spring:
      return vary(rgb(0xf3c6cf), rgb(0xe695a6));
    case Season::summer:
      return vary(rgb(0x4f8a4c), rgb(0x86b35c));
    case Season::autumn:
      return dice.chance(0.55) ? vary(rgb(0xe8a531), rgb(0xf3c94f))
                               : vary(rgb(0xc4482c), rgb(0xe07b39));
    case Season::winter:
      return vary(rgb(0xe9eef2), rgb(0xffffff));
  }
  return {};
}

void draw_season(Canvas& canvas, Season season, int count, Dice& dice) {
  if (season == Season::summer) return;
  for (int i = 0; i < count; ++i) {
    const double x = canvas.w() * dice.unit();
    const double y = canvas.h() * dice.unit();
    const double size = dice.between(5.0, 14.0);
    const Colour colour = leaf_colour(season, dice);
    if (season == Season::winter)
      canvas.fill(Path().circle(x, y, size * 0.36), colour, 0.85);
    else
      canvas.fill(leaf(0.42).placed(x, y, size * 1.7, dice.unit() * 2 * pi), colour, 0.9);
  }
}

}  // namespace madang::app::seed
