// The yard when something is on: lanterns and a rope walker; a mask.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

void draw_lantern(Canvas& canvas, double x, double y, double size, Colour silk) {
  canvas.soft(Path().circle(x, y, size * 1.5), lighter(silk, 0.25), 0.42, size * 1.5);
  const Path body = Path().ellipse(x, y, size * 0.72, size * 0.9);
  canvas.fill(body, radial(x, y + size * 0.1, size, lighter(silk, 0.65), silk));
  Path ribs;
  for (const double part : {-0.62, -0.3, 0.0, 0.3, 0.62})
    ribs.arc({x + part * size * 0.4, y - size * 0.9}, {x + part * size * 1.7, y},
             {x + part * size * 0.4, y + size * 0.9}, 2.4);
  canvas.fill_within(body, ribs, solid(darker(silk, 0.3)), 0.5);
  Path caps;
  caps.rounded(x - size * 0.34, y - size * 1.02, size * 0.68, size * 0.2, 4);
  caps.rounded(x - size * 0.34, y + size * 0.82, size * 0.68, size * 0.2, 4);
  caps.rect(x - 2, y + size, 4, size * 0.5).rect(x - 7, y + size * 1.2, 14, size * 0.6);
  canvas.fill(caps, rgb(0x3a1f1c));
}

void draw_string(Canvas& canvas, Point from, Point to, double sag, int count, double size,
                 Dice& dice) {
  const Colour silks[] = {rgb(0xe2572f), rgb(0xf2b84b), rgb(0x3f8fb0), rgb(0xd9556f),
                          rgb(0x6fae6a)};
  const Point control{(from.x + to.x) / 2, (from.y + to.y) / 2 + sag * 2};
  canvas.fill(Path().arc(from, control, to, 3), rgb(0x1a1418));
  for (int i = 1; i <= count; ++i) {
    const double t = static_cast<double>(i) / (count + 1);
    const double u = 1 - t;
    const double x = u * u * from.x + 2 * u * t * control.x + t * t * to.x;
    const double y = u * u * from.y + 2 * u * t * control.y + t * t * to.y;
    draw_lantern(canvas, x, y + size * 1.1, size, dice.pick(silks));
  }
}

/// On the rope, a fan in one hand, mid-step.
void draw_walker(Canvas& canvas, double x, double y, double s, double side) {
  const auto px = [&](double part) { return x + side * part * s; };
  const auto limb = [&](std::vector<Point> points, double from, double to, Colour colour) {
    for (Point& p : points) p = {px(p.x), y + p.y * s};
    canvas.fill(Path().stroke(smooth(points), from * s, to * s), colour);
  };
  limb({{-0.02, -0.85}, {-0.2, -0.45}, {-0.28, 0}}, 0.26, 0.12, rgb(0xece6da));
  limb({{0.05, -0.85}, {0.32, -0.62}, {0.26, -0.1}}, 0.26, 0.12, rgb(0xfaf6ec));
  limb({{0, -1.5}, {0, -1.2}, {0.02, -0.8}}, 0.34, 0.36, rgb(0x2d5a88));
  limb({{-0.02, -1.45}, {-0.4, -1.6}, {-0.72, -1.35}}, 0.17, 0.11, rgb(0xf7f2e6));
  limb({{0.05, -1.45}, {0.4, -1.75}, {0.66, -2.05}}, 0.17, 0.11, rgb(0xf7f2e6));
  canvas.fill(Path().circle(x, y - 1.78 * s, 0.19 * s), rgb(0xe5b893));
  Path hat;  // of horsehair
  hat.ellipse(x, y - 1.87 * s, 0.36 * s, 0.06 * s)
      .rect(x - 0.15 * s, y - 2.14 * s, 0.3 * s, 0.27 * s);
  canvas.fill(hat, rgb(0x1b1720));
  Path fan;
  fan.move(px(0.66), y - 2.05 * s);
  for (int i = 0; i <= 12; ++i) {
    const double angle = -pi * (0.08 + 0.84 * i / 12);
    fan.line(px(0.66) + std::cos(angle) * 0.56 * s, y - 2.05 * s + std::sin(angle) * 0.56 * s);
  }
  canvas.fill(fan, radial(px(0.66), y - 2.05 * s, 0.56 * s, rgb(0xc63d2f), rgb(0xf3c14b)));
  limb({{0.1, -0.95}, {-0.3, -0.8}, {-0.62, -0.62}}, 0.1, 0.04,
       rgb(0xd9482f));  // a sash in the wind
}

