// Things that stand still: vases, yarn, a window with books.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

/// Half widths from the mouth down to the foot, of a vessel one high.
using Profile = std::vector<double>;

const Profile profiles[] = {
    {0.13, 0.11, 0.16, 0.36, 0.42, 0.38, 0.29, 0.22, 0.2, 0.23},   // maebyeong
    {0.2, 0.22, 0.36, 0.46, 0.49, 0.49, 0.45, 0.36, 0.26, 0.25},   // moon jar
    {0.16, 0.09, 0.07, 0.09, 0.18, 0.31, 0.38, 0.36, 0.26, 0.22},  // bottle
    {0.47, 0.46, 0.44, 0.41, 0.36, 0.3, 0.24, 0.2, 0.19, 0.2},     // bowl
};

Path vessel(const Profile& profile, double x, double y, double width, double height) {
  std::vector<Point> right;
  for (std::size_t i = 0; i < profile.size(); ++i)
    right.push_back(
        {x + profile[i] * width,
         y - height + height * static_cast<double>(i) / static_cast<double>(profile.size() - 1)});
  right = smooth(right);
  Path out;
  out.move(right.front().x, right.front().y);
  for (const Point& point : right) out.line(point.x, point.y);
  for (auto point = right.rbegin(); point != right.rend(); ++point)
    out.line(2 * x - point->x, point->y);
  return out;
}

/// Inlaid clouds and cranes, as far as a few strokes go.
void decorate(Canvas& canvas, const Path& outline, double x, double y, double width, double height,
              Colour glaze, Dice& dice) {
  const Colour inlay = lighter(glaze, 0.65);
  const Colour dark = darker(glaze, 0.55);
  const int kind = dice.between(0, 3);
  Path marks;
  if (kind == 0) {  // bands
    for (const double part : {0.3, 0.33, 0.78, 0.81})
      marks.arc({x - width, y - height * (1 - part)}, {x, y - height * (1 - part) + 22},
                {x + width, y - height * (1 - part)}, 3.5);
    canvas.fill_within(outline, marks, solid(dark), 0.6);
  } else if (kind == 1) {  // cranes in rings
    for (int i = 0; i < 5; ++i) {
      const double cx = x + width * dice.between(-0.34, 0.3);
      const double cy = y - height * dice.between(0.25, 0.7);
      const double s = height * 0.075;
      marks.arc({cx - s, cy + s * 0.4}, {cx - s * 0.2, cy - s * 0.9}, {cx + s * 0.1, cy}, 6);
      marks.arc({cx + s * 0.1, cy}, {cx + s * 0.5, cy - s * 1.1}, {cx + s * 1.1, cy - s * 0.1}, 6);
      marks.arc({cx - s * 0.2, cy + s * 0.1}, {cx + s * 0.3, cy + s * 0.5},
                {cx + s * 0.9, cy + s * 0.5}, 3);
    }
    canvas.fill_within(outline, marks, solid(inlay), 0.85);
  } else if (kind == 2) {  // a spray of plum
    const double side = dice.chance(0.5) ? 1 : -1;
    marks.arc({x - side * width * 0.25, y - height * 0.12},
              {x - side * width * 0.1, y - height * 0.5},
              {x + side * width * 0.2, y - height * 0.66}, 6);
    marks.arc({x - side * width * 0.1, y - height * 0.4},
              {x + side * width * 0.15, y - height * 0.4},
              {x + side * width * 0.24, y - height * 0.3}, 4);
    canvas.fill_within(outline, marks, solid(rgb(0x3b4d7a)), 0.8);
    Path buds;
    for (int i = 0; i < 9; ++i)
      buds.circle(x + side * width * dice.between(-0.14, 0.27),
                  y - height * dice.between(0.28, 0.68), height * dice.between(0.012, 0.022));
    canvas.fill_within(outline, buds, solid(rgb(0x5b7fc0)), 0.85);
  }
}

