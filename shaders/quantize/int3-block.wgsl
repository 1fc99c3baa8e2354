// Rows of f32 to codes of three bits in blocks: x ~ (code - 4) * scale, scale = -(the value of largest magnitude) / 4.
//
// Contract  source: [rows, cols], f32 by bits; codes: each row padded to whole blocks, a dense bit string with the first
//           code lowest, so that 32 codes fill three words; scales: f32 [rows, blocks]. The scale is exact; one below
//           2^-120 becomes 1. code = round(x / scale) + 4 of the exact quotient, ties to even, kept within 0 to 7;
//           padding is 4.
// Tile      one thread a block; block is a multiple of 32.
// NaN rule  what is not finite counts as 0, and so do subnormals; magnitudes beyond 2^100 count as that for the scale.
import package::common::exact::{flush_bits, largest_magnitude, round_quotient};
import package::common::grid::flat_workgroup;

struct Params {
  rows: u32,
  cols: u32,
  block: u32,
  blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;

override wg: u32 = 64u;

// The value of largest magnitude; of two, the first.
fn extreme_of(first: u32, count: u32) -> f32 {
  var extreme = 0.0;
  for (var i = 0u; i < count; i++) {
    let value = flush_bits(source[first + i]);
    extreme = select(extreme, value, abs(value) > abs(extreme));
  }
  return clamp(extreme, -largest_magnitude, largest_magnitude);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = flat_workgroup(workgroup, workgroups) * wg + lane;
  if (group >= params.rows * params.blocks) {
    return;
  }
  let start = group % params.blocks * params.block;
  let first = group / params.blocks * params.cols + start;
  let count = min(params.block, params.cols - start);
  let exact = extreme_of(first, count) * -0.25;
  let scale = select(exact, 1.0, abs(exact) < 7.52316384526264e-37);
  scales[group] = scale;
  let inverse = 1.0 / scale;
  var word = group * params.block / 32u * 3u;
  var filled = 0u;
  var shift = 0u;
  for (var i = 0u; i < params.block; i++) {
    var code = 4u;
    if (i < count) {
      code = u32(clamp(round_quotient(flush_bits(source[first + i]), scale, inverse, 0, 0u) + 4, 0, 7));
    }
    filled |= code << shift;
    shift += 3u;
    if (shift >= 32u) {
      codes[word] = filled;
      word += 1u;
      shift -= 32u;
      filled = code >> (3u - shift);
    }
  }
}
