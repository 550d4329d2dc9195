// Roofs before mountains; a road between trees.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

void draw_ridges(Canvas& canvas, const Sky& sky, Mood mood, Dice& dice) {
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour near = mood.light == Light::night      ? rgb(0x131b30)
                      : mood.season == Season::winter ? rgb(0x5f7180)
                      : mood.season == Season::autumn ? rgb(0x6b4a38)
                                                      : rgb(0x2f5148);
  constexpr int ridges = 5;
  for (int i = 0; i < ridges; ++i) {
    const Noise noise(dice.below(1'000'000));
    const double part = static_cast<double>(i) / (ridges - 1);
    const double base = h * (0.36 + 0.09 * i);
    Path ridge;
    ridge.move(0, h);
    for (double x = 0; x <= w + 8; x += 8)
      ridge.line(x, base - h * (0.17 - 0.02 * i) * noise.rough(x / w * (2.2 + i * 0.7), 0, 5));
    ridge.line(w, h);
    const Colour top = mix(sky.haze, near, static_cast<float>(0.22 + 0.62 * part));
    canvas.fill(ridge,
                gradient(0, base - h * 0.12, 0, base + h * 0.12, top, mix(top, sky.haze, 0.72F)));
    Path mist;
    mist.ellipse(w * dice.unit(), base + h * 0.1, w * 0.55, h * 0.022);
    canvas.soft(mist, lighter(sky.haze, 0.45), mood.light == Light::night ? 0.2 : 0.5, 40);
  }
}

struct Roof {
  double x = 0;  // of the middle
  double y = 0;  // of the eaves
  double width = 0;
  double height = 0;
};

/// The curved outline: eaves that rise at their ends, a ridge that sags a little.
Path roof_outline(const Roof& r) {
  const double half = r.width / 2;
  const double top = r.y - r.height;
  Path out;
  out.move(r.x - half, r.y - r.height * 0.1);
  out.quad(r.x, r.y + r.height * 0.16, r.x + half, r.y - r.height * 0.1);
  out.line(r.x + half * 1.02, r.y - r.height * 0.17);
  out.quad(r.x + half * 0.72, r.y - r.height * 0.22, r.x + half * 0.6, top - r.height * 0.05);
  out.quad(r.x, top + r.height * 0.1, r.x - half * 0.6, top - r.height * 0.05);
  out.quad(r.x - half * 0.72, r.y - r.height * 0.22, r.x - half * 1.02, r.y - r.height * 0.17);
  return out;
}

void draw_house(Canvas& canvas, const Roof& r, Mood mood, Dice& dice) {
  const bool night = mood.light == Light::night || mood.light == Light::dusk;
  const double half = r.width / 2;
  const Colour wall = night ? rgb(0x5a4c45) : rgb(0xe9dcc6);
  const Colour wood = night ? rgb(0x2c2120) : rgb(0x6d4a35);
  canvas.fill(Path().rect(r.x - half * 0.82, r.y - r.height * 0.15, half * 1.64, r.height * 1.4),
              wall);
  const int bays = std::max(3, static_cast<int>(r.width / 110));
  const double bay = half * 1.64 / bays;
  for (int i = 0; i < bays; ++i) {
    const double left = r.x - half * 0.82 + bay * i;
    const bool lit = night && dice.chance(0.6);
    const Colour paper = lit ? rgb(0xffd58a) : night ? rgb(0x73635a) : rgb(0xf7f0df);
    const double y = r.y + r.height * 0.16;
    if (lit) canvas.soft(Path().rect(left, y, bay, r.height), rgb(0xffb655), 0.35, 40);
    canvas.fill(Path().rect(left + bay * 0.12, y, bay * 0.76, r.height * 0.8), paper);
    Path lattice;
    for (int k = 0; k <= 4; ++k)
      lattice.rect(left + bay * (0.12 + 0.76 * k / 4) - 1.5, y, 3, r.height * 0.8);
    for (int k = 0; k <= 3; ++k)
      lattice.rect(left + bay * 0.12, y + r.height * 0.8 * k / 3 - 1.5, bay * 0.76, 3);
    lattice.rect(left - 4, r.y, 8, r.height * 1.3);
    canvas.fill(lattice, wood);
  }
}