void draw_vessel(Canvas& canvas, double x, double y, double width, double height, Dice& dice) {
  const Colour glazes[] = {rgb(0x9dbfae), rgb(0x86ac9c), rgb(0xf0ede4), rgb(0xe7e4dc),
                           rgb(0x6f4b3a), rgb(0xb9cfc2), rgb(0x4f6a6b)};
  const Colour glaze = dice.pick(glazes);
  const bool squat = height < width * 1.1;
  const Profile& profile = squat ? (dice.chance(0.5) ? profiles[1] : profiles[3])
                                 : (dice.chance(0.5) ? profiles[0] : profiles[2]);
  const Path outline = vessel(profile, x, y, width, height);
  canvas.soft(Path().ellipse(x + width * 0.2, y - 2, width * 0.42, height * 0.035), rgb(0x1c1712),
              0.5, 20);
  canvas.fill(outline, turned(x - width * 0.5, x + width * 0.5, glaze));
  decorate(canvas, outline, x, y, width, height, glaze, dice);
  const double mouth = profile.front() * width;
  canvas.fill(Path().ellipse(x, y - height, mouth, mouth * 0.16), darker(glaze, 0.55));
  Path rim;
  rim.ellipse(x, y - height - 1, mouth * 1.02, mouth * 0.18);
  canvas.fill(rim, lighter(glaze, 0.3), 0.35);
  canvas.soft(Path().ellipse(x - width * profile[3] * 0.42, y - height * 0.62, width * 0.035,
                             height * 0.11, 0.16),
              rgb(0xffffff), 0.7, 9);
}

void draw_shelf(Canvas& canvas, double y, Colour wood) {
  canvas.soft(Path().rect(0, y + 30, canvas.w(), 26), rgb(0x120d0a), 0.5, 26);
  canvas.fill(Path().rect(0, y, canvas.w(), 34),
              gradient(0, y, 0, y + 34, lighter(wood, 0.12), darker(wood, 0.3)));
  canvas.fill(Path().rect(0, y, canvas.w(), 4), lighter(wood, 0.3), 0.7);
}

void draw_sprig(Canvas& canvas, double x, double y, Season season, Dice& dice) {
  for (int i = 0; i < 3; ++i) {
    const Point tip{x + dice.between(-130.0, 130.0), y - dice.between(170.0, 300.0)};
    const auto stem = smooth(std::vector<Point>{{x, y}, {x + (tip.x - x) * 0.2, y - 110}, tip});
    canvas.fill(Path().stroke(stem, 6, 3), rgb(0x4f3a2c));
    for (std::size_t k = stem.size() / 3; k < stem.size(); k += 3)
      canvas.fill(
          leaf(0.4).placed(stem[k].x, stem[k].y, dice.between(24.0, 44.0), dice.unit() * 2 * pi),
          season == Season::winter ? rgb(0xc0392b) : leaf_colour(season, dice));
  }
}

void draw_ball(Canvas& canvas, double x, double y, double r, Colour colour, Dice& dice) {
  const Path ball = Path().circle(x, y, r);
  canvas.soft(ball.placed(14, 24, 1), rgb(0x1a120c), 0.4, 26);
  canvas.fill(ball, radial(x - r * 0.35, y - r * 0.4, r * 1.6, lighter(colour, 0.25),
                           darker(colour, 0.45)));
  for (int turn = 0; turn < 4; ++turn) {  // wound in four directions
    const double angle = turn * pi / 4 + dice.between(-0.3, 0.3);
    Path threads;
    for (int k = -5; k <= 5; ++k) {
      const double off = r * k / 5.5;
      const double reach = std::sqrt(std::max(r * r - off * off, 0.0));
      Path one;
      one.arc({-reach, off}, {0, off + r * 0.24}, {reach, off}, 5);
      threads.add(one.placed(x, y, 1, angle));
    }
    canvas.fill_within(ball, threads,
                       solid(turn % 2 == 0 ? lighter(colour, 0.22) : darker(colour, 0.22)), 0.34);
  }
}

/// The paper's frame, and the shadow of what stands before it.
void draw_lattice(Canvas& canvas, Point at, Point size, Colour wood, Dice& dice) {
  const auto [x, y] = at;
  const auto [ww, wh] = size;
  Path twig;  // a shadow on the paper
  for (int i = 0; i < 3; ++i)
    twig.arc({x + ww, y + wh * (0.05 + 0.2 * i)}, {x + ww * 0.7, y + wh * 0.3},
             {x + ww * dice.between(0.35, 0.6), y + wh * dice.between(0.2, 0.8)}, 8);
  for (int i = 0; i < 22; ++i)
    twig.add(leaf(0.4).placed(x + ww * dice.between(0.4, 0.98), y + wh * dice.between(0.1, 0.8), 40,
                              dice.unit() * 6.2));
  canvas.soft(twig, rgb(0x5b5348), 0.34, 9);
  Path lattice;
  for (int i = 0; i <= 12; ++i)
    lattice.rect(x + ww * i / 12 - (i % 6 == 0 ? 8 : 3), y, i % 6 == 0 ? 16 : 6, wh);
  for (const double part : {0.0, 0.06, 0.12, 0.44, 0.5, 0.56, 0.88, 0.94, 1.0})
    lattice.rect(x - 8, y + wh * part - 3, ww + 16, 6);
  lattice.rect(x - 26, y - 24, ww + 52, 26).rect(x - 26, y + wh, ww + 52, 26);
  lattice.rect(x - 26, y - 24, 24, wh + 48).rect(x + ww + 2, y - 24, 24, wh + 48);
  canvas.fill(lattice, wood);
}

