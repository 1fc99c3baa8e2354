// Error of affine codes against their source, decoded on the fly: one record of sums per thread.
//
// Contract  segment g writes the 12 words of error-sums.ts at records[12 g]; its elements are quads of 4,
//           64 quads apart (src/kernels/stats/segments.ts). Codes in the layout; scales f32 and
//           zero_points i32 per group in the order of the layout. Decoded = (code - zero point) * scale, one
//           f32 product, so that a CPU decoder can repeat the fingerprint.
//           clipped = elements whose code would lie outside the range if codes had no ends: a quotient near an
//           end plus a half is settled exactly, after its quad.
// Tile      one thread, one segment of quads_per_thread quads. The condition `columns` is for 8-bit codes of channels
//           that lie last, a multiple of 4: a quad is a vec4 with a scale a lane. What is not plain in it, and quotients
//           near an end, are counted after all quads: software adapters pay for a rare branch on every lane.
// NaN rule  see common/record.wgsl.
// Exact     minimum, maximum, counts, fingerprint; the sums are f32 in device order.
import package::common::record::{ErrorSums, count_error, empty_error_sums, error_words};
import package::common::exact::{doubt_margin, flush_bits, is_non_finite, settle};
import package::common::affine::lowest_code;
import package::common::grid::flat_workgroup;
import package::common::quad_sums::{add_quad_sums, empty_quad_sums, take_quad_sums};
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
@if(columns) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> codes: array<u32>;
@if(columns) @group(0) @binding(3) var<storage, read> scales: array<vec4f>;
@else @group(0) @binding(3) var<storage, read> scales: array<f32>;
@if(columns) @group(0) @binding(4) var<storage, read> zero_points: array<vec4i>;
@else @group(0) @binding(4) var<storage, read> zero_points: array<i32>;
@group(0) @binding(5) var<storage, read_write> records: array<u32>;

override wg: u32 = 64u;

// Segments that share a run of the tensor, quad by quad in turn; the same in segments.ts.
const interleave: u32 = 64u;

// How near, in scales, to a code's end plus a half a value may not be trusted to lie on its side. The error of the
// limit and of the distance to it is below 256 * 4 * 2^-23 = 2^-13 scales wherever the end is near.
const margin: f32 = 0.000244140625;
// Scales beyond 2^100 may decode to infinity; below 2^-100 limits may be subnormal.
const large_scale: f32 = 1267650600228229401496703205376.0;
const small_scale: f32 = 7.888609052210118e-31;

// What decodes a quad.
struct Columns {
  elements: vec4u,
  scale: vec4f,
  zero: vec4i,
  decoded: vec4u,
}

// The quad at element `at`, which is in column `column`.
@if(columns) fn columns_at(at: u32, column: u32) -> Columns {
  var c: Columns;
  c.elements = source[at / 4u];
  c.scale = scales[column / 4u];
  c.zero = zero_points[column / 4u];
  // Signed fields are read with their sign bit flipped, which makes them code - lowest.
  let word = codes[at / 4u] ^ select(0u, 0x80808080u, params.is_signed != 0u);
  let fields = vec4i((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu));
  c.decoded = bitcast<vec4u>(vec4f(fields + lowest_code(8u, params.is_signed) - c.zero) * c.scale);
  return c;
}

@if(columns) fn count_columns(sums: ptr<function, ErrorSums>, first: u32) {
  var quads = empty_quad_sums();
  var plain = 0u;
  var clipped = vec4u(0u);
  let lowest = lowest_code(8u, params.is_signed);
  let stride = (interleave * 4u) % params.dim;
  var column = first % params.dim;
  // A bit for each quad that is not plain; there are at most 128.
  var marks = vec4u(0u);
  for (var quad = 0u; quad < params.quads_per_thread; quad++) {
    let at = first + quad * interleave * 4u;
    if (at >= params.count) {
      break;
    }
    let c = columns_at(at, column);
    column += stride;
    column -= select(0u, params.dim, column >= params.dim);
    let x = bitcast<vec4f>(c.elements);
    // How far the values lie beyond where they begin to be cut to an end of the code range.
    let ends = vec4f(lowest - c.zero) - 0.5;
    let beyond = max(x - (ends + 256.0) * c.scale, ends * c.scale - x);
    let magnitudes = c.elements & vec4u(0x7fffffffu);
    if (all(magnitudes < vec4u(0x7f800000u)) && all(abs(beyond) > margin * c.scale)
        && all(c.scale >= vec4f(small_scale)) && all(c.scale <= vec4f(large_scale))) {
      add_quad_sums(&quads, c.elements, c.decoded, 2u * at + vec4u(1u, 3u, 5u, 7u));
      clipped += select(vec4u(0u), vec4u(1u), beyond > vec4f(0.0));
      plain += 4u;
    } else {
      marks |= select(vec4u(0u), vec4u(1u << (quad & 31u)), vec4u(quad / 32u) == vec4u(0u, 1u, 2u, 3u));
    }
  }
  take_quad_sums(sums, quads, plain);
  (*sums).clipped += clipped.x + clipped.y + clipped.z + clipped.w;
  // One element a turn.
  var left = 0u;
  var at = 0u;
  loop {
    if (left == 0u) {
      let part = select(select(select(3u, 2u, marks.z != 0u), 1u, marks.y != 0u), 0u, marks.x != 0u);
      let mark = marks[part];
      if (mark == 0u) {
        break;
      }
      marks = select(marks, marks & (marks - 1u), vec4u(part) == vec4u(0u, 1u, 2u, 3u));
      at = first + (part * 32u + firstTrailingBit(mark)) * interleave * 4u;
      left = 4u;
    }
    left--;
    let c = columns_at(at, at % params.dim);
    let x = flush_bits(c.elements[left]);
    let free = settle(x, c.scale[left], 1.0 / c.scale[left], c.zero[left], params.rounding);
    count_error(sums, at + left, c.elements[left], c.decoded[left], free < lowest || free > lowest + 255);
  }
}

@if(!columns) fn count_any(sums: ptr<function, ErrorSums>, first: u32) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let lowest = lowest_code(params.bits, params.is_signed);
  let highest = lowest + (1 << params.bits) - 1;
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
      count_error(sums, index, source_bits, bitcast<u32>(decoded), beyond > doubt_margin);
      cursor_next(walk, &cursor);
    }
    while (doubtful != 0u) {
      let index = at + firstTrailingBit(doubtful);
      doubtful &= doubtful - 1u;
      let group = place_of(shape, index).group;
      let scale = scales[group];
      let free = settle(flush_bits(source[index]), scale, 1.0 / scale, zero_points[group], params.rounding);
      (*sums).clipped += u32((free < lowest || free > highest) && !is_non_finite(source[index]));
    }
  }
}

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
  var sums = empty_error_sums();
  let first = ((segment / interleave) * interleave * params.quads_per_thread + segment % interleave) * 4u;
  @if(columns) {
    count_columns(&sums, first);
  }
  @else {
    count_any(&sums, first);
  }
  let words = error_words(sums);
  for (var word = 0u; word < 12u; word++) {
    records[segment * 12u + word] = words[word];
  }
}
