// What affine codes would make of f32 elements, without the codes: (code - zero point) * scale.
//
// Contract  source: f32 by bits; scales: f32, normal, any sign; zero_points: i32 in the code range; one of each per
//           group in natural order. y: f32. Codes have up to 16 bits.
// Tile      one thread makes `run` elements lying one after another.
// Tie rule  `rounding` of common/exact.wgsl, ties of x / scale decided exactly.
// NaN rule  NaN stays NaN; infinities saturate; subnormals count as 0.
import package::common::affine::lowest_code;
import package::common::exact::{flush_bits, round_quotient, settle};
import package::common::grid::flat_workgroup;
import package::common::math::is_nan_bits;
import package::common::shape::{Shape, cursor_at, cursor_group, cursor_next};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  count: u32,
  run: u32,
  bits: u32,
  is_signed: u32,
  rounding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zero_points: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (flat_workgroup(workgroup, workgroups) * wg + lane) * params.run;
  if (first >= params.count) {
    return;
  }
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let end = min(params.count, first + params.run);
  let lowest = lowest_code(params.bits, params.is_signed);
  let highest = lowest + (1 << params.bits) - 1;
  var cursor = cursor_at(shape, first);
  var group = 0xffffffffu;
  var scale = 1.0;
  var inverse = 1.0;
  var zero = 0;
  for (var at = first; at < end; at++) {
    let now = cursor_group(shape, cursor);
    if (now != group) {
      group = now;
      scale = scales[group];
      inverse = 1.0 / scale;
      zero = zero_points[group];
    }
    let word = source[at];
    let infinite = (word & 0x7fffffffu) == 0x7f800000u;
    // The largest finite number of the same sign.
    let x = flush_bits(select(word, word - 1u, infinite));
    var code = 0;
    if (params.bits > 8u) {
      code = settle(x, scale, inverse, zero, params.rounding);
    } else {
      code = round_quotient(x, scale, inverse, zero, params.rounding);
    }
    let value = f32(clamp(code, lowest, highest) - zero) * scale;
    y[at] = select(bitcast<u32>(value), word, is_nan_bits(word));
    cursor_next(shape, &cursor);
  }
}
