// y = f(a, b) with broadcasting. `op` chooses f (names in src/kernels/nn/binary.ts).
//
// Contract  y: dims d0..d5 in row-major order, `count` words in all; a and b are read at strides of their own, 0
//           along a broadcast dim. `rank` dims count, the last ones (d0 is the outermost); the rest are 1.
// Types     words: f32 for operations below 64, i32 or bool for those from 64 on, u32 from 128 on.
// Tile      a thread takes `each` elements, a workgroup apart.
// NaN       comparisons with NaN are false; min and max give NaN if either is; mod as C's fmod or Python's.
import package::common::grid::flat_workgroup;
import package::common::math::is_nan_bits;

struct Params {
  count: u32,
  d1: u32,
  d2: u32,
  d3: u32,
  d4: u32,
  d5: u32,
  a0: u32,
  a1: u32,
  a2: u32,
  a3: u32,
  a4: u32,
  a5: u32,
  b0: u32,
  b1: u32,
  b2: u32,
  b3: u32,
  b4: u32,
  b5: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override each: u32 = 4u;
override op: u32 = 0u;
override rank: u32 = 6u;

const quiet_nan: u32 = 0x7fc00000u;

// Positions in a and b of the element at `at`.
fn positions(at: u32) -> vec2u {
  if (rank == 1u) {
    return vec2u(at * params.a5, at * params.b5);
  }
  var rest = at / params.d5;
  var i = at - rest * params.d5;
  var found = vec2u(i * params.a5, i * params.b5);
  if (rank == 2u) {
    return found + vec2u(rest * params.a4, rest * params.b4);
  }
  i = rest % params.d4;
  rest /= params.d4;
  found += vec2u(i * params.a4, i * params.b4);
  if (rank == 3u) {
    return found + vec2u(rest * params.a3, rest * params.b3);
  }
  i = rest % params.d3;
  rest /= params.d3;
  found += vec2u(i * params.a3, i * params.b3);
  if (rank == 4u) {
    return found + vec2u(rest * params.a2, rest * params.b2);
  }
  i = rest % params.d2;
  rest /= params.d2;
  found += vec2u(i * params.a2, i * params.b2);
  i = rest % params.d1;
  rest /= params.d1;
  return found + vec2u(i * params.a1, i * params.b1) + vec2u(rest * params.a0, rest * params.b0);
}

fn odd(v: f32) -> bool {
  return abs(v) < 16777216.0 && (i32(v) & 1) != 0;
}

// WGSL's pow takes no negative base.
fn power(x: f32, e: f32) -> f32 {
  if (e == 2.0) {
    return x * x;
  }
  if (e == 0.0) {
    return 1.0;
  }
  if (e == 1.0) {
    return x;
  }
  if (e == 0.5) {
    return sqrt(x);
  }
  if (x == 0.0) {
    return select(0.0, 1.0 / x, e < 0.0);
  }
  let root = pow(abs(x), e);
  if (x > 0.0) {
    return root;
  }
  if (floor(e) != e) {
    return bitcast<f32>(quiet_nan + (bitcast<u32>(x) & 1u));
  }
  return select(root, -root, odd(e));
}

fn either_nan(p: u32, q: u32) -> bool {
  return is_nan_bits(p) || is_nan_bits(q);
}

fn real(p: u32, q: u32) -> u32 {
  let x = bitcast<f32>(p);
  let z = bitcast<f32>(q);
  switch op {
    case 0u: { return bitcast<u32>(x + z); }
    case 1u: { return bitcast<u32>(x - z); }
    case 2u: { return bitcast<u32>(x * z); }
    case 3u: { return bitcast<u32>(x / z); }
    case 4u: { return bitcast<u32>(power(x, z)); }
    case 5u: { return select(bitcast<u32>(min(x, z)), quiet_nan, either_nan(p, q)); }
    case 6u: { return select(bitcast<u32>(max(x, z)), quiet_nan, either_nan(p, q)); }
    case 7u: { return bitcast<u32>(x - z * trunc(x / z)); }
    case 8u: { return bitcast<u32>(x - z * floor(x / z)); }
    case 9u: { return bitcast<u32>(select(x * z, x, x >= 0.0)); }
    case 10u: { return bitcast<u32>(power(x, f32(bitcast<i32>(q)))); }
    case 16u: { return u32(x == z && !either_nan(p, q)); }
    case 17u: { return u32(x > z && !either_nan(p, q)); }
    case 18u: { return u32(x < z && !either_nan(p, q)); }
    case 19u: { return u32(x >= z && !either_nan(p, q)); }
    default: { return u32(x <= z && !either_nan(p, q)); }
  }
}

fn int_power(base: i32, exponent: i32) -> i32 {
  if (exponent < 0) {
    return select(select(0, select(-1, 1, (exponent & 1) == 0), base == -1), 1, base == 1);
  }
  var result = 1;
  var square = base;
  for (var e = u32(exponent); e > 0u; e >>= 1u) {
    if ((e & 1u) != 0u) {
      result *= square;
    }
    square *= square;
  }
  return result;
}

fn integer(p: u32, q: u32) -> u32 {
  let x = bitcast<i32>(p);
  let z = bitcast<i32>(q);
  switch op {
    case 64u: { return p + q; }
    case 65u: { return p - q; }
    case 66u: { return p * q; }
    case 67u: { return bitcast<u32>(x / z); }
    case 68u: { return bitcast<u32>(int_power(x, z)); }
    case 69u: { return bitcast<u32>(min(x, z)); }
    case 70u: { return bitcast<u32>(max(x, z)); }
    case 71u: { return bitcast<u32>(x % z); }
    case 72u: { let r = x % z; return bitcast<u32>(select(r, r + z, r != 0 && (r < 0) != (z < 0))); }
    case 73u: { return p & q; }
    case 74u: { return p | q; }
    case 75u: { return p ^ q; }
    case 76u: { return select(p << q, 0u, q > 31u); }
    case 77u: { return select(p >> q, 0u, q > 31u); }
    case 80u: { return u32(p == q); }
    case 81u: { return u32(x > z); }
    case 82u: { return u32(x < z); }
    case 83u: { return u32(x >= z); }
    case 84u: { return u32(x <= z); }
    case 128u: { return p / q; }
    case 129u: { return min(p, q); }
    case 130u: { return max(p, q); }
    case 131u: { return p % q; }
    case 132u: { return u32(p > q); }
    case 133u: { return u32(p < q); }
    case 134u: { return u32(p >= q); }
    default: { return u32(p <= q); }
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
      let place = positions(at);
      if (op >= 64u) {
        y[at] = integer(a[place.x], b[place.y]);
      } else {
        y[at] = real(a[place.x], b[place.y]);
      }
    }
  }
}
