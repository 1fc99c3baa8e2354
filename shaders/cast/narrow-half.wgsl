// f32 to f16 or bf16, two in a u32 with the first in the low half, by integer arithmetic on bits.
//
// Contract  half i of `narrowed` = source[i] rounded to nearest even, i < count; the half after an odd
//           count is 0. counters[0] += finite values whose magnitude rounds above the largest finite
//           half, counters[1] += non-zero values that become zero, counters[2] += NaN and infinities.
//           The counters start as the caller left them (zero).
// Overflow  to infinity, or with `saturate` to the largest finite half.
// Tile      one thread makes words_per_thread words, lying a workgroup apart.
// NaN rule  infinities stay (saturate does not touch them), NaN become the quiet NaN of their sign.
import package::common::exact::is_non_finite;
import package::common::grid::flat_workgroup;
import package::common::half::{bfloat_from_bits, half_from_bits};

struct Params {
  count: u32,
  // 0: f16, 1: bf16.
  bfloat: u32,
  saturate: u32,
  words_per_thread: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> narrowed: array<u32>;
@group(0) @binding(3) var<storage, read_write> counters: array<atomic<u32>>;

override wg: u32 = 64u;

var<private> overflows: u32;
var<private> underflows: u32;
var<private> non_finites: u32;

fn narrow(bits: u32) -> u32 {
  let infinite = select(0x7c00u, 0x7f80u, params.bfloat != 0u);
  var half = 0u;
  if (params.bfloat != 0u) {
    half = bfloat_from_bits(bits);
  } else {
    half = half_from_bits(bits);
  }
  let magnitude = half & 0x7fffu;
  if (is_non_finite(bits)) {
    non_finites += 1u;
  } else if (magnitude == infinite) {
    overflows += 1u;
    half -= params.saturate;
  } else {
    underflows += u32(magnitude == 0u && (bits & 0x7fffffffu) != 0u);
  }
  return half;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let words = (params.count + 1u) / 2u;
  let first = flat_workgroup(workgroup, workgroups) * wg * params.words_per_thread + lane;
  for (var i = 0u; i < params.words_per_thread; i++) {
    let word = first + i * wg;
    if (word >= words) {
      break;
    }
    var pair = narrow(source[word * 2u]);
    if (word * 2u + 1u < params.count) {
      pair |= narrow(source[word * 2u + 1u]) << 16u;
    }
    narrowed[word] = pair;
  }
  if (overflows != 0u) {
    atomicAdd(&counters[0], overflows);
  }
  if (underflows != 0u) {
    atomicAdd(&counters[1], underflows);
  }
  if (non_finites != 0u) {
    atomicAdd(&counters[2], non_finites);
  }
}
