// Scales from group maxima: absmax / range, or range / absmax where `inverse` is 1.
// Contract: the quotient is rounded to nearest even f32. absmax / range below 2^-120 is 0. With
// `inverse`, absmax 0 gives 1 and overflow the largest f32. With `half` = 1 the scale is rounded on to
// the nearest f16 value (at most 65504), still kept as f32.
// Tile: one thread a group.
import package::common::exact::divide;
import package::common::grid::flat_workgroup;
import package::common::half::{bits_from_half, half_from_bits};

struct Params {
  groups: u32,
  range: f32,
  inverse: u32,
  half: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> absmax: array<f32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (group >= params.groups) {
    return;
  }
  let largest = absmax[group];
  var scale = 1.0;
  if (params.inverse == 0u) {
    scale = divide(largest, params.range);
  } else if (largest != 0.0) {
    scale = divide(params.range, largest);
  }
  var bits = bitcast<u32>(scale);
  if (params.half != 0u) {
    bits = bits_from_half(min(half_from_bits(bits), 0x7bffu));
  }
  scales[group] = bits;
}
