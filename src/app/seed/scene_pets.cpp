// Those who really own the houses.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

struct Coat {
  Colour fur;
  Colour mark;  // stripes, patches
  bool stripes = false;
  bool patches = false;
};

Coat pick_coat(Dice& dice) {
  const Coat coats[] = {
      {rgb(0xe59a4c), rgb(0xb8652a), true, false}, {rgb(0x2a2b35), rgb(0x2a2b35), false, false},
      {rgb(0xf3eee4), rgb(0xd98a45), false, true}, {rgb(0x8d939c), rgb(0x5c626c), true, false},
      {rgb(0xf3eee4), rgb(0x35353d), false, true}, {rgb(0xd9c3a5), rgb(0x6a4b3a), false, false}};
  return dice.pick(coats);
}

void draw_ears(Canvas& canvas, double x, double y, double s, const Coat& coat) {
  for (const double side : {-1.0, 1.0}) {
    Path ear;
    ear.move(x + side * 0.44 * s, y - 0.2 * s)
        .quad(x + side * 0.5 * s, y - 0.62 * s, x + side * 0.4 * s, y - 0.72 * s);
    ear.quad(x + side * 0.2 * s, y - 0.6 * s, x + side * 0.08 * s, y - 0.38 * s);
    canvas.fill(ear, coat.patches && side > 0 ? coat.mark : coat.fur);
    Path inner;
    inner.move(x + side * 0.38 * s, y - 0.34 * s)
        .line(x + side * 0.38 * s, y - 0.6 * s)
        .line(x + side * 0.2 * s, y - 0.44 * s);
    canvas.fill(inner, mix(coat.fur, rgb(0xe6a0a0), 0.55F), 0.8);
  }
}

/// From behind, looking into the distance.
void draw_sitting(Canvas& canvas, double x, double y, double s, const Coat& coat, Dice& dice) {
  const double side = dice.chance(0.5) ? 1 : -1;
  const auto tail = smooth(std::vector<Point>{{x + side * 0.5 * s, y - 0.14 * s},
                                              {x + side * 0.85 * s, y + 0.2 * s},
                                              {x + side * 0.82 * s, y + 0.62 * s},
                                              {x + side * 0.6 * s, y + 0.8 * s}});
  canvas.fill(Path().stroke(tail, 0.2 * s, 0.12 * s), coat.stripes ? coat.mark : coat.fur);
  Path body;
  body.move(x - 0.34 * s, y - 1.25 * s)
      .cubic(x - 0.62 * s, y - 0.8 * s, x - 0.86 * s, y - 0.1 * s, x - 0.5 * s, y);
  body.line(x + 0.5 * s, y)
      .cubic(x + 0.86 * s, y - 0.1 * s, x + 0.62 * s, y - 0.8 * s, x + 0.34 * s, y - 1.25 * s);
  canvas.fill(body, gradient(x - 0.7 * s, y, x + 0.7 * s, y, lighter(coat.fur, 0.08),
                             darker(coat.fur, 0.22)));
  Path marks;
  if (coat.stripes)
    for (int i = 0; i < 5; ++i)
      marks.arc({x - 0.6 * s, y - (0.95 - 0.2 * i) * s}, {x, y - (0.72 - 0.2 * i) * s},
                {x + 0.6 * s, y - (0.95 - 0.2 * i) * s}, 0.055 * s);
  if (coat.patches)
    marks.ellipse(x - 0.3 * s, y - 0.5 * s, 0.32 * s, 0.4 * s, 0.3)
        .ellipse(x + 0.36 * s, y - 0.95 * s, 0.24 * s, 0.28 * s);
  canvas.fill_within(body, marks, solid(coat.mark), 0.85);
  const double hy = y - 1.42 * s;
  draw_ears(canvas, x, hy, s, coat);
  const Path head = Path().ellipse(x, hy, 0.5 * s, 0.43 * s);
  canvas.fill(head, gradient(x - 0.5 * s, hy, x + 0.5 * s, hy, lighter(coat.fur, 0.08),
                             darker(coat.fur, 0.15)));
  Path top;
  if (coat.stripes)
    for (const double at : {-0.16, 0.0, 0.16})
      top.arc({x + at * s, hy - 0.42 * s}, {x + at * 0.9 * s, hy - 0.25 * s},
              {x + at * 0.7 * s, hy - 0.1 * s}, 0.05 * s);
  if (coat.patches) top.ellipse(x + 0.26 * s, hy - 0.2 * s, 0.3 * s, 0.3 * s);
  canvas.fill_within(head, top, solid(coat.mark), 0.9);
}

