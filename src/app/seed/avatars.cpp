// Faces for those who show one, and signs for those who do not.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

constexpr double side = 256;
constexpr double mid = side / 2;

const Colour skins[] = {rgb(0xf4d3b5), rgb(0xeec39c), rgb(0xe0ac80),
                        rgb(0xf7dcc4), rgb(0xb9794f), rgb(0x8a5638)};
const Colour hairs[] = {rgb(0x1f1b22), rgb(0x2e2320), rgb(0x4a3226), rgb(0x1f1b22),
                        rgb(0x7a4a2c), rgb(0xb9b4b0), rgb(0x2b2430)};

void draw_ground(Canvas& canvas, Dice& dice) {
  const Colour ground =
      mix(dice.pick(palette), rgb(0xf1e6d2), static_cast<float>(dice.between(0.15, 0.6)));
  canvas.paint(gradient(0, 0, side, side, lighter(ground, 0.15), darker(ground, 0.08)));
  const Colour other = dice.pick(palette);
  switch (dice.below(4)) {
    case 0:
      canvas.fill(Path().circle(mid, mid * 0.95, 92), lighter(ground, 0.45), 0.7);
      break;
    case 1: {
      Path half;
      half.move(0, 0).line(side, 0).line(0, side);
      canvas.fill(half, other, 0.35);
      break;
    }
    case 2:
      canvas.fill(Path().circle(side * 0.82, side * 0.2, 60), other, 0.5);
      break;
    default:
      for (int i = 0; i < 4; ++i)
        canvas.fill(Path().rect(0, 64 * i, side, 22), lighter(ground, 0.3), 0.35);
  }
}

void draw_shoulders(Canvas& canvas, Colour skin, Dice& dice) {
  const Colour cloth = dice.pick(palette);
  canvas.fill(Path().rounded(mid - 22, 140, 44, 70, 18), darker(skin, 0.14));
  Path body;
  body.move(20, 262).cubic(24, 206, 70, 194, mid, 192).cubic(186, 194, 232, 206, 236, 262);
  canvas.fill(body, gradient(0, 190, 0, 256, lighter(cloth, 0.08), darker(cloth, 0.15)));
  if (dice.chance(0.4)) {  // the crossed collar of a jeogori
    Path collar;
    collar.stroke(std::vector<Point>{{100, 192}, {146, 256}}, 16, 16)
        .stroke(std::vector<Point>{{156, 192}, {126, 236}}, 16, 16);
    canvas.fill(collar, dice.chance(0.5) ? rgb(0x8a2f3a) : darker(cloth, 0.4));
    Path strip;
    strip.stroke(std::vector<Point>{{106, 190}, {144, 244}}, 7, 7)
        .stroke(std::vector<Point>{{150, 190}, {124, 228}}, 7, 7);
    canvas.fill(strip, rgb(0xfbf7ee));
  } else {
    canvas.fill(Path().ellipse(mid, 196, 26, 13), skin);
    if (dice.chance(0.5))
      canvas.fill(Path().arc({98, 196}, {mid, 226}, {158, 196}, 9), darker(cloth, 0.3));
  }
}

/// What lies behind the head.
void draw_back_hair(Canvas& canvas, std::size_t style, Colour hair) {
  if (style == 1) canvas.fill(Path().rounded(70, 66, 116, 150, 56), hair);  // long
  if (style == 2) canvas.fill(Path().circle(mid, 44, 27), hair);            // a knot on top
  if (style == 3) canvas.fill(Path().ellipse(mid, 112, 68, 66), hair);      // bob
  if (style == 4)
    for (int i = 0; i < 14; ++i)
      canvas.fill(Path().circle(mid + 58 * std::cos(i * 0.449), 96 + 54 * std::sin(i * 0.449), 22),
                  hair);  // curls
  if (style == 6)
    canvas.fill(
        Path().stroke(smooth(std::vector<Point>{{170, 120}, {192, 170}, {176, 226}}), 30, 14),
        hair);  // a plait
}

void draw_hair(Canvas& canvas, std::size_t style, Colour hair) {
  Path front;
  if (style == 5) {  // parted
    canvas.fill(Path().ellipse(mid, 68, 44, 17), hair);
    front.move(74, 112).cubic(70, 48, 118, 40, 120, 52).cubic(112, 76, 96, 84, 82, 118);
    front.move(182, 112).cubic(190, 44, 124, 36, 118, 52).cubic(136, 80, 162, 84, 174, 118);
  } else if (style % 2 == 0) {  // swept to a side
    front.move(72, 114)
        .cubic(64, 50, 110, 36, 140, 42)
        .cubic(190, 46, 190, 96, 184, 116)
        .cubic(176, 92, 160, 80, 140, 76);
    front.cubic(118, 88, 90, 86, 82, 118);
  } else {  // a fringe
    front.move(72, 120)
        .cubic(66, 44, 128, 38, 128, 40)
        .cubic(190, 40, 188, 90, 184, 120)
        .cubic(178, 96, 168, 92, 160, 92);
    front.cubic(140, 96, 112, 96, 96, 92).cubic(86, 94, 80, 104, 72, 120);
  }
  canvas.fill(front, hair);
  canvas.fill(Path().arc({92, 66}, {118, 48}, {146, 54}, 5), lighter(hair, 0.3), 0.5);
}