void draw_books(Canvas& canvas, double bx, double top, Dice& dice) {
  for (int i = 0; i < 5; ++i) {  // books
    const Colour cover = dice.pick(palette);
    const double width = dice.between(240.0, 310.0);
    const double thick = dice.between(30.0, 46.0);
    const double left = bx - width / 2 + dice.between(-16.0, 16.0);
    if (i == 0) canvas.soft(Path().rect(left, top - 6, width + 30, 16), rgb(0x150d08), 0.5, 18);
    top -= thick;
    canvas.fill(Path().rounded(left, top, width, thick, 6),
                gradient(0, top, 0, top + thick, lighter(cover, 0.15), darker(cover, 0.25)));
    canvas.fill(
        Path().rect(left + width * 0.1, top, 5, thick).rect(left + width * 0.8, top, 5, thick),
        lighter(cover, 0.45), 0.7);
  }
}

void draw_cup(Canvas& canvas, double cx, double cy, Dice& dice) {
  const Colour glaze = dice.chance(0.5) ? rgb(0x9dbfae) : rgb(0xf1eee6);
  canvas.soft(Path().ellipse(cx + 16, cy, 120, 18), rgb(0x150d08), 0.5, 18);
  canvas.fill(vessel(profiles[3], cx, cy, 210, 130), turned(cx - 105, cx + 105, glaze));
  canvas.fill(Path().ellipse(cx, cy - 130, 98, 18), darker(glaze, 0.3));
  canvas.fill(Path().ellipse(cx, cy - 127, 90, 14), rgb(0xb78a3c));
  for (int i = 0; i < 3; ++i) {  // steam
    const double sx = cx - 40 + 40 * i;
    Path steam;
    steam.stroke(
        smooth(std::vector<Point>{
            {sx, cy - 150}, {sx + 18, cy - 205}, {sx - 14, cy - 255}, {sx + 10, cy - 320}}),
        12, 4);
    canvas.soft(steam, rgb(0xffffff), 0.4, 14);
  }
}

}  // namespace

Canvas draw_vases(Dice& dice, Mood mood) {
  Canvas canvas(1080, 1080);
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour walls[] = {rgb(0xe9dfcc), rgb(0xd8c4ae), rgb(0xc7d0c8),
                          rgb(0x4b5560), rgb(0xb9a28d), rgb(0x8b6b58)};
  Colour wall = dice.pick(walls);
  if (mood.light == Light::night) wall = darker(wall, 0.45);
  canvas.paint(gradient(0, 0, w, h, lighter(wall, 0.14), darker(wall, 0.2)));
  Path light;  // from a window
  const double slant = dice.between(0.1, 0.4);
  light.move(w * slant, 0)
      .line(w * (slant + 0.34), 0)
      .line(w * (slant + 0.1), h)
      .line(w * (slant - 0.3), h);
  canvas.soft(light, rgb(0xfff2d2), mood.light == Light::night ? 0.08 : 0.3, 26);
  const bool two = dice.chance(0.5);
  const Colour wood = mix(rgb(0x6a4228), rgb(0x9b6b43), static_cast<float>(dice.unit()));
  std::vector<double> shelves{h * 0.86};
  if (two) shelves.insert(shelves.begin(), h * 0.44);
  for (const double y : shelves) {
    draw_shelf(canvas, y, wood);
    const int count = two ? 3 : dice.between(2, 3);
    const double tall = two ? h * 0.33 : h * 0.58;
    const int tallest = dice.between(0, count - 1);
    for (int i = 0; i < count; ++i) {
      const double x = w * (i + 0.5) / count + dice.between(-18.0, 18.0);
      const double height = tall * (i == tallest ? 1.0 : dice.between(0.5, 0.85));
      const double width = std::min(w / count * 0.92, height * dice.between(0.72, 1.2));
      if (height > tall * 0.75 && dice.chance(0.4))
        draw_sprig(canvas, x, y - height + 4, mood.season, dice);
      draw_vessel(canvas, x, y, width, height, dice);
    }
  }
  return canvas;
}