void draw_wall(Canvas& canvas, double top, Mood mood, Dice& dice) {
  const double w = canvas.w();
  const double h = canvas.h();
  const bool dark = mood.light == Light::night;
  canvas.fill(Path().rect(0, top, w, h - top), dark ? rgb(0x2e2c38) : rgb(0xcdb595));
  for (double y = top + 34; y < h + 60; y += 86)
    for (double x = dice.between(-80.0, 0.0); x < w; x += 150) {
      const Colour stone = mix(rgb(0x8b8378), rgb(0xb7a58c), static_cast<float>(dice.unit()));
      canvas.fill(Path().rounded(x + dice.between(0.0, 12.0), y + dice.between(-6.0, 8.0),
                                 dice.between(112.0, 140.0), dice.between(58.0, 72.0), 26),
                  dark ? darker(stone, 0.68) : stone);
    }
  const Colour tile = mood.season == Season::winter ? rgb(0xf1f4f7)
                      : dark                        ? rgb(0x1b2030)
                                                    : rgb(0x4b535e);
  canvas.soft(Path().rect(0, top + 26, w, 22), rgb(0x0d0b10), 0.4, 20);
  for (double x = -20; x < w + 40; x += 62) {
    canvas.fill(Path().rounded(x, top - 34, 56, 76, 26),
                gradient(x, 0, x + 56, 0, lighter(tile, 0.12), darker(tile, 0.3)));
    canvas.fill(Path().circle(x + 28, top + 30, 22), darker(tile, 0.15));
    canvas.fill(Path().circle(x + 28, top + 30, 12), darker(tile, 0.35));
  }
}

/// Asleep.
void draw_face(Canvas& canvas, double hx, double hy, double s, const Coat& coat) {
  const Colour ink = coat.fur.r < 0.3F ? rgb(0xb9b4ac) : rgb(0x3a2a26);
  Path face;
  for (const double side : {-1.0, 1.0}) {
    face.arc({hx + side * s * 0.1, hy + s * 0.02}, {hx + side * s * 0.2, hy + s * 0.11},
             {hx + side * s * 0.3, hy + s * 0.02}, 5);
    for (int i = 0; i < 2; ++i)
      face.stroke(std::vector<Point>{{hx + side * s * 0.24, hy + s * (0.16 + 0.05 * i)},
                                     {hx + side * s * 0.6, hy + s * (0.12 + 0.1 * i)}},
                  2, 1.5);
    face.arc({hx, hy + s * 0.2}, {hx + side * s * 0.06, hy + s * 0.27},
             {hx + side * s * 0.12, hy + s * 0.22}, 4);
  }
  canvas.fill(face, ink, 0.85);
  canvas.fill(Path().ellipse(hx, hy + s * 0.17, s * 0.045, s * 0.032), rgb(0xd98080));
}

/// On a wooden floor, in the sun.
void draw_cushion(Canvas& canvas, Dice& dice) {
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour floors[] = {rgb(0xc99b66), rgb(0xd9b98a), rgb(0xa8764a)};
  const Colour floor = dice.pick(floors);
  canvas.paint(gradient(0, 0, w, h, lighter(floor, 0.12), darker(floor, 0.15)));
  Path boards;
  for (int i = 1; i < 6; ++i) boards.rect(0, h * i / 6, w, 3);
  for (int i = 0; i < 9; ++i) boards.rect(w * dice.unit(), h * (i % 6) / 6, 3, h / 6);
  canvas.fill(boards, darker(floor, 0.4), 0.6);
  Path sun;
  sun.move(w * 0.05, h).line(w * 0.5, 0).line(w * 0.95, 0).line(w * 0.55, h);
  canvas.soft(sun, rgb(0xfff4d2), 0.35, 24);
  const Colour cloth = dice.pick(palette);
  const Path cushion = Path().rounded(w * 0.13, h * 0.15, w * 0.74, h * 0.7, 150);
  canvas.soft(cushion.placed(16, 28, 1), rgb(0x1a100a), 0.45, 34);
  canvas.fill(cushion,
              radial(w * 0.45, h * 0.45, w * 0.55, lighter(cloth, 0.18), darker(cloth, 0.25)));
  Path border;
  for (int i = 0; i < 60; ++i) {
    const double a = 2 * pi * i / 60;
    border.circle(w * 0.5 + std::cos(a) * w * 0.335, h * 0.5 + std::sin(a) * h * 0.315, 7);
  }
  canvas.fill_within(cushion, border, solid(lighter(cloth, 0.6)), 0.8);
}

}  // namespace

