// The candidates of the scale searches, stage by stage around the best one so far. The same for blocks
// and for wide groups; the host's half is src/kernels/quantize/search-units.ts.
import package::common::fixed::storable;

// 8 scales, (first + k * step) / 4096 of the first scale.
const coarse_stage: u32 = 0u;
// The best scale with the zero point one lower and one higher.
const zero_stage: u32 = 1u;
// The best scale and -2, -1, 1, 2 times fine / 4096 of the first scale.
const fine_stage: u32 = 2u;
// The best one itself (found by other means).
const given_stage: u32 = 3u;

struct Grid {
  first: u32,
  step: u32,
  fine: u32,
  code_min: i32,
  code_max: i32,
  half_scales: u32,
}

// A scale in units, 0 where it can't be had, and a zero point.
struct Trial {
  s: u32,
  zero: i32,
}

fn trial_count(stage: u32) -> u32 {
  return select(select(select(1u, 4u, stage == fine_stage), 2u, stage == zero_stage), 8u, stage == coarse_stage);
}

fn trial_at(grid: Grid, stage: u32, k: u32, s0: u32, best: Trial, shift: i32) -> Trial {
  var s = best.s;
  var zero = best.zero;
  if (stage == coarse_stage) {
    s = (s0 * (grid.first + k * grid.step) + 2048u) >> 12u;
  } else if (stage == zero_stage) {
    zero += select(1, -1, k == 0u);
  } else if (stage == fine_stage) {
    let hop = i32((s0 * grid.fine + 2048u) >> 12u);
    s = u32(i32(s) + hop * (i32(k) - select(1, 2, k < 2u)));
  }
  let fits = zero >= grid.code_min && zero <= grid.code_max;
  return Trial(select(0u, storable(s, shift, grid.half_scales != 0u), fits), zero);
}
