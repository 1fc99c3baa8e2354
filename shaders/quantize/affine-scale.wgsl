// Scale and zero point of each group from its range, by the rule of common/affine.wgsl.
//
// Contract  ranges: (lowest, highest) pairs with lowest <= 0 <= highest, f32. scales: f32, never 0,
//           holding f16 values with half_scales. zero_points: i32 within the code range.
// Tile      one thread a group.
// Tie rule  the zero point of asymmetric codes is rounded by `rounding` of common/exact.wgsl.
// NaN rule  ranges are finite.
import package::common::affine::{affine_scale, affine_zero_point, lowest_code, scheme_asymmetric};
import package::common::exact::{flush, largest_magnitude, settle};
import package::common::grid::flat_workgroup;

struct Params {
  groups: u32,
  bits: u32,
  is_signed: u32,
  scheme: u32,
  rounding: u32,
  half_scales: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ranges: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> zero_points: array<i32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = flat_workgroup(workgroup, workgroups) * wg + lane;
  if (group >= params.groups) {
    return;
  }
  let low = flush(ranges[group].x);
  let high = flush(ranges[group].y);
  let scale = affine_scale(low, high, params.bits, params.scheme, params.half_scales);
  scales[group] = scale;
  var zero = affine_zero_point(low, scale, params.bits, params.is_signed, params.scheme, params.rounding);
  // Quotients of 512 and more are beyond what the fast way rounds exactly.
  if (params.bits > 8u && params.scheme == scheme_asymmetric) {
    let steps = settle(-max(low, -largest_magnitude), scale, 1.0 / scale, 0, params.rounding);
    zero = lowest_code(params.bits, params.is_signed) + clamp(steps, 0, (1 << params.bits) - 1);
  }
  zero_points[group] = zero;
}
