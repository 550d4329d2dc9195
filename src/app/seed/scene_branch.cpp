// A branch, as painters of all seasons have had it.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

void draw_persimmon(Canvas& canvas, double x, double y, double size, Dice& dice) {
  const Colour skin = mix(rgb(0xe8702a), rgb(0xf29a3e), static_cast<float>(dice.unit()));
  Path fruit;
  fruit.move(x, y - size * 0.78);
  fruit.cubic(x + size * 1.15, y - size, x + size * 1.25, y + size * 0.75, x, y + size * 0.86);
  fruit.cubic(x - size * 1.25, y + size * 0.75, x - size * 1.15, y - size, x, y - size * 0.78);
  canvas.soft(fruit.placed(6, 10, 1), rgb(0x5a2410), 0.25, 14);
  canvas.fill(fruit, radial(x - size * 0.35, y - size * 0.3, size * 1.5, lighter(skin, 0.3),
                            darker(skin, 0.3)));
  canvas.soft(Path().ellipse(x - size * 0.4, y - size * 0.3, size * 0.22, size * 0.13, -0.6),
              rgb(0xffffff), 0.75, 7);
  for (int i = 0; i < 4; ++i)
    canvas.fill(leaf(0.5).placed(x, y - size * 0.74, size * 0.62, pi * (0.12 + 0.25 * i)),
                darker(rgb(0x7d8a45), 0.06 * i));
  canvas.fill(Path().circle(x, y - size * 0.74, size * 0.13), rgb(0x4c3a25));
}

void draw_blossom(Canvas& canvas, double x, double y, double size, Dice& dice) {
  const Colour petal = mix(rgb(0xfbe3e6), rgb(0xee9fb0), static_cast<float>(dice.unit()));
  const double turn = dice.unit() * pi;
  for (int i = 0; i < 5; ++i) {
    const double angle = turn + i * 2 * pi / 5;
    const double px = x + std::cos(angle) * size * 0.55;
    const double py = y + std::sin(angle) * size * 0.55;
    canvas.fill(Path().circle(px, py, size * 0.48),
                radial(x, y, size * 1.05, darker(petal, 0.12), lighter(petal, 0.35)));
  }
  Path stamens;
  for (int i = 0; i < 9; ++i) {
    const double angle = turn + i * 2 * pi / 9;
    const Point tip{x + std::cos(angle) * size * 0.42, y + std::sin(angle) * size * 0.42};
    stamens.stroke(std::vector<Point>{{x, y}, tip}, 1.6, 1.2).circle(tip.x, tip.y, 2.6);
  }
  canvas.fill(stamens, rgb(0xc98a2c));
}

void draw_leaf(Canvas& canvas, double x, double y, double size, double angle, Colour colour) {
  canvas.fill(leaf(0.36).placed(x, y, size, angle),
              gradient(x, y, x + std::cos(angle) * size, y + std::sin(angle) * size,
                       darker(colour, 0.2), lighter(colour, 0.1)));
  canvas.fill(Path().stroke(
                  std::vector<Point>{
                      {x, y}, {x + std::cos(angle) * size * 0.9, y + std::sin(angle) * size * 0.9}},
                  2.6, 1),
              darker(colour, 0.35), 0.6);
}

void draw_magpie(Canvas& canvas, double x, double y, double size, double side) {
  const Colour ink = rgb(0x1d2230);
  const auto px = [&](double along) { return x + side * along * size; };
  canvas.fill(
      Path().stroke(std::vector<Point>{{px(-0.3), y + size * 0.1}, {px(-1.5), y + size * 0.62}},
                    size * 0.26, size * 0.1),
      rgb(0x24406b));
  canvas.fill(Path().ellipse(x, y, size * 0.55, size * 0.36, side * -0.5), ink);
  canvas.fill(Path().ellipse(px(0.08), y + size * 0.12, size * 0.36, size * 0.2, side * -0.5),
              rgb(0xf4f1ea));
  canvas.fill(Path().circle(px(0.5), y - size * 0.38, size * 0.26), ink);
  Path beak;
  beak.move(px(0.68), y - size * 0.47)
      .line(px(1.02), y - size * 0.36)
      .line(px(0.68), y - size * 0.28);
  canvas.fill(beak, ink);
  canvas.fill(Path().circle(px(0.57), y - size * 0.43, size * 0.05), rgb(0xf4f1ea));
  canvas.fill(Path().ellipse(px(-0.22), y - size * 0.03, size * 0.44, size * 0.14,
                             side * -0.62 + 0.9 * side),
              rgb(0x33527e));
  Path legs;
  for (const double at : {-0.04, 0.14})
    legs.stroke(std::vector<Point>{{px(at), y + size * 0.26}, {px(at + 0.04), y + size * 0.6}}, 4,
                4);
  canvas.fill(legs, ink);
}

