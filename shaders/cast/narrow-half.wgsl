// f32 to f16 or bf16, two in a u32 with the first in the low half, by integer arithmetic on bits.
//
// Contract  half i of `narrowed` = source[i] rounded to nearest even, i < count; the half after an odd
//           count is 0. counters[0] += finite values whose magnitude rounds above the largest finite
//           half, counters[1] += non-zero values that become zero, counters[2] += NaN and infinities.
//           The counters start as the caller left them (zero).
// Overflow  to infinity, or with `saturate` to the largest finite half.
// Tile      one thread makes quads of four halves, two words; its quads lie a workgroup apart. The four
//           share their branches, since software adapters pay for every divergent one.
// NaN rule  infinities stay (saturate does not touch them), NaN become the quiet NaN of their sign.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  // 0: f16, 1: bf16.
  bfloat: u32,
  saturate: u32,
  quads_per_thread: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> narrowed: array<u32>;
@group(0) @binding(3) var<storage, read_write> counters: array<atomic<u32>>;

override wg: u32 = 64u;

// Magnitudes of finite numbers as f16 magnitudes; the result is 0x7c00 or more where they overflow.
fn half_magnitudes(magnitude: vec4u) -> vec4u {
  // Normal halves: rebias the exponent, drop 13 bits; a carry runs into the exponent.
  let odd = (magnitude >> vec4u(13u)) & vec4u(1u);
  let normal = (magnitude - 0x38000000u + 0xfffu + odd) >> vec4u(13u);
  let is_normal = magnitude >= vec4u(0x38800000u);
  if (all(is_normal)) {
    return normal;
  }
  // Subnormal halves count 2^-24: shift the mantissa until that is its unit. By 25 nothing is left.
  let shift = clamp(126u - min(magnitude >> vec4u(23u), vec4u(126u)), vec4u(14u), vec4u(25u));
  let mantissa = (magnitude & vec4u(0x7fffffu)) | vec4u(0x800000u);
  let even_bias = (vec4u(1u) << (shift - 1u)) - 1u + ((mantissa >> shift) & vec4u(1u));
  return select((mantissa + even_bias) >> shift, normal, is_normal);
}

// The same for bf16, with infinity at 0x7f80.
fn bfloat_magnitudes(magnitude: vec4u) -> vec4u {
  return (magnitude + 0x7fffu + ((magnitude >> vec4u(16u)) & vec4u(1u))) >> vec4u(16u);
}

fn ones(condition: vec4<bool>) -> vec4u {
  return select(vec4u(0u), vec4u(1u), condition);
}

fn add_to(counter: u32, lanes: vec4u) {
  let sum = lanes.x + lanes.y + lanes.z + lanes.w;
  if (sum != 0u) {
    atomicAdd(&counters[counter], sum);
  }
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let infinity = select(0x7c00u, 0x7f80u, params.bfloat != 0u);
  let quiet = select(0x7e00u, 0x7fc0u, params.bfloat != 0u);
  var overflowed = vec4u(0u);
  var underflowed = vec4u(0u);
  var non_finite = vec4u(0u);
  let first = (flat_workgroup(group_id, group_count) * wg * params.quads_per_thread + lane) * 4u;
  for (var i = 0u; i < params.quads_per_thread; i++) {
    let at = first + i * wg * 4u;
    if (at >= params.count) {
      break;
    }
    var bits = vec4u(source[at], source[at + 1u], source[at + 2u], source[at + 3u]);
    if (at + 4u > params.count) {
      bits = select(vec4u(0u), bits, at + vec4u(0u, 1u, 2u, 3u) < vec4u(params.count));
    }
    let magnitude = bits & vec4u(0x7fffffffu);
    var half = vec4u(0u);
    if (params.bfloat != 0u) {
      half = bfloat_magnitudes(magnitude);
    } else {
      half = half_magnitudes(magnitude);
    }
    let special = magnitude >= vec4u(0x7f800000u);
    let over = (half >= vec4u(infinity)) & !special;
    half = select(half, vec4u(infinity - params.saturate), over);
    half = select(half, vec4u(infinity), special);
    half = select(half, vec4u(quiet), magnitude > vec4u(0x7f800000u));
    overflowed += ones(over);
    underflowed += ones((half == vec4u(0u)) & (magnitude != vec4u(0u)));
    non_finite += ones(special);
    half |= (bits >> vec4u(16u)) & vec4u(0x8000u);
    narrowed[at / 2u] = half.x | (half.y << 16u);
    if (at + 2u < params.count) {
      narrowed[at / 2u + 1u] = half.z | (half.w << 16u);
    }
  }
  add_to(0u, overflowed);
  add_to(1u, underflowed);
  add_to(2u, non_finite);
}
