// Cloth: patchwork, and what is worn.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

struct Patch {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

/// Scraps are cut as they come: divides until nothing is too large.
void divide(const Patch& patch, double largest, Dice& dice, std::vector<Patch>& out) {
  const double longer = std::max(patch.width, patch.height);
  if (longer < largest * dice.between(0.55, 1.1)) {
    out.push_back(patch);
    return;
  }
  const double part = dice.between(0.3, 0.7);
  Patch one = patch;
  Patch other = patch;
  if (patch.width > patch.height) {
    one.width = patch.width * part;
    other.x += one.width;
    other.width -= one.width;
  } else {
    one.height = patch.height * part;
    other.y += one.height;
    other.height -= one.height;
  }
  divide(one, largest, dice, out);
  divide(other, largest, dice, out);
}

/// Five or six colours that were dyed to go together.
std::vector<Colour> dye(Dice& dice) {
  static const std::vector<std::vector<Colour>> sets{
      {rgb(0xb23a3a), rgb(0xe8b04a), rgb(0x2d5a88), rgb(0xf0e6d6), rgb(0x3f8f7d), rgb(0x6a3d63)},
      {rgb(0xf2eadb), rgb(0xe3d5bb), rgb(0xcdb894), rgb(0xb2946b), rgb(0xe9dfd0), rgb(0x8a6a48)},
      {rgb(0xd9e6ea), rgb(0xa9c7d4), rgb(0x6d9ab5), rgb(0x2f5d86), rgb(0xeef2ee), rgb(0x1f3f66)},
      {rgb(0xf4d9dc), rgb(0xe6a6b0), rgb(0xc96f80), rgb(0xf6efe4), rgb(0x9db69c), rgb(0x7d3c5d)},
      {rgb(0xdfe8d0), rgb(0xa8bf7e), rgb(0x6f8f52), rgb(0xf3e3a8), rgb(0xe2a33f), rgb(0x3c5a4a)},
      {rgb(0xf3b45f), rgb(0xe2703a), rgb(0xb5452c), rgb(0xf6e6c8), rgb(0x7a4a34), rgb(0x35527a)}};
  return dice.pick(sets);
}

void draw_patch(Canvas& canvas, const Patch& p, Colour colour, Dice& dice) {
  const Path outline = Path().rect(p.x, p.y, p.width, p.height);
  canvas.fill(outline, gradient(p.x, p.y, p.x + p.width, p.y + p.height, lighter(colour, 0.1),
                                darker(colour, 0.1)));
  if (dice.chance(0.16)) {  // a scrap of two colours, sewn corner to corner
    Path half;
    half.move(p.x, p.y).line(p.x + p.width, p.y).line(p.x, p.y + p.height);
    canvas.fill(half, lighter(colour, 0.28), 0.8);
  }
  Path weave;  // of ramie
  const bool across = dice.chance(0.5);
  const double length = across ? p.height : p.width;
  for (double at = 3; at < length; at += 7)
    weave.add(across ? Path().rect(p.x, p.y + at, p.width, 1.6)
                     : Path().rect(p.x + at, p.y, 1.6, p.height));
  canvas.fill(weave, lighter(colour, 0.5), 0.16);
}

void draw_seams(Canvas& canvas, const Patch& p, Colour thread) {
  Path seam;
  seam.rect(p.x - 4, p.y, 8, p.height).rect(p.x, p.y - 4, p.width, 8);
  canvas.fill(seam, rgb(0x2b2320), 0.28);
  Path stitches;
  for (double at = 8; at + 8 < p.height; at += 19) stitches.rect(p.x - 1.5, p.y + at, 3, 9);
  for (double at = 8; at + 8 < p.width; at += 19) stitches.rect(p.x + at, p.y - 1.5, 9, 3);
  canvas.fill(stitches, thread, 0.85);
}

void draw_folds(Canvas& canvas, Dice& dice) {
  for (int i = 0; i < 4; ++i) {
    const double x = canvas.w() * dice.between(-0.1, 1.1);
    Path fold;
    fold.arc({x, -40}, {x + dice.between(-160.0, 160.0), canvas.h() / 2},
             {x + dice.between(-260.0, 260.0), canvas.h() + 40}, 60);
    canvas.soft(fold, i % 2 == 0 ? rgb(0xffffff) : rgb(0x15121c), 0.12, 60);
  }
}

/// A jeogori laid flat, two units wide, its collar's middle at (0, 0).
struct Jeogori {
  Path body;
  Path sleeves;
  Path collar;
  Path edge;  // the white strip of the collar
  Path bow;
};

Jeogori cut_jeogori() {
  Jeogori out;
  out.sleeves.move(-0.24, 0.02)
      .line(-1.14, 0.3)
      .quad(-1.2, 0.5, -1.08, 0.66)
      .quad(-0.66, 0.78, -0.3, 0.5);
  out.sleeves.move(0.3, 0.5)
      .quad(0.66, 0.78, 1.08, 0.66)
      .quad(1.2, 0.5, 1.14, 0.3)
      .line(0.24, 0.02);
  out.body.move(-0.24, 0)
      .line(0.24, 0)
      .line(0.4, 0.28)
      .line(0.4, 0.66)
      .quad(0, 0.76, -0.4, 0.66)
      .line(-0.4, 0.28);
  out.collar.stroke(
      smooth(std::vector<Point>{{-0.2, -0.02}, {-0.1, 0.18}, {0.08, 0.36}, {0.2, 0.48}}), 0.1, 0.1);
  out.collar.stroke(smooth(std::vector<Point>{{0.2, -0.02}, {0.13, 0.14}, {0.04, 0.28}}), 0.1,
                    0.09);
  out.edge.stroke(smooth(std::vector<Point>{{-0.17, -0.03}, {-0.08, 0.13}, {0.03, 0.25}}), 0.05,
                  0.04);
  out.edge.stroke(smooth(std::vector<Point>{{0.17, -0.03}, {0.1, 0.13}, {0.03, 0.25}}), 0.05, 0.04);
  out.bow.stroke(smooth(std::vector<Point>{{0.16, 0.46}, {0.12, 0.8}, {0.16, 1.28}}), 0.1, 0.11);
  out.bow.stroke(smooth(std::vector<Point>{{0.16, 0.46}, {0.24, 0.78}, {0.28, 1.12}}), 0.1, 0.11);
  out.bow.ellipse(0.02, 0.43, 0.16, 0.06, -0.35);
  return out;
}

void draw_skirt(Canvas& canvas, double x, double y, double size, Colour colour, Dice& dice) {
  Path skirt;
  skirt.move(x - size * 0.36, y).line(x + size * 0.36, y);
  skirt.quad(x + size * 0.62, y + size * 0.8, x + size * 0.86, y + size * 1.62);
  skirt.quad(x, y + size * 1.82, x - size * 0.86, y + size * 1.62);
  skirt.quad(x - size * 0.62, y + size * 0.8, x - size * 0.36, y);
  canvas.soft(skirt.placed(16, 26, 1), rgb(0x1a1410), 0.35, 26);
  canvas.fill(skirt,
              gradient(0, y, 0, y + size * 1.7, darker(colour, 0.12), lighter(colour, 0.14)));
  Path pleats;
  for (int i = -8; i <= 8; ++i) {
    const double part = i / 8.0;
    pleats.arc({x + part * size * 0.34, y}, {x + part * size * 0.56, y + size * 0.8},
               {x + part * size * 0.84, y + size * 1.72}, 4 + 5 * dice.unit());
  }
  canvas.fill_within(skirt, pleats, solid(darker(colour, 0.35)), 0.4);
  Path hem;
  for (int i = -9; i <= 9; ++i)
    hem.circle(x + i * size * 0.088, y + size * (1.63 + 0.07 * (1 - i * i / 81.0)), size * 0.022);
  canvas.fill_within(skirt, hem, solid(rgb(0xe9c667)), 0.9);
}

void draw_jeogori(Canvas& canvas, double x, double y, double size, Colour colour, Colour trim,
                  Dice& dice) {
  const Jeogori j = cut_jeogori();
  const auto put = [&](const Path& part) { return part.placed(x, y, size); };
  canvas.soft(put(j.sleeves).placed(12, 20, 1), rgb(0x1a1410), 0.35, 22);
  canvas.fill(put(j.sleeves),
              gradient(x - size, y, x + size, y, darker(colour, 0.14), lighter(colour, 0.05)));
  Path cuffs;
  cuffs.stroke(std::vector<Point>{{-1.12, 0.34}, {-1.07, 0.62}}, 0.14, 0.14);
  cuffs.stroke(std::vector<Point>{{1.12, 0.34}, {1.07, 0.62}}, 0.14, 0.14);
  canvas.fill_within(put(j.sleeves), put(cuffs), solid(trim));
  canvas.fill(put(j.body),
              gradient(x, y, x, y + size * 0.7, lighter(colour, 0.1), darker(colour, 0.12)));
  if (dice.chance(0.6)) {  // woven flowers
    Path flowers;
    for (int i = 0; i < 26; ++i) {
      const double fx = dice.between(-1.0, 1.0);
      const double fy = dice.between(0.08, 0.68);
      for (int k = 0; k < 5; ++k)
        flowers.circle(fx + 0.022 * std::cos(k * 1.257), fy + 0.022 * std::sin(k * 1.257), 0.014);
    }
    Path all = put(j.body);
    all.add(put(j.sleeves));
    canvas.fill_within(all, put(flowers), solid(lighter(colour, 0.55)), 0.7);
  }
  canvas.fill(put(j.collar), trim);
  canvas.fill(put(j.edge), rgb(0xfbf8f0));
  canvas.soft(put(j.bow).placed(5, 8, 1), rgb(0x1a1410), 0.3, 10);
  canvas.fill(put(j.bow), gradient(x, y, x, y + size * 1.3, trim, darker(trim, 0.25)));
}

}  // namespace