Canvas draw_yarn(Dice& dice, Mood) {
  Canvas canvas(1080, 1080);
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour grounds[] = {rgb(0xe8dcc8), rgb(0xb98b64), rgb(0xcfd8d2), rgb(0x6b4b38),
                            rgb(0xd9c1b4)};
  const Colour ground = dice.pick(grounds);
  canvas.paint(radial(w * 0.4, h * 0.35, w, lighter(ground, 0.15), darker(ground, 0.25)));
  const std::size_t first = dice.below(std::size(palette));
  for (int i = 0; i < 7; ++i) {
    const double r = w * dice.between(0.13, 0.2);
    const double x = w * (0.2 + 0.3 * (i % 3)) + dice.between(-46.0, 46.0);
    const int row = i / 3;
    const double y = h * (0.22 + 0.29 * row) + dice.between(-46.0, 46.0);
    const Colour colour = palette[(first + static_cast<std::size_t>(i) * 5) % std::size(palette)];
    draw_ball(canvas, x, y, r, colour, dice);
    if (i % 3 == 0) {
      const auto thread = smooth(std::vector<Point>{{x + r * 0.6, y + r * 0.7},
                                                    {x + r * 1.2, y + r * 1.3},
                                                    {x + r * 0.5, y + r * 1.7},
                                                    {x + r * 1.8, y + r * 2.1}});
      canvas.fill(Path().stroke(thread, 7, 7), darker(colour, 0.1));
    }
  }
  for (const double angle : {0.62, 0.82}) {  // needles
    Path needle;
    needle.stroke(std::vector<Point>{{-w * 0.36, 0}, {w * 0.36, 0}}, 15, 7)
        .circle(-w * 0.37, 0, 17);
    canvas.soft(needle.placed(w * 0.62, h * 0.66, 1, -angle), rgb(0x1a120c), 0.35, 14);
    canvas.fill(needle.placed(w * 0.61, h * 0.64, 1, -angle), rgb(0xd9a662));
  }
  return canvas;
}

Canvas draw_window(Dice& dice, Mood mood) {
  Canvas canvas(1280, 960);
  const double w = canvas.w();
  const double h = canvas.h();
  const bool night = mood.light == Light::night;
  const Colour wall = night ? rgb(0x3b3230) : rgb(0xd9c7ab);
  canvas.paint(gradient(0, 0, w, h, lighter(wall, 0.08), darker(wall, 0.18)));
  const double x = w * 0.2;
  const double y = h * 0.07;
  const double ww = w * 0.6;
  const double wh = h * 0.6;
  const Colour paper = night                       ? rgb(0x5d6c90)
                       : mood.light == Light::dusk ? rgb(0xf6c08a)
                                                   : rgb(0xfaf3e0);
  canvas.soft(Path().rect(x, y, ww, wh), lighter(paper, 0.3), night ? 0.12 : 0.5, 70);
  canvas.fill(Path().rect(x, y, ww, wh),
              gradient(x, y, x + ww, y + wh, lighter(paper, 0.3), darker(paper, 0.08)));
  draw_lattice(canvas, {x, y}, {ww, wh}, night ? rgb(0x251b18) : rgb(0x6b4630), dice);
  const double table = h * 0.8;
  canvas.fill(Path().rect(0, table, w, h - table),
              gradient(0, table, 0, h, rgb(0x8a5a3a), rgb(0x5a3724)));
  canvas.fill(Path().rect(0, table, w, 6), rgb(0xb98056));
  Path glow;
  glow.move(x + 60, table).line(x + ww - 60, table).line(x + ww + 120, h).line(x - 40, h);
  canvas.soft(glow, lighter(paper, 0.2), night ? 0.1 : 0.28, 40);
  draw_books(canvas, w * dice.between(0.28, 0.4), table + 40, dice);
  draw_cup(canvas, w * dice.between(0.62, 0.72), table + 70, dice);
  return canvas;
}

}  // namespace madang::app::seed
