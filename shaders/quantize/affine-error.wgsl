// Error of affine codes against their source, decoded on the fly: one record of sums per thread.
//
// Contract  segment g writes the 12 words of error-sums.ts at records[12 g]; its elements are quads of 4,
//           64 quads apart (src/kernels/stats/segments.ts). Codes in the layout; scales f32 and
//           zero_points i32 per group in the order of the layout. Decoded = (code - zero point) * scale, one
//           f32 product, so that a CPU decoder can repeat the fingerprint.
//           clipped = elements whose code would lie outside the range if codes had no ends: a quotient near an
//           end plus a half is settled exactly, after its quad.
// Tile      one thread, one segment of quads_per_thread quads.
// NaN rule  see common/record.wgsl.
// Exact     minimum, maximum, counts, fingerprint; the sums are f32 in device order.
import package::common::record::{ErrorSums, count_error, empty_error_sums, error_words};
import package::common::exact::{doubt_margin, flush_bits, is_non_finite, settle};
import package::common::affine::lowest_code;
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, cursor_at, cursor_group, cursor_next, natural_order, place_of, rows_order};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  count: u32,
  segments: u32,
  quads_per_thread: u32,
  bits: u32,
  is_signed: u32,
  rounding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> codes: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> zero_points: array<i32>;
@group(0) @binding(5) var<storage, read_write> records: array<u32>;

override wg: u32 = 64u;

// Segments that share a run of the tensor, quad by quad in turn; the same in segments.ts.
const interleave: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let segment = flat_workgroup(workgroup, workgroups) * wg + lane;
  if (segment >= params.segments) {
    return;
  }
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let lowest = lowest_code(params.bits, params.is_signed);
  let highest = lowest + (1 << params.bits) - 1;
  var sums = empty_error_sums();
  let first = ((segment / interleave) * interleave * params.quads_per_thread + segment % interleave) * 4u;
  // The same tensor walked in the order of its elements, whatever the order of its codes.
  var walk = shape;
  walk.order = select(params.order, natural_order, params.order == rows_order);
  let row_codes = params.blocks * params.block;
  for (var quad = 0u; quad < params.quads_per_thread; quad++) {
    let at = first + quad * interleave * 4u;
    if (at >= params.count) {
      break;
    }
    let end = min(params.count, at + 4u);
    var cursor = cursor_at(walk, at);
    // Elements whose quotient lies too near to an end of the code range plus a half, a bit each.
    var doubtful = 0u;
    for (var index = at; index < end; index++) {
      let in_rows = (cursor.o * params.inner + cursor.i) * row_codes + cursor.d;
      let bit = select(index, in_rows, params.order == rows_order) * params.bits;
      let field = codes[bit >> 5u] >> (bit & 31u);
      let code = select(
        i32(extractBits(field, 0u, params.bits)),
        extractBits(bitcast<i32>(field), 0u, params.bits),
        params.is_signed != 0u,
      );
      let group = cursor_group(shape, cursor);
      let scale = scales[group];
      let zero = zero_points[group];
      let decoded = f32(code - zero) * scale;
      let source_bits = source[index];
      let limit = abs(scale) * 1024.0;
      let quotient = clamp(flush_bits(source_bits), -limit, limit) * (1.0 / scale);
      let beyond = max(quotient - (f32(highest - zero) + 0.5), (f32(lowest - zero) - 0.5) - quotient);
      doubtful |= select(0u, 1u << (index - at), abs(beyond) <= doubt_margin);
      count_error(&sums, index, source_bits, bitcast<u32>(decoded), beyond > doubt_margin);
      cursor_next(walk, &cursor);
    }
    while (doubtful != 0u) {
      let index = at + firstTrailingBit(doubtful);
      doubtful &= doubtful - 1u;
      let group = place_of(shape, index).group;
      let scale = scales[group];
      let free = settle(flush_bits(source[index]), scale, 1.0 / scale, zero_points[group], params.rounding);
      sums.clipped += u32((free < lowest || free > highest) && !is_non_finite(source[index]));
    }
  }
  let words = error_words(sums);
  for (var word = 0u; word < 12u; word++) {
    records[segment * 12u + word] = words[word];
  }
}