void draw_roof(Canvas& canvas, const Roof& r, Mood mood) {
  const bool snow = mood.season == Season::winter;
  const bool night = mood.light == Light::night;
  const Colour tile = night                       ? rgb(0x1e2433)
                      : mood.light == Light::dusk ? rgb(0x3a3444)
                                                  : rgb(0x4a525c);
  const Path outline = roof_outline(r);
  canvas.soft(outline.placed(0, r.height * 0.22, 1), rgb(0x0d0d16), 0.4, 16);
  canvas.fill(outline,
              gradient(0, r.y - r.height, 0, r.y, snow ? rgb(0xf3f6f8) : lighter(tile, 0.12),
                       snow ? rgb(0xc9d3dc) : darker(tile, 0.25)));
  Path rows;
  Path ends;
  const int count = std::max(8, static_cast<int>(r.width / 20));
  for (int i = 0; i <= count; ++i) {
    const double part = -1 + 2.0 * i / count;
    const double bend = 1 - part * part;
    const double bottom = r.y - r.height * 0.1 + r.height * 0.13 * bend;
    const double top = r.y - r.height * (1.0 - 0.05 * bend) + 5;
    rows.arc({r.x + part * r.width * 0.295, top},
             {r.x + part * r.width * 0.36, r.y - r.height * 0.3},
             {r.x + part * r.width * 0.49, bottom}, 4.5);
    ends.circle(r.x + part * r.width * 0.49, bottom, r.width / count * 0.28);
  }
  canvas.fill_within(outline, rows, solid(snow ? rgb(0xb4c2ce) : darker(tile, 0.45)), 0.75);
  canvas.fill(ends, darker(tile, 0.2));
  Path ridge;
  ridge.arc({r.x - r.width * 0.31, r.y - r.height * 1.06}, {r.x, r.y - r.height * 0.88},
            {r.x + r.width * 0.31, r.y - r.height * 1.06}, 13);
  canvas.fill(ridge, snow ? rgb(0xffffff) : darker(tile, 0.3));
}

void draw_bare_tree(Canvas& canvas, double x, double y, double size, Mood mood, Dice& dice) {
  const Colour bark = mood.light == Light::night ? rgb(0x0e1322) : rgb(0x4a3a33);
  canvas.fill(Path().stroke(smooth(std::vector<Point>{{x, y},
                                                      {x + size * 0.05, y - size * 0.5},
                                                      {x - size * 0.03, y - size * 0.9}}),
                            size * 0.09, size * 0.03),
              bark);
  for (int i = 0; i < 70; ++i) {
    const double turn = dice.unit() * 2 * pi;
    const double far = std::sqrt(dice.unit()) * size * 0.44;
    Colour colour = leaf_colour(mood.season, dice);
    if (mood.light == Light::night) colour = mix(colour, rgb(0x131b30), 0.72F);
    if (mood.light == Light::dusk) colour = mix(colour, rgb(0x5a3a50), 0.35F);
    canvas.fill(
        Path().circle(x + std::cos(turn) * far, y - size * 0.85 + std::sin(turn) * far * 0.8,
                      size * dice.between(0.05, 0.1)),
        colour, 0.85);
  }
}

/// Beside a road: how near (0 to 1), and on which side of it.
struct Place {
  double near = 0;
  double side = 1;
};

void draw_tree(Canvas& canvas, Point foot, double tall, Place place, const Sky& sky, Mood mood,
               Dice& dice) {
  const auto [x, y] = foot;
  const auto [near, side] = place;
  const Colour bark = mix(rgb(0x4a382f), sky.top, mood.light == Light::night ? 0.5F : 0.08F);
  const double lean = -side * tall * 0.05;
  canvas.soft(Path().ellipse(x, y, tall * 0.2, tall * 0.02), rgb(0x101018), 0.3, 14);
  const std::vector<Point> trunk{
      {x, y}, {x + lean * 0.4, y - tall * 0.4}, {x + lean, y - tall * 0.75}};
  canvas.fill(Path().stroke(smooth(trunk), 6 + near * 44, 3 + near * 14),
              mix(bark, sky.haze, static_cast<float>(0.55 * (1 - near))));
  const int leaves = 60 + static_cast<int>(near * 110);
  for (int k = 0; k < leaves; ++k) {
    const double turn = dice.unit() * 2 * pi;
    const double reach = std::sqrt(dice.unit()) * tall * 0.34;
    Colour colour =
        mix(leaf_colour(mood.season, dice), sky.haze, static_cast<float>(0.6 * (1 - near)));
    if (mood.light == Light::night) colour = mix(colour, rgb(0x131b30), 0.68F);
    if (mood.light == Light::dusk) colour = mix(colour, rgb(0x6a3f55), 0.25F);
    canvas.fill(Path().circle(x + lean + std::cos(turn) * reach,
                              y - tall * 0.74 + std::sin(turn) * reach * 0.8,
                              3 + tall * 0.032 * dice.between(0.5, 1.2)),
                colour, 0.8);
  }
}

}  // namespace

