// Error of affine codes against their source, decoded on the fly: one record of sums per thread.
//
// Contract  segment g writes the 12 words of error-sums.ts at records[12 g]; its elements are quads of 4,
//           64 quads apart (src/kernels/stats/segments.ts). Codes in the layout; scales f32 and
//           zero_points i32 per group in the order of the layout. Decoded = (code - zero point) * scale, one
//           f32 product, so that a CPU decoder can repeat the fingerprint.
//           clipped = elements whose code would lie outside the range if codes had no ends.
// Tile      one thread, one segment of quads_per_thread quads.
// NaN rule  see common/record.wgsl.
// Exact     minimum, maximum, counts, fingerprint; the sums are f32 in device order.
import package::common::record::{ErrorSums, count_error, empty_error_sums, error_words};
import package::common::exact::{flush_bits, round_quotient};
import package::common::affine::lowest_code;
import package::common::grid::flat_workgroup;
import package::common::shape::{Shape, place_of};

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
  for (var quad = 0u; quad < params.quads_per_thread; quad++) {
    let at = first + quad * interleave * 4u;
    let end = min(params.count, at + 4u);
    for (var index = at; index < end; index++) {
      let place = place_of(shape, index);
      let bit = place.position * params.bits;
      let field = codes[bit >> 5u] >> (bit & 31u);
      let code = select(
        i32(extractBits(field, 0u, params.bits)),
        extractBits(bitcast<i32>(field), 0u, params.bits),
        params.is_signed != 0u,
      );
      let scale = scales[place.group];
      let zero = zero_points[place.group];
      let decoded = f32(code - zero) * scale;
      let source_bits = source[index];
      let free = round_quotient(flush_bits(source_bits), scale, 1.0 / scale, zero, params.rounding);
      let clipped = free < lowest || free > highest;
      count_error(&sums, index, source_bits, bitcast<u32>(decoded), clipped);
    }
  }
  let words = error_words(sums);
  for (var word = 0u; word < 12u; word++) {
    records[segment * 12u + word] = words[word];
  }
}
