// Mean magnitude of each group from the fixed-point sums of quantize/group-sum, correctly rounded.
// Contract: means[group] = (sum / count) * 2^(E - 158) to nearest even f32, E the exponent field of the
// group's absmax; with `half` = 1 rounded on to the nearest f16 value (at most 65504), still kept as
// f32. Below 2^-120, or with nothing counted: 0. thresholds[group] = factor * means[group].
// The quotient of 64 by 32 bits is taken in integers; only the last product is a float operation.
// Tile: one thread a group.
import package::common::grid::flat_workgroup;
import package::common::half::{bits_from_half, half_from_bits};

struct Params {
  groups: u32,
  segments: u32,
  factor: f32,
  half: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> absmax: array<u32>;
@group(0) @binding(2) var<storage, read> sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> means: array<u32>;
@group(0) @binding(4) var<storage, read_write> thresholds: array<f32>;

// x (high, low) shifted so that its top bit is bit 63; x is not 0.
fn normalise(x: vec2u) -> vec2u {
  if (x.x == 0u) {
    return vec2u(x.y << countLeadingZeros(x.y), 0u);
  }
  let shift = countLeadingZeros(x.x);
  if (shift == 0u) {
    return x;
  }
  return vec2u((x.x << shift) | (x.y >> (32u - shift)), x.y << shift);
}

fn leading_zeros(x: vec2u) -> u32 {
  return select(countLeadingZeros(x.x), 32u + countLeadingZeros(x.y), x.x == 0u);
}

// f32 bits of (sum / count) * 2^(top_exponent - 158).
fn mean_bits(sum: vec2u, count: u32, top_exponent: u32) -> u32 {
  if ((sum.x | sum.y) == 0u || count == 0u) {
    return 0u;
  }
  // With the dividend's top bit at 63 the quotient has at least 32 bits.
  let dividend = normalise(sum);
  let quotient_high = dividend.x / count;
  var remainder = dividend.x - quotient_high * count;
  var quotient_low = 0u;
  for (var k = 0u; k < 32u; k++) {
    let carry = remainder >> 31u;
    remainder = (remainder << 1u) | ((dividend.y >> (31u - k)) & 1u);
    let fits = carry != 0u || remainder >= count;
    remainder -= select(0u, count, fits);
    quotient_low = (quotient_low << 1u) | u32(fits);
  }
  let quotient = vec2u(quotient_high, quotient_low);
  let exact = normalise(quotient);
  let exponent = i32(top_exponent) + 32 - i32(leading_zeros(quotient)) - i32(leading_zeros(sum));
  if (exponent < 7) {
    return 0u;
  }
  let mantissa = exact.x >> 8u;
  let rest = exact.x & 0xffu;
  let sticky = (exact.y | remainder) != 0u;
  let up = rest > 0x80u || (rest == 0x80u && (sticky || (mantissa & 1u) != 0u));
  return (u32(exponent - 1) << 23u) + mantissa + u32(up);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  if (group >= params.groups) {
    return;
  }
  var low = 0u;
  var high = 0u;
  var count = 0u;
  for (var segment = 0u; segment < params.segments; segment++) {
    let at = 3u * (group * params.segments + segment);
    low += sums[at];
    high += sums[at + 1u] + u32(low < sums[at]);
    count += sums[at + 2u];
  }
  var mean = mean_bits(vec2u(high, low), count, absmax[group] >> 23u);
  if (params.half != 0u) {
    mean = bits_from_half(min(half_from_bits(mean), 0x7bffu));
  }
  means[group] = mean;
  thresholds[group] = params.factor * bitcast<f32>(mean);
}
