#include "app/seed/scenes.hpp"

namespace madang::app::seed {

Canvas draw(const Drawing& drawing) {
  using Draw = Canvas (*)(Dice&, Mood);
  constexpr Draw by_kind[] = {draw_roofs,     draw_path,     draw_branch,  draw_vases,
                              draw_patchwork, draw_clothes,  draw_garment, draw_table,
                              draw_stall,     draw_lanterns, draw_mask,    draw_cat,
                              draw_sleeper,   draw_yarn,     draw_window,  draw_avatar};
  static_assert(std::size(by_kind) == scene_count + 1);
  Dice dice(drawing.seed);
  return by_kind[static_cast<std::size_t>(drawing.kind)](dice, {drawing.season, drawing.light});
}

}  // namespace madang::app::seed
