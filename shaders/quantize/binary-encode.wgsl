// Sign bits: 1 where x >= 0, first code lowest; padding is 0.
// Contract: `source` are f32 by bits; subnormals, NaN, infinity and -0 count as 0, whose bit is 1.
// Tile: one thread one word of 32 codes.
import package::common::exact::flush_bits;
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, column_first, cursor_at, cursor_next, cursor_source, cursor_valid, pieces_per_row};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  words: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  let at = column_first(shape, thread, pieces_per_row(shape, 32u));
  if (at >= params.words) {
    return;
  }
  var cursor = cursor_at(shape, at * 32u);
  var word = 0u;
  for (var k = 0u; k < 32u; k++) {
    if (cursor_valid(shape, cursor)) {
      word |= u32(flush_bits(source[cursor_source(shape, cursor)]) >= 0.0) << k;
    }
    cursor_next(shape, &cursor);
  }
  codes[at] = word;
}