void draw_crowd(Canvas& canvas, double top, Dice& dice) {
  for (int row = 0; row < 4; ++row) {
    const double size = 24 + 13 * row;
    const double y = top + row * 74;
    const Colour shade = mix(rgb(0x54405a), rgb(0x120e1c), static_cast<float>(row) / 3);
    for (double x = dice.between(-20.0, 20.0); x < canvas.w() + size;
         x += size * dice.between(2.0, 2.9)) {
      const double head = y + dice.between(-14.0, 14.0);
      Path person;
      person.circle(x, head, size);
      person.rounded(x - size * 1.6, head + size * 0.8, size * 3.2, canvas.h(), size * 1.2);
      if (dice.chance(0.25)) person.circle(x + size * 0.1, head - size * 1.05, size * 0.42);
      canvas.fill(person, shade);
      Path rim;  // the light that falls on it
      rim.arc({x - size * 0.8, head - size * 0.5}, {x, head - size * 1.35},
              {x + size * 0.8, head - size * 0.5}, 3);
      canvas.fill(rim, rgb(0xffb867), 0.4 - 0.08 * row);
    }
  }
}

/// A face in a few curves: what differs is the colour, the brows, the mouth.
struct Face {
  Colour face;
  Colour brow;
  double smile = 0.3;
  bool spots = false;
};

void draw_face(Canvas& canvas, double x, double y, double s, const Face& mask) {
  Path face;
  face.move(x - 0.62 * s, y - 0.6 * s).quad(x, y - 1.06 * s, x + 0.62 * s, y - 0.6 * s);
  face.cubic(x + 0.8 * s, y - 0.1 * s, x + 0.62 * s, y + 0.62 * s, x, y + 0.92 * s);
  face.cubic(x - 0.62 * s, y + 0.62 * s, x - 0.8 * s, y - 0.1 * s, x - 0.62 * s, y - 0.6 * s);
  canvas.soft(face.placed(s * 0.05, s * 0.09, 1), rgb(0x0d0a10), 0.55, 40);
  canvas.fill(face, radial(x - 0.25 * s, y - 0.35 * s, 1.5 * s, lighter(mask.face, 0.18),
                           darker(mask.face, 0.42)));
  const Colour dark = darker(mask.face, 0.72);
  Path wrinkles;
  for (int i = 0; i < 3; ++i)
    wrinkles.arc({x - 0.36 * s, y - (0.62 + 0.09 * i) * s}, {x, y - (0.54 + 0.09 * i) * s},
                 {x + 0.36 * s, y - (0.62 + 0.09 * i) * s}, 5);
  for (const double side : {-1.0, 1.0}) {
    wrinkles.arc({x + side * 0.2 * s, y + 0.14 * s}, {x + side * 0.5 * s, y + 0.2 * s},
                 {x + side * 0.46 * s, y + 0.52 * s}, 7);
    wrinkles.arc({x + side * 0.5 * s, y - 0.14 * s}, {x + side * 0.6 * s, y - 0.04 * s},
                 {x + side * 0.62 * s, y + 0.06 * s}, 5);
  }
  canvas.fill(wrinkles, darker(mask.face, 0.45), 0.7);
  for (const double side : {-1.0, 1.0}) {
    canvas.fill(Path().arc({x + side * 0.1 * s, y - 0.36 * s}, {x + side * 0.34 * s, y - 0.56 * s},
                           {x + side * 0.58 * s, y - 0.3 * s}, 0.075 * s),
                mask.brow);
    Path eye;  // a laughing slit
    eye.move(x + side * 0.14 * s, y - 0.16 * s)
        .quad(x + side * 0.33 * s, y - 0.32 * s, x + side * 0.52 * s, y - 0.12 * s);
    eye.quad(x + side * 0.33 * s, y - 0.2 * s, x + side * 0.14 * s, y - 0.16 * s);
    canvas.fill(eye, dark);
    canvas.soft(Path().circle(x + side * 0.42 * s, y + 0.16 * s, 0.13 * s), lighter(mask.face, 0.3),
                0.5, 0.1 * s);
  }
  Path nose;
  nose.move(x - 0.05 * s, y - 0.22 * s).quad(x - 0.2 * s, y + 0.12 * s, x - 0.13 * s, y + 0.17 * s);
  nose.quad(x, y + 0.25 * s, x + 0.13 * s, y + 0.17 * s)
      .quad(x + 0.2 * s, y + 0.12 * s, x + 0.05 * s, y - 0.22 * s);
  canvas.fill(nose, gradient(x - 0.15 * s, y, x + 0.15 * s, y, lighter(mask.face, 0.2),
                             darker(mask.face, 0.35)));
  Path mouth;
  mouth.move(x - 0.34 * s, y + 0.42 * s)
      .quad(x, y + (0.42 + mask.smile * 0.25) * s, x + 0.34 * s, y + 0.42 * s);
  mouth.quad(x, y + (0.42 + mask.smile) * s, x - 0.34 * s, y + 0.42 * s);
  canvas.fill(mouth, dark);
  canvas.fill(Path().arc({x - 0.34 * s, y + 0.42 * s}, {x, y + (0.42 + mask.smile) * s},
                         {x + 0.34 * s, y + 0.42 * s}, 0.035 * s),
              rgb(0xa8322a), 0.9);
  if (!mask.spots) return;
  canvas.fill(Path()
                  .circle(x, y - 0.52 * s, 0.07 * s)
                  .circle(x - 0.42 * s, y + 0.3 * s, 0.08 * s)
                  .circle(x + 0.42 * s, y + 0.3 * s, 0.08 * s),
              rgb(0xc63a2f));
}

}  // namespace

