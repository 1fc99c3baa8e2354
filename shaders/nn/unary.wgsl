// y = f(x), element by element. `op` chooses f (names in src/kernels/nn/unary.ts); a and b are its constants.
//
// Contract  x, y: `count` words; f32, or i32 for operations from 64 on (bool is 0 and 1), as the name says.
// Tile      a thread takes `each` elements, a workgroup apart, so that neighbours read neighbours.
// Rounding  that of the adapter's functions; round is ties to even; casts to half floats round on the bits.
// NaN       goes through wherever f is a formula; found by bits, since x != x is folded away.
import package::common::grid::flat_workgroup;
import package::common::activation::activate;
import package::common::half::{bfloat_from_bits, bits_from_half, half_from_bits};
import package::common::math::{arccosine, arcsine, circular, erf, is_inf_bits, is_nan_bits, safe_tanh, softplus};

struct Params {
  count: u32,
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override each: u32 = 4u;
override op: u32 = 0u;

fn real(v: f32) -> f32 {
  let a = params.a;
  let b = params.b;
  switch op {
    case 0u: { return v; }
    case 1u: { return abs(v); }
    case 2u: { return -v; }
    case 3u: { return ceil(v); }
    case 4u: { return floor(v); }
    case 5u: { return round(v); }
    case 6u: { return sign(v); }
    case 7u: { return sqrt(v); }
    case 8u: { return 1.0 / v; }
    case 9u: { return exp(v); }
    case 10u: { return log(v); }
    case 11u: { return circular(v, 0); }
    case 12u: { return circular(v, 1); }
    case 13u: { return circular(v, 0) / circular(v, 1); }
    case 14u: { return arcsine(v); }
    case 15u: { return arccosine(v); }
    case 16u: { return atan(v); }
    case 17u: { let e = exp(min(abs(v), 88.0)); return sign(v) * 0.5 * (e - 1.0 / e); }
    case 18u: { let e = exp(min(abs(v), 88.0)); return 0.5 * (e + 1.0 / e); }
    case 19u: { let m = abs(v); return sign(v) * select(log(m + sqrt(m * m + 1.0)), m - m * m * m / 6.0, m < 0.01); }
    case 20u: { return log(v + sqrt(v * v - 1.0)); }
    case 21u: { let m = abs(v); return sign(v) * select(0.5 * log((1.0 + m) / (1.0 - m)), m + m * m * m / 3.0, m < 0.01); }
    case 22u: { return erf(v); }
    case 23u: { return softplus(v); }
    case 24u: { return v / (1.0 + abs(v)); }
    case 25u: { return v * safe_tanh(softplus(v)); }
    case 26u: { return select(select(0.0, v - b, v > a), v + b, v < -a); }
    case 27u: { return select(0.0, v, v > a); }
    case 28u: { return b * select(a * (exp(min(v, 0.0)) - 1.0), v, v > 0.0); }
    case 29u: { return max(v, 0.0) + min(a * (exp(min(v, 0.0) / a) - 1.0), 0.0); }
    case 30u: { return v * v; }
    case 31u: { return inverseSqrt(v); }
    case 32u: { return v * a + b; }
    case 33u: { return v / (1.0 + exp(-a * v)); }
    default: { return activate(v, op - 40u, a, b); }
  }
}

// To i32 as C does it: towards zero, kept within i32; NaN is the least.
fn to_int(v: f32) -> i32 {
  if (abs(v) >= 2147483648.0) {
    return select(2147483647, -2147483647 - 1, v <= -2147483648.0);
  }
  return i32(v);
}

fn integer(word: u32) -> u32 {
  let v = bitcast<f32>(word);
  let n = bitcast<i32>(word);
  switch op {
    case 64u: { return u32(n == 0); }
    case 65u: { return u32(is_nan_bits(word)); }
    case 66u: { return u32(is_inf_bits(word) && ((word >> 31u) == 0u || params.a != 0.0) && ((word >> 31u) == 1u || params.b != 0.0)); }
    case 67u: { return bitcast<u32>(-n); }
    case 68u: { return bitcast<u32>(abs(n)); }
    case 69u: { return bitcast<u32>(sign(n)); }
    case 70u: { return ~word; }
    case 71u: { return bitcast<u32>(to_int(v)); }
    case 72u: { return bitcast<u32>(f32(n)); }
    case 73u: { return u32((word & 0x7fffffffu) != 0u); }
    case 74u: { return u32(n != 0); }
    case 75u: { return bitcast<u32>(extractBits(n, 0u, u32(params.a))); }
    case 76u: { return extractBits(word, 0u, u32(params.a)); }
    case 77u: { return bits_from_half(half_from_bits(word)); }
    case 78u: { return bfloat_from_bits(word) << 16u; }
    case 79u: { return bitcast<u32>(f32(word)); }
    case 80u: { return select(u32(clamp(v, 0.0, 4294967040.0)), bitcast<u32>(to_int(v)), v < 0.0); }
    case 81u: { return bitcast<u32>(clamp(n, i32(params.a), i32(params.b))); }
    default: { return word; }
  }
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = flat_workgroup(workgroup, workgroups) * wg * each + lane;
  for (var i = 0u; i < each; i++) {
    let at = first + i * wg;
    if (at < params.count) {
      let word = x[at];
      if (op >= 64u) {
        y[at] = integer(word);
      } else {
        y[at] = bitcast<u32>(real(bitcast<f32>(word)));
      }
    }
  }
}