void draw_features(Canvas& canvas, Colour skin, Colour hair, Dice& dice) {
  const Colour ink = rgb(0x33262a);
  Path lines;
  const bool smiling = dice.chance(0.5);
  for (const double s : {-1.0, 1.0}) {
    const double x = mid + s * 24;
    if (smiling)
      lines.arc({x - 9, 120}, {x, 110}, {x + 9, 120}, 4);
    else
      lines.ellipse(x, 118, 4.4, 5.6);
    canvas.soft(Path().circle(mid + s * 34, 138, 9), rgb(0xe98a80), 0.4, 9);
  }
  lines.arc({mid - 13, 148}, {mid, 160}, {mid + 13, 148}, 3.6);
  canvas.fill(lines, ink, 0.9);
  canvas.fill(Path().arc({mid + 1, 122}, {mid + 8, 136}, {mid - 2, 137}, 2.6), darker(skin, 0.35),
              0.8);
  Path brows;
  for (const double s : {-1.0, 1.0})
    brows.arc({mid + s * 14, 103}, {mid + s * 24, 97}, {mid + s * 35, 103}, 4);
  canvas.fill(brows, hair, 0.8);
  if (dice.chance(0.25)) {  // glasses
    Path rims;
    for (const double s : {-1.0, 1.0})
      for (int i = 0; i < 20; ++i) {
        const double a = i * pi / 10;
        const double b = (i + 1) * pi / 10;
        rims.stroke(std::vector<Point>{{mid + s * 25 + 17 * std::cos(a), 118 + 15 * std::sin(a)},
                                       {mid + s * 25 + 17 * std::cos(b), 118 + 15 * std::sin(b)}},
                    3, 3);
      }
    rims.stroke(std::vector<Point>{{mid - 8, 117}, {mid + 8, 117}}, 3, 3);
    canvas.fill(rims, rgb(0x4a3a35));
  }
}

void draw_portrait(Canvas& canvas, Dice& dice) {
  draw_ground(canvas, dice);
  const Colour skin = dice.pick(skins);
  const Colour hair = dice.pick(hairs);
  const std::size_t style = dice.below(8);
  draw_back_hair(canvas, style, darker(hair, 0.12));
  draw_shoulders(canvas, skin, dice);
  canvas.fill(Path().circle(76, 122, 10).circle(180, 122, 10), darker(skin, 0.08));
  Path head;
  head.move(78, 104)
      .cubic(78, 60, 178, 60, 178, 104)
      .cubic(180, 150, 152, 178, mid, 178)
      .cubic(104, 178, 76, 150, 78, 104);
  canvas.soft(head.placed(0, 8, 1), darker(skin, 0.5), 0.25, 10);
  canvas.fill(head, radial(mid - 20, 100, 110, lighter(skin, 0.12), darker(skin, 0.06)));
  draw_features(canvas, skin, hair, dice);
  draw_hair(canvas, style, hair);
}

void draw_hills(Canvas& canvas, Dice& dice) {
  const Colour tone = dice.pick(palette);
  canvas.paint(gradient(0, 0, 0, side, lighter(tone, 0.75), lighter(tone, 0.4)));
  canvas.fill(Path().circle(dice.between(80.0, 180.0), 84, 34),
              dice.chance(0.5) ? rgb(0xe2573a) : rgb(0xfff4d6));
  for (int i = 0; i < 4; ++i) {
    const Noise noise(dice.below(1'000'000));
    Path hill;
    hill.move(0, side);
    for (double x = 0; x <= side; x += 4)
      hill.line(x, 120 + 34 * i - 60 * noise.rough(x / 110, 0, 3));
    hill.line(side, side);
    canvas.fill(hill, mix(lighter(tone, 0.35), darker(tone, 0.45), static_cast<float>(i) / 3));
  }
}

void draw_sign(Canvas& canvas, Dice& dice) {
  draw_ground(canvas, dice);
  const Colour ink = dice.pick(palette);
  if (dice.chance(0.5)) {  // a persimmon
    canvas.soft(Path().ellipse(mid, 206, 70, 10), rgb(0x1a120c), 0.35, 12);
    canvas.fill(Path().ellipse(mid, 142, 78, 68),
                radial(104, 116, 130, rgb(0xf7b060), rgb(0xc9501e)));
    for (int i = 0; i < 4; ++i)
      canvas.fill(leaf(0.5).placed(mid, 80, 46, pi * (0.1 + 0.27 * i)), rgb(0x6f8040));
    canvas.fill(Path().rounded(mid - 5, 58, 10, 26, 5), rgb(0x4c3a25));
    return;
  }
  for (int i = 0; i < 8; ++i) {  // a flower as it is carved on eaves
    const double a = i * pi / 4;
    canvas.fill(Path().circle(mid + std::cos(a) * 58, mid + std::sin(a) * 58, 30),
                i % 2 == 0 ? ink : lighter(ink, 0.4));
  }
  canvas.fill(Path().circle(mid, mid, 40), rgb(0xf2b84b));
  canvas.fill(Path().circle(mid, mid, 22), rgb(0xf8efdc));
}

}  // namespace

Canvas draw_avatar(Dice& dice, Mood) {
  Canvas canvas(static_cast<int>(side), static_cast<int>(side));
  const double kind = dice.unit();
  if (kind < 0.72)
    draw_portrait(canvas, dice);
  else if (kind < 0.87)
    draw_hills(canvas, dice);
  else
    draw_sign(canvas, dice);
  return canvas;
}

}  // namespace madang::app::seed
