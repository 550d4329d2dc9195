// What there is to eat: a table from above, a stall from the front.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

void draw_bowl(Canvas& canvas, double x, double y, double r, Colour glaze) {
  canvas.soft(Path().circle(x + r * 0.1, y + r * 0.16, r * 1.02), rgb(0x140c08), 0.5, r * 0.22);
  canvas.fill(Path().circle(x, y, r),
              radial(x - r * 0.4, y - r * 0.4, r * 1.9, lighter(glaze, 0.25), darker(glaze, 0.35)));
  canvas.fill(Path().circle(x, y, r * 0.9),
              radial(x + r * 0.3, y + r * 0.3, r * 1.6, lighter(glaze, 0.1), darker(glaze, 0.4)));
}

void scatter(Canvas& canvas, double x, double y, double r, int count, double size, Colour colour,
             Dice& dice) {
  for (int i = 0; i < count; ++i) {
    const double turn = dice.unit() * 2 * pi;
    const double far = std::sqrt(dice.unit()) * r;
    const Colour own =
        dice.chance(0.5) ? lighter(colour, 0.22 * dice.unit()) : darker(colour, 0.22 * dice.unit());
    canvas.fill(Path().ellipse(x + std::cos(turn) * far, y + std::sin(turn) * far, size,
                               size * dice.between(0.3, 0.55), dice.unit() * pi),
                own, 0.95);
  }
}

/// Rice with something in every colour, and an egg in the middle.
void fill_bibimbap(Canvas& canvas, double x, double y, double r, Dice& dice) {
  canvas.fill(Path().circle(x, y, r * 0.86), rgb(0xf7f2e6));
  const Colour toppings[] = {rgb(0x4f7f3a), rgb(0xe07b2e), rgb(0xf3e6c0), rgb(0x6b4632),
                             rgb(0xb8342a), rgb(0x8fb35a), rgb(0x5b3a52)};
  const std::size_t first = dice.below(std::size(toppings));
  for (int i = 0; i < 6; ++i) {
    const double turn = i * pi / 3;
    scatter(canvas, x + std::cos(turn) * r * 0.52, y + std::sin(turn) * r * 0.52, r * 0.28, 34,
            r * 0.1, toppings[(first + static_cast<std::size_t>(i)) % std::size(toppings)], dice);
  }
  canvas.fill(Path().ellipse(x, y, r * 0.3, r * 0.27, 0.4), rgb(0xfffaf0));
  canvas.fill(Path().circle(x + r * 0.02, y, r * 0.14),
              radial(x - r * 0.04, y - r * 0.05, r * 0.2, rgb(0xffd34d), rgb(0xf09a1e)));
}

void fill_soup(Canvas& canvas, double x, double y, double r, Colour broth, Dice& dice) {
  canvas.fill(Path().circle(x, y, r * 0.84),
              radial(x - r * 0.3, y - r * 0.3, r * 1.4, lighter(broth, 0.2), darker(broth, 0.2)));
  scatter(canvas, x, y, r * 0.62, 16, r * 0.11, rgb(0xf3ead2), dice);
  scatter(canvas, x, y, r * 0.66, 20, r * 0.06, rgb(0x5f8f3e), dice);
  scatter(canvas, x, y, r * 0.6, 7, r * 0.06, rgb(0xc23a2a), dice);
}

void fill_rice(Canvas& canvas, double x, double y, double r, Colour rice, Dice& dice) {
  canvas.fill(Path().circle(x, y, r * 0.82),
              radial(x - r * 0.2, y - r * 0.25, r * 1.2, lighter(rice, 0.4), darker(rice, 0.12)));
  scatter(canvas, x, y, r * 0.72, 90, r * 0.055, lighter(rice, 0.2), dice);
  scatter(canvas, x, y, r * 0.6, 6, r * 0.07, rgb(0x5b3146), dice);
}

