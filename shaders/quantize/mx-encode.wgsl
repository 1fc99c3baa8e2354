// Microscaling elements: the code nearest to x / 2^(scale - 127), ties to the even code, saturating at the
// largest finite one. The element comes by params; codes of `bits` bits lie
// without gaps, first code lowest, so that 16 six-bit codes take three words.
// Contract: `source` are f32 by bits, `scales` E8M0 bytes as quantize/mx-scale wrote them. Subnormals
// count as 0, the sign of zero is kept; blocks with scale 0xff have codes 0. Power-of-two scaling is
// exact, so all is integer work on bits.
// Tile: one thread 32 codes, which fill whole words; past the last code the last word holds zeros.
import package::common::grid::flat_workgroup;
import package::common::minifloat::{on_grid, round_grid};
import package::common::shape::{Shape, column_first, cursor_at, cursor_group, cursor_next, cursor_source, cursor_valid, pieces_per_row};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  words: u32,
  bits: u32,
  mantissa_bits: u32,
  min_exponent: i32,
  largest_code: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> codes: array<u32>;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  let chunk = column_first(shape, thread, pieces_per_row(shape, 32u));
  var at = chunk * params.bits;
  if (at >= params.words) {
    return;
  }
  var cursor = cursor_at(shape, chunk * 32u);
  var loaded = 0xffffffffu;
  var scale = 0u;
  var word = 0u;
  var filled = 0u;
  for (var k = 0u; k < 32u; k++) {
    var code = 0u;
    if (cursor_valid(shape, cursor)) {
      let group = cursor_group(shape, cursor);
      if (group != loaded) {
        loaded = group;
        scale = (scales[group / 4u] >> (8u * (group % 4u))) & 0xffu;
      }
      let x = source[cursor_source(shape, cursor)];
      let magnitude = x & 0x7fffffffu;
      if (scale != 0xffu) {
        if (magnitude >= 0x00800000u) {
          code = min(round_grid(on_grid(magnitude, i32(scale) - 127, params.mantissa_bits, params.min_exponent)), params.largest_code);
        }
        code |= (x >> 31u) << (params.bits - 1u);
      }
    }
    word |= code << filled;
    filled += params.bits;
    if (filled >= 32u) {
      if (at < params.words) {
        codes[at] = word;
      }
      at += 1u;
      filled -= 32u;
      word = code >> (params.bits - filled);
    }
    cursor_next(shape, &cursor);
  }
}