Canvas draw_cat(Dice& dice, Mood mood) {
  Canvas canvas(960, 1200);
  const double w = canvas.w();
  const double h = canvas.h();
  const Sky sky = sky_of(mood.light, mood.season);
  draw_sky(canvas, sky, mood, dice);
  for (int i = 0; i < 3; ++i) {
    const Noise noise(dice.below(1'000'000));
    Path hill;
    hill.move(0, h);
    for (double x = 0; x <= w + 8; x += 8)
      hill.line(x, h * (0.5 + 0.07 * i) - h * 0.1 * noise.rough(x / w * 2.4, 0, 4));
    hill.line(w, h);
    canvas.fill(hill, mix(sky.haze, mood.light == Light::night ? rgb(0x141c34) : rgb(0x4f6a5c),
                          static_cast<float>(0.3 + 0.2 * i)));
  }
  Path twigs;
  const bool left = dice.chance(0.5);
  const auto x = [&](double part) { return left ? w * part : w * (1 - part); };
  twigs.stroke(
      smooth(std::vector<Point>{
          {x(-0.05), h * 0.02}, {x(0.25), h * 0.12}, {x(0.5), h * 0.1}, {x(0.72), h * 0.2}}),
      18, 5);
  twigs.stroke(
      smooth(std::vector<Point>{{x(0.25), h * 0.12}, {x(0.34), h * 0.22}, {x(0.4), h * 0.3}}), 9,
      4);
  canvas.fill(twigs, darker(rgb(0x4a382e), mood.light == Light::night ? 0.6 : 0));
  for (int i = 0; i < 46; ++i) {
    Colour colour = leaf_colour(mood.season, dice);
    if (mood.light == Light::night) colour = mix(colour, rgb(0x1a2440), 0.55F);
    canvas.fill(leaf(0.4).placed(x(dice.between(0.0, 0.72)), h * dice.between(0.0, 0.3),
                                 dice.between(26.0, 50.0), dice.unit() * 2 * pi),
                colour, 0.95);
  }
  const double top = h * 0.76;
  draw_wall(canvas, top, mood, dice);
  Coat coat = pick_coat(dice);
  if (mood.light == Light::night)
    coat = {darker(coat.fur, 0.4), darker(coat.mark, 0.4), coat.stripes, coat.patches};
  draw_sitting(canvas, w * dice.between(0.36, 0.64), top - 26, w * 0.23, coat, dice);
  draw_season(canvas, mood.season, mood.season == Season::winter ? 80 : 10, dice);
  return canvas;
}

Canvas draw_sleeper(Dice& dice, Mood) {
  Canvas canvas(1080, 1080);
  const double w = canvas.w();
  const double h = canvas.h();
  draw_cushion(canvas, dice);
  const Coat coat = pick_coat(dice);
  const double x = w * 0.5;
  const double y = h * 0.51;
  const double r = w * 0.245;
  const Path body = Path().ellipse(x, y, r * 1.08, r, 0.2);
  canvas.soft(body.placed(10, 20, 1), rgb(0x1a100a), 0.5, 28);
  canvas.fill(body, radial(x - r * 0.3, y - r * 0.4, r * 1.7, lighter(coat.fur, 0.12),
                           darker(coat.fur, 0.3)));
  Path marks;
  if (coat.stripes)
    for (int i = 0; i < 7; ++i) {
      const double a = pi * (0.95 + 0.16 * i);
      marks.stroke(
          std::vector<Point>{{x + std::cos(a) * r * 1.05, y + std::sin(a) * r},
                             {x + std::cos(a + 0.12) * r * 0.62, y + std::sin(a + 0.12) * r * 0.6}},
          22, 8);
    }
  if (coat.patches)
    marks.ellipse(x + r * 0.5, y - r * 0.45, r * 0.5, r * 0.4, 0.5)
        .ellipse(x - r * 0.7, y + r * 0.1, r * 0.34, r * 0.42);
  canvas.fill_within(body, marks, solid(coat.mark), 0.85);
  const auto tail = smooth(std::vector<Point>{{x + r * 0.98, y + r * 0.1},
                                              {x + r * 0.75, y + r * 0.72},
                                              {x + r * 0.1, y + r * 0.98},
                                              {x - r * 0.5, y + r * 0.74}});
  canvas.soft(Path().stroke(tail, r * 0.24, r * 0.16).placed(0, 8, 1), rgb(0x1a100a), 0.3, 12);
  canvas.fill(Path().stroke(tail, r * 0.24, r * 0.16),
              coat.stripes ? mix(coat.fur, coat.mark, 0.5F) : coat.fur);
  const double hx = x - r * 0.36;
  const double hy = y + r * 0.3;
  const double s = r * 0.86;
  canvas.soft(Path().ellipse(hx, hy + 10, s * 0.54, s * 0.46), rgb(0x1a100a), 0.35, 16);
  draw_ears(canvas, hx, hy, s, coat);
  canvas.fill(Path().ellipse(hx, hy, s * 0.5, s * 0.42),
              radial(hx - s * 0.1, hy - s * 0.15, s * 0.7, lighter(coat.fur, 0.14),
                     darker(coat.fur, 0.12)));
  draw_face(canvas, hx, hy, s, coat);
  return canvas;
}

}  // namespace madang::app::seed