void fill_pancake(Canvas& canvas, double x, double y, double r, Dice& dice) {
  canvas.fill(Path().circle(x, y, r * 0.78), radial(x, y, r * 0.85, rgb(0xf1cf7a), rgb(0xc88a35)));
  for (int i = 0; i < 12; ++i) {
    const double turn = dice.unit() * pi;
    const double ox = x + dice.between(-0.4, 0.4) * r;
    const double oy = y + dice.between(-0.4, 0.4) * r;
    canvas.fill(
        Path().stroke(
            std::vector<Point>{{ox - std::cos(turn) * r * 0.24, oy - std::sin(turn) * r * 0.24},
                               {ox + std::cos(turn) * r * 0.24, oy + std::sin(turn) * r * 0.24}},
            r * 0.06, r * 0.05),
        dice.chance(0.7) ? rgb(0x6f9a45) : rgb(0xd95f3a), 0.85);
  }
}

void fill_bowl(Canvas& canvas, double x, double y, double r, std::size_t kind, Dice& dice) {
  const Colour glazes[] = {rgb(0xf0ece2), rgb(0x9dbfae), rgb(0xc9a24b),
                           rgb(0x4b4a52), rgb(0xd9e0e2), rgb(0x6d4a3a)};
  const Colour broths[] = {rgb(0xb8502a), rgb(0xd9b877), rgb(0x8d5a33), rgb(0xe9dfc4)};
  draw_bowl(canvas, x, y, r, dice.pick(glazes));
  switch (kind % 6) {
    case 0:
      return fill_bibimbap(canvas, x, y, r, dice);
    case 1:
      return fill_soup(canvas, x, y, r, dice.pick(broths), dice);
    case 2:
      return fill_rice(canvas, x, y, r, dice.chance(0.5) ? rgb(0xefe8da) : rgb(0xb79a9c), dice);
    case 3:
      return scatter(canvas, x, y, r * 0.6, 60, r * 0.17, rgb(0xc2402c), dice);  // kimchi
    case 4:
      return fill_pancake(canvas, x, y, r, dice);
    default:
      return scatter(canvas, x, y, r * 0.6, 80, r * 0.14, rgb(0x5d8a45), dice);  // greens
  }
}

void draw_cutlery(Canvas& canvas, double x, double y, double length) {
  Path metal;
  metal.stroke(std::vector<Point>{{x, y}, {x, y + length}}, 9, 6)
      .stroke(std::vector<Point>{{x + 20, y}, {x + 20, y + length}}, 9, 6);
  metal.stroke(std::vector<Point>{{x - 44, y + 66}, {x - 44, y + length}}, 9, 12)
      .ellipse(x - 44, y + 40, 24, 46);
  canvas.soft(metal.placed(6, 9, 1), rgb(0x140c08), 0.4, 8);
  canvas.fill(metal, gradient(x - 60, y, x + 30, y + length, rgb(0xf1e3b8), rgb(0xb08a3c)));
}

void draw_grain(Canvas& canvas, Colour wood, Dice& dice) {
  const Noise noise(dice.below(1'000'000));
  canvas.paint([=, h = canvas.h()](double x, double y) {
    const double rings =
        std::sin((y + 26 * noise.at(x / 420, y / 90)) / 15) * 0.5 + noise.at(x / 260, y / 9) * 0.5;
    return rings > 0 ? lighter(wood, rings * 0.07) : darker(wood, -rings * 0.12 + 0.1 * y / h);
  });
  Path gaps;
  for (int i = 1; i < 4; ++i) gaps.rect(0, canvas.h() * i / 4, canvas.w(), 4);
  canvas.fill(gaps, darker(wood, 0.6), 0.7);
}

