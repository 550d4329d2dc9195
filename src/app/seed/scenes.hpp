// What the town's pictures show. Every one is drawn here; nobody's photograph is used.
#pragma once

#include "app/seed/canvas.hpp"
#include "app/seed/dice.hpp"
#include "app/seed/town.hpp"

namespace madang::app::seed {

struct Mood {
  Season season = Season::autumn;
  Light light = Light::day;
};

/// 960 to 1280 pixels a side; avatars 256.
Canvas draw(const Drawing& drawing);

Canvas draw_roofs(Dice& dice, Mood mood);      // tiled roofs before mountains
Canvas draw_path(Dice& dice, Mood mood);       // a road between trees
Canvas draw_branch(Dice& dice, Mood mood);     // persimmons, plum blossom, leaves, snow
Canvas draw_vases(Dice& dice, Mood mood);      // celadon and moon jars on a shelf
Canvas draw_patchwork(Dice& dice, Mood mood);  // jogakbo
Canvas draw_clothes(Dice& dice, Mood mood);    // a jeogori and a skirt on a rod
Canvas draw_garment(Dice& dice, Mood mood);    // a vest, a coat, a cardigan, a shirt
Canvas draw_table(Dice& dice, Mood mood);      // bowls seen from above
Canvas draw_stall(Dice& dice, Mood mood);      // fruit in crates under an awning
Canvas draw_lanterns(Dice& dice, Mood mood);   // the yard in the evening, a walker on a rope
Canvas draw_mask(Dice& dice, Mood mood);       // a dancer's mask
Canvas draw_cat(Dice& dice, Mood mood);        // on the wall
Canvas draw_sleeper(Dice& dice, Mood mood);    // curled up on a cushion
Canvas draw_yarn(Dice& dice, Mood mood);       // balls of yarn
Canvas draw_window(Dice& dice, Mood mood);     // a paper window, books, tea

Canvas draw_avatar(Dice& dice, Mood mood);  // a face, or a sign

/// The colours of the old textiles, silks and painted beams.
inline constexpr Colour palette[] = {rgb(0x24406b), rgb(0xe2703a), rgb(0x9fc0ac), rgb(0xf2b84b),
                                     rgb(0x7d3c5d), rgb(0xb83a32), rgb(0x3f8f7d), rgb(0xf1e6d2),
                                     rgb(0x5b7fa6), rgb(0xd98a94), rgb(0x8a9a5b), rgb(0x4a4458)};

}  // namespace madang::app::seed