/// Where a branch has room for something.
struct Branch {
  std::vector<Point> places;
  std::vector<Point> spine;
};

Branch draw_wood(Canvas& canvas, Season season, Dice& dice) {
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour bark = rgb(0x4b382e);
  Branch out;
  const double from = h * dice.between(0.12, 0.34);
  const bool left = dice.chance(0.5);
  const auto x = [&](double part) { return left ? w * part : w * (1 - part); };
  std::vector<Point> main;
  for (int i = 0; i <= 5; ++i)
    main.push_back({x(-0.06 + 0.19 * i), from + h * 0.03 * i + h * dice.between(-0.035, 0.035)});
  out.spine = smooth(main);
  Path wood;
  wood.stroke(out.spine, 30, 9);
  for (int i = 1; i <= 5; ++i) {
    const Point start = main[static_cast<std::size_t>(i)];
    for (int k = 0; k < 2; ++k) {
      const double down = k == 0 ? dice.between(0.16, 0.34) : dice.between(-0.16, -0.06);
      const Point end{start.x + (left ? 1 : -1) * w * dice.between(0.04, 0.13), start.y + h * down};
      const Point middle{(start.x + end.x) / 2 + dice.between(-26.0, 26.0),
                         start.y + h * down * 0.35};
      const auto twig = smooth(std::vector<Point>{start, middle, end});
      wood.stroke(twig, 11, 4);
      out.places.push_back(end);
      out.places.push_back(twig[twig.size() / 2]);
    }
  }
  canvas.soft(wood.placed(10, 22, 1), rgb(0x3a3a44), 0.16, 16);
  canvas.fill(wood, gradient(0, from - 60, 0, from + 200, lighter(bark, 0.12), darker(bark, 0.25)));
  if (season == Season::winter) {
    Path snow;
    snow.stroke(out.spine, 16, 6);
    canvas.fill(snow.placed(0, -11, 1), rgb(0xf8fafc));
  }
  return out;
}

}  // namespace

Canvas draw_branch(Dice& dice, Mood mood) {
  Canvas canvas(1080, 1080);
  const double w = canvas.w();
  const double h = canvas.h();
  if (mood.light == Light::night || mood.light == Light::dusk) {
    draw_sky(canvas, sky_of(mood.light, mood.season), mood, dice);
  } else {
    const Colour grounds[] = {rgb(0xefe6d3), rgb(0xdfe7e4), rgb(0xcfdfe8), rgb(0xf3ded0),
                              rgb(0xe3e0d0)};
    const Colour ground = dice.pick(grounds);
    canvas.paint(gradient(0, 0, w * 0.4, h, lighter(ground, 0.25), darker(ground, 0.06)));
    canvas.fill(Path().circle(w * dice.between(0.25, 0.75), h * dice.between(0.3, 0.6), w * 0.3),
                lighter(ground, 0.45), 0.7);
  }
  const Branch branch = draw_wood(canvas, mood.season, dice);
  const bool fruit = mood.season == Season::autumn || mood.season == Season::winter;
  for (const Point& place : branch.places) {
    const int leaves = mood.season == Season::summer ? 4 : mood.season == Season::autumn ? 2 : 0;
    for (int i = 0; i < leaves; ++i)
      draw_leaf(canvas, place.x, place.y, dice.between(60.0, 105.0), dice.between(0.0, 2 * pi),
                mood.season == Season::summer
                    ? leaf_colour(mood.season, dice)
                    : mix(rgb(0xc0562b), rgb(0xd9a441), static_cast<float>(dice.unit())));
    if (mood.season == Season::spring) {
      for (int i = 0; i < 3; ++i)
        draw_blossom(canvas, place.x + dice.between(-46.0, 46.0),
                     place.y + dice.between(-46.0, 46.0), dice.between(20.0, 34.0), dice);
    } else if (fruit && dice.chance(mood.season == Season::winter ? 0.4 : 0.7)) {
      const double size = dice.between(40.0, 58.0);
      draw_persimmon(canvas, place.x, place.y + size * 0.8, size, dice);
    }
  }
  if (dice.chance(0.55)) {
    const Point perch = branch.spine[branch.spine.size() * 2 / 5];
    draw_magpie(canvas, perch.x, perch.y - 62, 84, dice.chance(0.5) ? 1 : -1);
  }
  draw_season(canvas, mood.season, mood.season == Season::winter ? 90 : 12, dice);
  return canvas;
}

}  // namespace madang::app::seed