Canvas draw_roofs(Dice& dice, Mood mood) {
  Canvas canvas(1280, 960);
  const double w = canvas.w();
  const double h = canvas.h();
  const Sky sky = sky_of(mood.light, mood.season);
  draw_sky(canvas, sky, mood, dice);
  draw_ridges(canvas, sky, mood, dice);
  for (int row = 0; row < 3; ++row) {
    const double size = 0.55 + 0.28 * row;
    const int count = 4 - row;
    for (int i = 0; i < count; ++i) {
      const Roof roof{w * (i + dice.between(0.3, 0.7)) / count, h * (0.72 + 0.115 * row),
                      w * 0.36 * size * dice.between(0.9, 1.15), 100 * size};
      if (row > 0 && dice.chance(0.5))
        draw_bare_tree(canvas, roof.x + roof.width * 0.62, roof.y + 40, 210 * size, mood, dice);
      draw_house(canvas, roof, mood, dice);
      draw_roof(canvas, roof, mood);
    }
  }
  draw_season(canvas, mood.season, mood.season == Season::winter ? 160 : 26, dice);
  return canvas;
}

Canvas draw_path(Dice& dice, Mood mood) {
  Canvas canvas(960, 1200);
  const double w = canvas.w();
  const double h = canvas.h();
  const double horizon = h * 0.5;
  const double far = w * dice.between(0.38, 0.62);
  const Sky sky = sky_of(mood.light, mood.season);
  draw_sky(canvas, sky, mood, dice);
  Colour ground = mood.season == Season::winter   ? rgb(0xe4e9ee)
                  : mood.season == Season::autumn ? rgb(0xcf9a3f)
                  : mood.season == Season::spring ? rgb(0xa9bf7e)
                                                  : rgb(0x6f9a55);
  if (mood.light == Light::night) ground = mix(ground, rgb(0x121a30), 0.75F);
  if (mood.light == Light::dusk) ground = mix(ground, rgb(0x6a3f55), 0.35F);
  canvas.fill(Path().rect(0, horizon, w, h - horizon),
              gradient(0, horizon, 0, h, mix(ground, sky.haze, 0.6F), ground));
  Path road;
  road.move(far - 16, horizon).quad(far - 10, h * 0.66, w * 0.14, h).line(w * 0.86, h);
  road.quad(far + 40, h * 0.66, far + 16, horizon);
  const Colour stone =
      mix(mix(rgb(0xd8c7a8), ground, 0.2F), sky.top, mood.light == Light::night ? 0.6F : 0.1F);
  canvas.fill(road, gradient(0, horizon, 0, h, mix(stone, sky.haze, 0.6F), stone));
  canvas.soft(Path().ellipse(far, horizon, w * 0.5, 26), lighter(sky.haze, 0.4), 0.6, 40);
  for (int i = 0; i < 7; ++i) {  // from far to near, on both sides
    const double near = std::pow(static_cast<double>(i + 1) / 7, 2.1);
    const double y = horizon + near * h * 0.46;
    const double tall = 90 + near * h * 0.86;
    for (const int side : {-1, 1}) {
      const double x = far + side * (40 + near * w * 0.56) + dice.between(-8.0, 8.0);
      draw_tree(canvas, {x, y}, tall, {near, static_cast<double>(side)}, sky, mood, dice);
    }
  }
  for (int i = 0; i < 90; ++i) {  // fallen
    const double y = horizon + (h - horizon) * std::sqrt(dice.unit());
    const double size = 3 + 14 * (y - horizon) / (h - horizon);
    Colour colour = leaf_colour(mood.season, dice);
    if (mood.light == Light::night) colour = mix(colour, rgb(0x131b30), 0.7F);
    canvas.fill(Path().ellipse(w * dice.unit(), y, size, size * 0.4, dice.between(-0.5, 0.5)),
                colour, 0.75);
  }
  draw_season(canvas, mood.season, mood.season == Season::winter ? 130 : 30, dice);
  return canvas;
}

}  // namespace madang::app::seed
