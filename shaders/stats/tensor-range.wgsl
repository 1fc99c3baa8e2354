// Range and moments of an f32 tensor: one record of partial results per thread.
//
// Contract  segment g of 0 .. segments - 1 writes the 8 words of range-fold.ts at records[8 g]: minimum,
//           maximum, sum, sum of squares, non-finite count, index of the first of these (0xffffffff
//           when none), count of zeros (of either sign), element count. A segment's elements are quads of
//           4, 64 quads apart; every element falls into one segment.
// Tile      one thread, one segment of quads_per_thread quads.
// NaN rule  non-finite elements are counted and left out of everything else. Minimum and maximum of nothing
//           are the largest and the lowest finite f32.
// Exact     all but the two sums, which are f32 in device order.
import package::common::grid::flat_workgroup;
import package::common::product::{bits_of_key, ordered_key};

struct Params {
  count: u32,
  segments: u32,
  quads_per_thread: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> records: array<u32>;

override wg: u32 = 64u;

// Segments that share a run of the tensor, quad by quad in turn; the same in segments.ts.
const interleave: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let segment = flat_workgroup(group_id, group_count) * wg + lane;
  if (segment >= params.segments) {
    return;
  }
  var min_key = vec4i(ordered_key(0x7f7fffffu));
  var max_key = vec4i(ordered_key(0xff7fffffu));
  var sum = vec4f(0.0);
  var squares = vec4f(0.0);
  var zeros = vec4u(0u);
  var non_finite = 0u;
  var first_non_finite = 0xffffffffu;
  var elements = 0u;
  let first = ((segment / interleave) * interleave * params.quads_per_thread + segment % interleave) * 4u;
  let stride = interleave * 4u;
  for (var i = 0u; i < params.quads_per_thread; i++) {
    let at = first + i * stride;
    if (at >= params.count) {
      break;
    }
    let left = min(params.count - at, 4u);
    elements += left;
    let keep = vec4u(0u, 1u, 2u, 3u) < vec4u(left);
    let bits = vec4u(source[at], source[at + 1u], source[at + 2u], source[at + 3u]);
    let magnitude = bits & vec4u(0x7fffffffu);
    let finite = keep & (magnitude < vec4u(0x7f800000u));
    let x = bitcast<vec4f>(select(vec4u(0u), bits, finite));
    sum += x;
    squares += x * x;
    zeros += select(vec4u(0u), vec4u(1u), keep & (magnitude == vec4u(0u)));
    let key_bits = bitcast<vec4i>(bits);
    let keys = key_bits ^ ((key_bits >> vec4u(31u)) & vec4i(0x7fffffff));
    min_key = select(min_key, min(min_key, keys), finite);
    max_key = select(max_key, max(max_key, keys), finite);
    if (any(keep & !finite)) {
      let bad = select(vec4u(0u), vec4u(1u), keep & !finite);
      non_finite += bad.x + bad.y + bad.z + bad.w;
      let where_bad = select(vec4u(0xffffffffu), at + vec4u(0u, 1u, 2u, 3u), bad != vec4u(0u));
      first_non_finite = min(first_non_finite, min(min(where_bad.x, where_bad.y), min(where_bad.z, where_bad.w)));
    }
  }
  let base = segment * 8u;
  let low = min(min_key.xy, min_key.zw);
  let high = max(max_key.xy, max_key.zw);
  records[base] = bits_of_key(min(low.x, low.y));
  records[base + 1u] = bits_of_key(max(high.x, high.y));
  records[base + 2u] = bitcast<u32>((sum.x + sum.y) + (sum.z + sum.w));
  records[base + 3u] = bitcast<u32>((squares.x + squares.y) + (squares.z + squares.w));
  records[base + 4u] = non_finite;
  records[base + 5u] = first_non_finite;
  records[base + 6u] = zeros.x + zeros.y + zeros.z + zeros.w;
  records[base + 7u] = elements;
}
