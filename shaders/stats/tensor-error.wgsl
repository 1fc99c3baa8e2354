// Error of a decoded tensor against its source: one record of partial sums per thread.
//
// Contract  segment g of 0 .. segments - 1 writes the 12 words of error-sums.ts at records[12 g]. Its
//           elements are quads of 4, 64 quads apart, so that neighbouring threads read neighbouring
//           words; the host folds all records, so only the union matters: every element once.
//           clipped = finite source elements whose magnitude bits exceed clip_bits.
// Tile      one thread, one segment of quads_per_thread quads.
// NaN rule  a non-finite source counts and stays out of sums, minimum and maximum. A non-finite decoded
//           value under a finite source stays out of the sums and makes max_abs_error infinite.
//           Minimum and maximum of nothing are the largest and the lowest finite f32.
// Exact     minimum, maximum, counts, fingerprint; the sums are f32 in device order.
import package::common::exact::is_non_finite;
import package::common::grid::flat_workgroup;
import package::common::product::{bits_of_key, ordered_key};

struct Params {
  count: u32,
  segments: u32,
  quads_per_thread: u32,
  clip_bits: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> decoded: array<u32>;
@group(0) @binding(3) var<storage, read_write> records: array<u32>;

override wg: u32 = 64u;

// Segments that share a run of the tensor, quad by quad in turn; the same in segments.ts.
const interleave: u32 = 64u;

const infinity_bits: u32 = 0x7f800000u;

struct Sums {
  squared_error: vec4f,
  squared_source: vec4f,
  squared_decoded: vec4f,
  dot_product: vec4f,
  // Bits of magnitudes: their order as integers is their order as floats.
  max_abs_error: vec4u,
  min_key: vec4i,
  max_key: vec4i,
  clipped: u32,
  non_finite: u32,
  first_non_finite: u32,
  fingerprint: vec4u,
}

var<private> sums: Sums;

// Four elements of which `keep` marks those that exist.
fn take(index: u32, source_bits: vec4u, decoded_bits: vec4u, keep: vec4<bool>) {
  let positions = index + vec4u(0u, 1u, 2u, 3u);
  let weight = positions * 2u + 1u;
  let print_bits = select(decoded_bits, vec4u(0u), decoded_bits == vec4u(0x80000000u));
  sums.fingerprint += select(vec4u(0u), print_bits * weight, keep);

  let source_magnitude = source_bits & vec4u(0x7fffffffu);
  let decoded_magnitude = decoded_bits & vec4u(0x7fffffffu);
  let source_finite = keep & (source_magnitude < vec4u(infinity_bits));
  let both_finite = source_finite & (decoded_magnitude < vec4u(infinity_bits));
  let x = bitcast<vec4f>(select(vec4u(0u), source_bits, both_finite));
  let y = bitcast<vec4f>(select(vec4u(0u), decoded_bits, both_finite));
  let difference = x - y;
  sums.squared_error += difference * difference;
  sums.squared_source += x * x;
  sums.squared_decoded += y * y;
  sums.dot_product += x * y;
  sums.max_abs_error = max(sums.max_abs_error, bitcast<vec4u>(abs(difference)));
  let key_bits = bitcast<vec4i>(source_bits);
  let keys = key_bits ^ ((key_bits >> vec4u(31u)) & vec4i(0x7fffffff));
  sums.min_key = select(sums.min_key, min(sums.min_key, keys), source_finite);
  sums.max_key = select(sums.max_key, max(sums.max_key, keys), source_finite);
  if (any(source_finite & (source_magnitude > vec4u(params.clip_bits)))) {
    let over = select(vec4u(0u), vec4u(1u), source_finite & (source_magnitude > vec4u(params.clip_bits)));
    sums.clipped += over.x + over.y + over.z + over.w;
  }
  if (any(keep & !both_finite)) {
    let lost = select(vec4u(0u), vec4u(infinity_bits), source_finite & !both_finite);
    sums.max_abs_error = max(sums.max_abs_error, lost);
    let bad = select(vec4u(0u), vec4u(1u), keep & !source_finite);
    sums.non_finite += bad.x + bad.y + bad.z + bad.w;
    let where_bad = select(vec4u(0xffffffffu), positions, bad != vec4u(0u));
    sums.first_non_finite =
      min(sums.first_non_finite, min(min(where_bad.x, where_bad.y), min(where_bad.z, where_bad.w)));
  }
}

fn total(v: vec4f) -> u32 {
  return bitcast<u32>((v.x + v.y) + (v.z + v.w));
}

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
  sums.max_key = vec4i(ordered_key(0xff7fffffu));
  sums.min_key = vec4i(ordered_key(0x7f7fffffu));
  sums.first_non_finite = 0xffffffffu;

  let first = ((segment / interleave) * interleave * params.quads_per_thread + segment % interleave) * 4u;
  let stride = interleave * 4u;
  var elements = 0u;
  for (var i = 0u; i < params.quads_per_thread; i++) {
    let at = first + i * stride;
    if (at >= params.count) {
      break;
    }
    let left = min(params.count - at, 4u);
    elements += left;
    let source_bits = vec4u(source[at], source[at + 1u], source[at + 2u], source[at + 3u]);
    let decoded_bits = vec4u(decoded[at], decoded[at + 1u], decoded[at + 2u], decoded[at + 3u]);
    take(at, source_bits, decoded_bits, vec4u(0u, 1u, 2u, 3u) < vec4u(left));
  }

  let base = segment * 12u;
  records[base] = total(sums.squared_error);
  records[base + 1u] = total(sums.squared_source);
  records[base + 2u] = total(sums.squared_decoded);
  records[base + 3u] = total(sums.dot_product);
  let worst = max(sums.max_abs_error.xy, sums.max_abs_error.zw);
  records[base + 4u] = max(worst.x, worst.y);
  let low = min(sums.min_key.xy, sums.min_key.zw);
  records[base + 5u] = bits_of_key(min(low.x, low.y));
  let high = max(sums.max_key.xy, sums.max_key.zw);
  records[base + 6u] = bits_of_key(max(high.x, high.y));
  records[base + 7u] = sums.clipped;
  records[base + 8u] = sums.non_finite;
  records[base + 9u] = sums.first_non_finite;
  let print = sums.fingerprint;
  records[base + 10u] = print.x + print.y + print.z + print.w;
  records[base + 11u] = elements;
}
