// Parts that several scenes share.
#pragma once

#include "app/seed/scenes.hpp"

namespace madang::app::seed {

struct Sky {
  Colour top;
  Colour bottom;
  Colour haze;  // what far things fade into
};

Sky sky_of(Light light, Season season);
/// The whole canvas, with a sun, a moon or stars as it should be.
void draw_sky(Canvas& canvas, const Sky& sky, Mood mood, Dice& dice);
/// Petals, snow or leaves in the air; nothing in summer.
void draw_season(Canvas& canvas, Season season, int count, Dice& dice);
/// A leaf's outline, one unit long from (0, 0) along x.
Path leaf(double width);
/// The colour of leaves in a season, varied.
Colour leaf_colour(Season season, Dice& dice);

}  // namespace madang::app::seed
