// What hangs on a hanger when it is no hanbok.

#include "app/seed/scene_parts.hpp"

namespace madang::app::seed {

namespace {

enum class Cut { vest, coat, cardigan, shirt };

/// One unit wide at the shoulders' ends, the neck at (0, 0).
struct Pattern {
  Path body;
  Path sleeves;
  double length = 1;
};

Pattern cut_out(Cut cut) {
  Pattern out;
  out.length = cut == Cut::coat ? 1.75 : cut == Cut::vest ? 1.05 : 1.2;
  const double l = out.length;
  const double wide = cut == Cut::coat ? 0.66 : 0.5;
  out.body.move(-0.17, 0).line(0.17, 0).line(0.48, 0.13);
  out.body.quad(cut == Cut::vest ? 0.36 : 0.46, 0.32, 0.45, 0.5).line(wide, l);
  out.body.quad(0, l + 0.05, -wide, l).line(-0.45, 0.5);
  out.body.quad(cut == Cut::vest ? -0.36 : -0.46, 0.32, -0.48, 0.13);
  if (cut == Cut::vest) return out;
  for (const double side : {-1.0, 1.0}) {
    Path sleeve;
    sleeve.move(side * 0.4, 0.1).quad(side * 0.58, 0.12, side * 0.66, 0.5);
    sleeve.quad(side * 0.74, 0.86, side * 0.76, 1.16).line(side * 0.54, 1.2);
    sleeve.quad(side * 0.54, 0.9, side * 0.42, 0.56);
    out.sleeves.add(sleeve);
  }
  return out;
}

/// Checks, stripes, quilting or knitting, over the whole cloth.
void weave(Canvas& canvas, const Path& cloth, double x, double y, double s, Cut cut, Colour colour,
           Colour other) {
  Path lines;
  Path across;
  const double reach = s * 1.9;
  if (cut == Cut::vest) {  // quilted
    for (double at = -reach; at < reach; at += s * 0.15) {
      lines.stroke(std::vector<Point>{{x + at - reach / 2, y}, {x + at + reach / 2, y + reach}}, 5,
                   5);
      across.stroke(std::vector<Point>{{x + at + reach / 2, y}, {x + at - reach / 2, y + reach}}, 5,
                    5);
    }
    canvas.fill_within(cloth, lines, solid(darker(colour, 0.3)), 0.5);
    canvas.fill_within(cloth, across, solid(darker(colour, 0.3)), 0.5);
  } else if (cut == Cut::cardigan) {  // ribbed
    for (double at = -reach / 2; at < reach / 2; at += s * 0.045)
      lines.rect(x + at, y - 20, s * 0.016, reach);
    canvas.fill_within(cloth, lines, solid(lighter(colour, 0.3)), 0.4);
  } else if (cut == Cut::shirt) {  // checked
    for (double at = -reach / 2; at < reach / 2; at += s * 0.2) {
      lines.rect(x + at, y - 20, s * 0.07, reach).rect(x + at + s * 0.12, y - 20, s * 0.014, reach);
      across.rect(x - reach / 2, y + at + reach / 2 - 20, reach, s * 0.07);
      across.rect(x - reach / 2, y + at + reach / 2 + s * 0.12, reach, s * 0.014);
    }
    canvas.fill_within(cloth, lines, solid(other), 0.45);
    canvas.fill_within(cloth, across, solid(other), 0.45);
  }
}

void draw_hanger(Canvas& canvas, double x, double y, double s) {
  Path wood;
  wood.stroke(smooth(std::vector<Point>{
                  {x - s * 0.46, y + s * 0.13}, {x, y - s * 0.05}, {x + s * 0.46, y + s * 0.13}}),
              20, 20);
  canvas.fill(wood, rgb(0xb98553));
  Path hook;
  hook.stroke(smooth(std::vector<Point>{{x, y - s * 0.04},
                                        {x, y - s * 0.2},
                                        {x + s * 0.07, y - s * 0.26},
                                        {x, y - s * 0.33},
                                        {x - s * 0.06, y - s * 0.28}}),
              7, 6);
  canvas.fill(hook, rgb(0x8c8f96));
}

void draw_front(Canvas& canvas, const Path& body, double x, double y, double s, Cut cut,
                double length, Colour colour) {
  const Colour dark = darker(colour, 0.4);
  Path opening;
  opening.rect(x - 2.5, y, 5, s * length * 1.1);
  canvas.fill_within(body, opening, solid(dark), 0.9);
  Path neck;  // the lining
  neck.move(x - s * 0.17, y - 2)
      .line(x + s * 0.17, y - 2)
      .quad(x + s * 0.06, y + s * 0.16, x, y + s * (cut == Cut::shirt ? 0.12 : 0.32));
  neck.quad(x - s * 0.06, y + s * 0.16, x - s * 0.17, y - 2);
  canvas.fill(neck, darker(colour, 0.55));
  Path collar;
  if (cut == Cut::coat || cut == Cut::shirt) {
    const double deep = cut == Cut::coat ? 0.46 : 0.2;
    for (const double side : {-1.0, 1.0}) {
      Path lapel;
      lapel.move(x + side * s * 0.15, y - s * 0.04).line(x + side * s * 0.27, y + s * deep * 0.55);
      lapel.line(x + side * s * 0.015, y + s * deep)
          .quad(x + side * s * 0.08, y + s * 0.12, x + side * s * 0.15, y - s * 0.04);
      canvas.soft(lapel.placed(0, 7, 1), rgb(0x15100c), 0.3, 9);
      canvas.fill(lapel,
                  gradient(x, y, x, y + s * deep, lighter(colour, 0.16), darker(colour, 0.05)));
    }
  } else {
    collar.arc({x - s * 0.17, y}, {x - s * 0.1, y + s * 0.22}, {x, y + s * 0.33}, s * 0.05);
    collar.arc({x + s * 0.17, y}, {x + s * 0.1, y + s * 0.22}, {x, y + s * 0.33}, s * 0.05);
    canvas.fill(collar, darker(colour, 0.2));
  }
  Path buttons;
  for (double at = cut == Cut::coat ? 0.58 : 0.42; at < length - 0.1; at += 0.2)
    buttons.circle(x + s * 0.045, y + s * at, s * 0.024);
  canvas.fill(buttons, rgb(0xf1e6d2));
  Path pockets;
  for (const double side : {-1.0, 1.0})
    pockets.rounded(x + side * s * 0.27 - s * 0.11, y + s * length * 0.66, s * 0.22, s * 0.035, 5);
  if (cut != Cut::shirt) canvas.fill(pockets, dark, 0.85);
}

void draw_scarf(Canvas& canvas, double x, double y, double s, Colour scarf) {
  Path cloth;
  const std::vector<Point> round_the_neck{{x - s * 0.2, y + s * 0.66}, {x - s * 0.25, y + s * 0.36},
                                          {x - s * 0.19, y},           {x, y - s * 0.09},
                                          {x + s * 0.19, y},           {x + s * 0.26, y + s * 0.4},
                                          {x + s * 0.22, y + s * 0.86}};
  cloth.stroke(smooth(round_the_neck), s * 0.15, s * 0.15);
  canvas.soft(cloth.placed(7, 10, 1), rgb(0x1a1410), 0.3, 12);
  canvas.fill(cloth, gradient(x, y, x, y + s * 0.9, lighter(scarf, 0.12), darker(scarf, 0.15)));
  Path bands;
  for (int i = 0; i < 3; ++i) bands.rect(x - s, y + s * (0.44 + 0.07 * i), s * 2, s * 0.03);
  canvas.fill_within(cloth, bands, solid(lighter(scarf, 0.6)), 0.8);
}

}  // namespace

Canvas draw_garment(Dice& dice, Mood mood) {
  Canvas canvas(960, 1200);
  const double w = canvas.w();
  const double h = canvas.h();
  const Colour walls[] = {rgb(0xe9e1d3), rgb(0xcfd8d6), rgb(0xe3cfc2), rgb(0xd5d0dc),
                          rgb(0xc9b79c)};
  const Colour wall =
      mood.light == Light::night ? darker(dice.pick(walls), 0.35) : dice.pick(walls);
  canvas.paint(gradient(0, 0, w, h, lighter(wall, 0.25), darker(wall, 0.12)));
  Path light;
  light.move(w * 0.5, 0).line(w * 0.92, 0).line(w * 0.6, h).line(w * 0.1, h);
  canvas.soft(light, rgb(0xfff8e6), 0.32, 30);
  const Cut cuts[] = {Cut::vest, Cut::coat, Cut::cardigan, Cut::shirt};
  const Cut cut = dice.pick(cuts);
  const Pattern pattern = cut_out(cut);
  const double s = w * (cut == Cut::coat ? 0.5 : 0.6);
  const double x = w * 0.5;
  const double y = h * (cut == Cut::coat ? 0.19 : 0.23);
  const double rod = y - s * 0.33;
  canvas.soft(Path().rect(0, rod + 16, w, 12), rgb(0x1a1410), 0.3, 14);
  canvas.fill(Path().rect(0, rod - 8, w, 16),
              gradient(0, rod - 8, 0, rod + 8, rgb(0xb08058), rgb(0x6b452d)));
  draw_hanger(canvas, x, y + s * 0.02, s);
  const Colour colour = dice.pick(palette);
  const Colour other = dice.pick(palette);
  const Path body = pattern.body.placed(x, y, s);
  const Path sleeves = pattern.sleeves.placed(x, y, s);
  Path shadow = body;
  shadow.add(sleeves);
  canvas.soft(shadow.placed(18, 30, 1), rgb(0x1a1410), 0.35, 26);
  canvas.fill(sleeves,
              gradient(x - s * 0.7, y, x + s * 0.7, y, darker(colour, 0.1), darker(colour, 0.22)));
  weave(canvas, sleeves, x, y, s, cut, darker(colour, 0.15), darker(other, 0.15));
  canvas.fill(body, gradient(x - s * 0.5, y, x + s * 0.5, y + s, lighter(colour, 0.12),
                             darker(colour, 0.12)));
  weave(canvas, body, x, y, s, cut, colour, other);
  draw_front(canvas, body, x, y, s, cut, pattern.length, colour);
  if (dice.chance(0.5)) draw_scarf(canvas, x, y, s, dice.pick(palette));
  return canvas;
}

}  // namespace madang::app::seed