Canvas draw_lanterns(Dice& dice, Mood mood) {
  Canvas canvas(1280, 960);
  const double w = canvas.w();
  const double h = canvas.h();
  const bool dusk = mood.light == Light::dusk || mood.light == Light::day;
  const Sky sky = dusk ? Sky{rgb(0x2f3a6e), rgb(0xe8875c), rgb(0x8f5a78)}
                       : Sky{rgb(0x10162c), rgb(0x37386a), rgb(0x2b2c52)};
  draw_sky(canvas, sky, {mood.season, Light::night}, dice);
  Path hall;  // a roof behind it all
  const double eaves = h * 0.5;
  hall.move(-20, eaves)
      .quad(w * 0.2, eaves + 26, w * 0.5, eaves + 28)
      .quad(w * 0.8, eaves + 26, w + 20, eaves);
  hall.quad(w * 0.86, eaves - 70, w * 0.8, eaves - 130)
      .quad(w * 0.5, eaves - 108, w * 0.2, eaves - 130)
      .quad(w * 0.14, eaves - 70, -20, eaves);
  canvas.fill(Path().rect(0, eaves, w, h * 0.3),
              gradient(0, eaves, 0, h * 0.8, rgb(0x6b3f33), rgb(0xb5703f)));
  Path doors;
  for (int i = 0; i <= 10; ++i) doors.rect(w * i / 10 - 7, eaves, 14, h * 0.3);
  canvas.fill(doors, rgb(0x35201f));
  canvas.fill(hall, gradient(0, eaves - 130, 0, eaves + 28, rgb(0x3d4156), rgb(0x1b1b2a)));
  canvas.fill(Path().rect(0, h * 0.74, w, h * 0.3),
              gradient(0, h * 0.74, 0, h, rgb(0xc98a55), rgb(0x5a3a3a)));
  canvas.soft(Path().ellipse(w / 2, h * 0.76, w * 0.4, 60), rgb(0xffcf86), 0.6, 90);
  const double side = dice.chance(0.5) ? 1 : -1;
  const double rope = h * 0.6;
  const double at = w * dice.between(0.38, 0.62);
  Path poles;
  for (const double x : {w * 0.1, w * 0.9}) {
    poles.stroke(std::vector<Point>{{x - 60, h * 0.84}, {x + 6, rope - 30}}, 14, 10);
    poles.stroke(std::vector<Point>{{x + 60, h * 0.84}, {x - 6, rope - 30}}, 14, 10);
  }
  canvas.fill(poles, rgb(0x3a241c));
  canvas.fill(
      Path().stroke(std::vector<Point>{{w * 0.1, rope}, {at, rope + 14}, {w * 0.9, rope}}, 5, 5),
      rgb(0xe9d6a8));
  draw_walker(canvas, at, rope + 12, 96, side);
  const double size = dice.between(24.0, 32.0);
  draw_string(canvas, {-30, h * 0.06}, {w * 0.62, -10}, 110, 5, size, dice);
  draw_string(canvas, {w * 0.4, -20}, {w + 30, h * 0.12}, 120, 5, size, dice);
  draw_crowd(canvas, h * 0.8, dice);
  draw_season(canvas, mood.season, mood.season == Season::winter ? 90 : 10, dice);
  return canvas;
}