void draw_fruit(Canvas& canvas, double x, double y, double r, Colour skin, bool calyx) {
  canvas.fill(Path().circle(x, y, r),
              radial(x - r * 0.35, y - r * 0.4, r * 1.6, lighter(skin, 0.35), darker(skin, 0.45)));
  if (!calyx) return;
  for (int i = 0; i < 4; ++i)
    canvas.fill(leaf(0.5).placed(x, y - r * 0.5, r * 0.5, pi * (0.2 + 0.5 * i)), rgb(0x6f8040));
}

struct Produce {
  Colour skin;
  double size;
  bool calyx;
};

void draw_crate(Canvas& canvas, double x, double y, double width, double height, const Produce& p,
                Dice& dice) {
  canvas.soft(Path().rect(x, y + height * 0.7, width, height * 0.5), rgb(0x120b06), 0.5, 24);
  canvas.fill(Path().rect(x, y - height * 0.1, width, height * 0.7), rgb(0x3a2618));
  const double r = p.size;
  for (int row = 0; row < 3; ++row) {  // heaped, from behind to the front
    const int count = static_cast<int>(width / (r * 1.75));
    for (int i = 0; i < count; ++i) {
      const double fx =
          x + width * (i + 0.5) / count + (row % 2 == 1 ? r * 0.5 : 0) + dice.between(-3.0, 3.0);
      if (fx > x + width - r * 0.6) continue;
      draw_fruit(canvas, fx, y - r * 0.3 + row * height * 0.19 + dice.between(-4.0, 4.0),
                 r * dice.between(0.9, 1.08),
                 dice.chance(0.5) ? lighter(p.skin, 0.1 * dice.unit())
                                  : darker(p.skin, 0.12 * dice.unit()),
                 p.calyx);
    }
  }
  const Colour wood = mix(rgb(0xb98a58), rgb(0x9a6a40), static_cast<float>(dice.unit()));
  for (int slat = 0; slat < 2; ++slat) {
    const double top = y + height * (0.5 + 0.27 * slat);
    canvas.fill(Path().rounded(x - 4, top, width + 8, height * 0.22, 4),
                gradient(0, top, 0, top + height * 0.22, lighter(wood, 0.15), darker(wood, 0.2)));
  }
  const double tag = x + width * 0.5;  // the price, unreadable as ever
  canvas.fill(Path().rounded(tag - 46, y + height * 0.55, 92, height * 0.32, 5), rgb(0xfaf4e4));
  Path scribble;
  scribble.rect(tag - 28, y + height * 0.62, 56, 6).rect(tag - 28, y + height * 0.73, 36, 6);
  canvas.fill(scribble, rgb(0x4a3a33));
}

}  // namespace

Canvas draw_table(Dice& dice, Mood) {
  Canvas canvas(1080, 1080);
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour woods[] = {rgb(0x8a5a38), rgb(0x5b3826), rgb(0xc09060), rgb(0x3c2a24)};
  const Colour wood = dice.pick(woods);
  draw_grain(canvas, wood, dice);
  if (dice.chance(0.5)) {  // a cloth under it
    const Colour cloth = dice.chance(0.5) ? rgb(0xe9e2d2) : rgb(0x39557c);
    const Path mat = Path().rounded(w * 0.07, h * 0.07, w * 0.86, h * 0.86, 20);
    canvas.soft(mat.placed(8, 14, 1), rgb(0x140c08), 0.4, 18);
    canvas.fill(mat, gradient(0, 0, w, h, lighter(cloth, 0.1), darker(cloth, 0.12)));
  }
  const std::size_t mains[] = {0, 0, 1, 4};
  const std::size_t first = dice.pick(mains);
  fill_bowl(canvas, w * 0.43, h * 0.58, w * 0.235, first, dice);
  const Point places[] = {{0.2, 0.22}, {0.5, 0.18}, {0.79, 0.25}, {0.79, 0.56}, {0.76, 0.84}};
  for (std::size_t i = 0; i < std::size(places); ++i)
    fill_bowl(canvas, w * places[i].x + dice.between(-12.0, 12.0),
              h * places[i].y + dice.between(-12.0, 12.0), w * dice.between(0.1, 0.135),
              first + i + 1, dice);
  draw_cutlery(canvas, w * 0.12, h * 0.42, h * 0.4);
  return canvas;
}

