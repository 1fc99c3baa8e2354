// Codes 0, 1, 2 for -scale, 0, +scale: 0 and 2 where |x| > thresholds[group], 1 elsewhere and as padding.
// Contract: `source` are f32 by bits; subnormals, NaN and infinity count as 0. A threshold of 0 means a
// group without a scale: all its codes are 1. Two bits a code, first code lowest.
// Tile: one thread 32 codes, which fill whole words; past the last code the last word holds zeros.
import package::common::exact::flush_bits;
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, column_first, cursor_at, cursor_group, cursor_next, cursor_source, cursor_valid, pieces_per_row};

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
@group(0) @binding(2) var<storage, read> thresholds: array<u32>;
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
  var at = chunk * 2u;
  if (at >= params.words) {
    return;
  }
  var cursor = cursor_at(shape, chunk * 32u);
  var loaded = 0xffffffffu;
  var threshold = 0u;
  var word = 0u;
  var filled = 0u;
  for (var k = 0u; k < 32u; k++) {
    var code = 0u;
    if (cursor_valid(shape, cursor)) {
      let group = cursor_group(shape, cursor);
      if (group != loaded) {
        loaded = group;
        threshold = thresholds[group];
      }
      let x = flush_bits(source[cursor_source(shape, cursor)]);
      // Non-negative floats order as their bits do.
      let beyond = threshold != 0u && bitcast<u32>(abs(x)) > threshold;
      code = select(1u, select(2u, 0u, x < 0.0), beyond);
    } else if (cursor.o < shape.outer) {
      code = 1u;
    }
    word |= code << filled;
    filled += 2u;
    if (filled == 32u) {
      if (at < params.words) {
        codes[at] = word;
      }
      at += 1u;
      filled = 0u;
      word = 0u;
    }
    cursor_next(shape, &cursor);
  }
}