Canvas draw_mask(Dice& dice, Mood) {
  Canvas canvas(1080, 1080);
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour grounds[] = {rgb(0x24406b), rgb(0x3c5a4a), rgb(0x7d3c5d),
                            rgb(0xd9b36a), rgb(0x2b2a3a), rgb(0xc9563a)};
  const Colour ground = dice.pick(grounds);
  canvas.paint(radial(w / 2, h / 2, w * 0.75, lighter(ground, 0.16), darker(ground, 0.3)));
  Path rays;
  for (int i = 0; i < 24; i += 2) {
    const double a = 2 * pi * i / 24;
    const double b = 2 * pi * (i + 1) / 24;
    rays.move(w / 2, h / 2)
        .line(w / 2 + std::cos(a) * w, h / 2 + std::sin(a) * w)
        .line(w / 2 + std::cos(b) * w, h / 2 + std::sin(b) * w);
  }
  canvas.fill(rays, lighter(ground, 0.2), 0.25);
  const Colour ribbons[] = {rgb(0xc63a2f), rgb(0xf2b84b), rgb(0x2d6fa8), rgb(0xf4eee0),
                            rgb(0x3f8f5d)};
  for (int i = 0; i < 10; ++i) {  // the five colours, flying
    const double side = i % 2 == 0 ? 1 : -1;
    const double x = w / 2 + side * w * 0.22;
    const double y = h * (0.2 + 0.02 * i);
    const auto line = smooth(std::vector<Point>{
        {x, y},
        {x + side * w * dice.between(0.1, 0.2), y + h * dice.between(-0.1, 0.15)},
        {x + side * w * dice.between(0.18, 0.3), y + h * dice.between(0.15, 0.4)},
        {x + side * w * dice.between(0.24, 0.42), y + h * dice.between(0.4, 0.7)}});
    canvas.fill(Path().stroke(line, 34, 26), ribbons[i % 5]);
  }
  Face mask;
  const Colour faces[] = {rgb(0xb5623a), rgb(0xe9dcc6), rgb(0xa83a2e), rgb(0x8a5a3c),
                          rgb(0xd98a5a)};
  mask.face = dice.pick(faces);
  mask.brow = dice.chance(0.5) ? rgb(0x1d1718) : rgb(0xf4efe2);
  if (mask.brow.r > 0.8F && mask.face.r > 0.88F) mask.brow = rgb(0x1d1718);
  mask.smile = dice.between(0.22, 0.42);
  mask.spots = mask.face.r > 0.88F;
  draw_face(canvas, w / 2, h * 0.5, w * 0.42, mask);
  return canvas;
}

}  // namespace madang::app::seed