Canvas draw_stall(Dice& dice, Mood mood) {
  Canvas canvas(1280, 960);
  const double w = canvas.w();
  const double h = canvas.h();
  const Sky sky = sky_of(mood.light, mood.season);
  const bool night = mood.light == Light::night;
  canvas.paint(gradient(0, 0, 0, h, darker(sky.bottom, 0.25), darker(sky.haze, 0.5)));
  for (int i = 0; i < 9; ++i)  // people and lights far behind
    canvas.soft(
        Path().circle(w * dice.unit(), h * dice.between(0.25, 0.5), dice.between(24.0, 60.0)),
        dice.chance(0.5) ? rgb(0xffd79a) : dice.pick(palette), 0.4, 34);
  const Produce autumn[] = {{rgb(0xe8752f), 40, true},  {rgb(0xd9c24a), 46, false},
                            {rgb(0x6b3a55), 30, false}, {rgb(0x8a4a2a), 28, false},
                            {rgb(0xb23a2e), 42, false}, {rgb(0x9a5a3c), 36, false}};
  const Produce summer[] = {{rgb(0xf2c93f), 40, false}, {rgb(0xf2a6a0), 42, false},
                            {rgb(0x4e8a3f), 46, false}, {rgb(0xc0392b), 34, true},
                            {rgb(0x5a3a68), 28, false}, {rgb(0xd9b36a), 36, false}};
  const Produce winter[] = {{rgb(0xf28c1e), 38, true},  {rgb(0xb23a2e), 42, false},
                            {rgb(0xe9e4d4), 44, false}, {rgb(0xc97a3a), 34, false},
                            {rgb(0xf2b33a), 36, true},  {rgb(0x7a4a34), 30, false}};
  const auto& kinds = mood.season == Season::winter   ? winter
                      : mood.season == Season::autumn ? autumn
                                                      : summer;
  const std::size_t first = dice.below(6);
  std::size_t kind = first;
  for (int row = 0; row < 3; ++row) {
    const double y = h * (0.4 + 0.19 * row);
    const double crate = w / (3.25 - row * 0.12);
    for (int i = 0; i < 3; ++i)
      draw_crate(canvas, w * 0.03 + i * crate - row * 18, y, crate * 0.92, h * 0.2,
                 kinds[kind++ % 6], dice);
  }
  const Colour stripe = palette[dice.below(7)];
  const int stripes = 12;
  for (int i = 0; i < stripes; ++i) {
    const double left = w * i / stripes;
    const double right = w * (i + 1) / stripes;
    Path awning;
    awning.move(left, 0)
        .line(right, 0)
        .line(right, h * 0.2)
        .quad((left + right) / 2, h * 0.29, left, h * 0.2);
    const Colour colour = i % 2 == 0 ? stripe : rgb(0xf5ecd9);
    canvas.fill(awning, gradient(0, 0, 0, h * 0.27, darker(colour, night ? 0.5 : 0.25),
                                 darker(colour, night ? 0.2 : 0)));
  }
  canvas.soft(Path().rect(0, h * 0.26, w, 30), rgb(0x120b06), 0.35, 40);
  for (const double part : {0.2, 0.5, 0.8}) {  // bulbs
    canvas.fill(Path().rect(w * part - 2, h * 0.2, 4, h * 0.1), rgb(0x2a2020));
    canvas.soft(Path().circle(w * part, h * 0.32, 60), rgb(0xffd27a), night ? 0.7 : 0.35, 70);
    canvas.fill(Path().circle(w * part, h * 0.315, 17), rgb(0xfff3cf));
  }
  return canvas;
}

}  // namespace madang::app::seed