Canvas draw_patchwork(Dice& dice, Mood) {
  Canvas canvas(1080, 1080);
  const auto colours = dye(dice);
  canvas.paint(solid(colours[0]));
  std::vector<Patch> patches;
  divide({0, 0, canvas.w(), canvas.h()}, dice.between(210.0, 380.0), dice, patches);
  std::size_t last = 0;
  for (const Patch& patch : patches) {
    std::size_t colour = dice.below(colours.size());
    if (colour == last) colour = (colour + 1) % colours.size();
    last = colour;
    draw_patch(canvas, patch, colours[colour], dice);
  }
  const Colour thread = dice.chance(0.6) ? rgb(0xfdf9ef) : rgb(0x2e2a3a);
  for (const Patch& patch : patches) draw_seams(canvas, patch, thread);
  draw_folds(canvas, dice);
  return canvas;
}

Canvas draw_clothes(Dice& dice, Mood mood) {
  Canvas canvas(960, 1200);
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour walls[] = {rgb(0xe6ddcf), rgb(0xcbb9a4), rgb(0xcfd6d2), rgb(0xd8c3bd),
                          rgb(0x8d8f98)};
  const Colour wall =
      mood.light == Light::night ? darker(dice.pick(walls), 0.35) : dice.pick(walls);
  canvas.paint(gradient(0, 0, w, h, lighter(wall, 0.2), darker(wall, 0.14)));
  Path light;
  light.move(w * 0.08, 0).line(w * 0.46, 0).line(w * 0.9, h).line(w * 0.42, h);
  canvas.soft(light, rgb(0xfff6e0), 0.28, 30);
  const double rod = h * 0.15;
  canvas.soft(Path().rect(0, rod + 18, w, 14), rgb(0x1a1410), 0.3, 16);
  canvas.fill(Path().rect(0, rod - 11, w, 22),
              gradient(0, rod - 11, 0, rod + 11, rgb(0xa8744a), rgb(0x64402a)));
  const std::size_t first = dice.below(std::size(palette));
  const Colour top = palette[first];
  const Colour bottom =
      palette[(first + 1 + dice.below(std::size(palette) - 1)) % std::size(palette)];
  const Colour trim = dice.chance(0.5) ? rgb(0xb83a32) : rgb(0x3a2a4c);
  const double size = w * 0.41;
  Path cords;
  cords.rect(w * 0.42, rod, 4, h * 0.12).rect(w * 0.58, rod, 4, h * 0.12);
  canvas.fill(cords, rgb(0x5c4030));
  draw_skirt(canvas, w * 0.5, h * 0.4, size, bottom, dice);
  draw_jeogori(canvas, w * 0.5, h * 0.2, size, top, trim, dice);
  return canvas;
}

}  // namespace madang::app::seed
