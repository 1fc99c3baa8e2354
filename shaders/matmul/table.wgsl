// Vectors times the transpose of a weight whose codes of 1 to 4 bits name values of a small table:
// y[m, n] = activate(bias[n] + sum over k of value(code[n, k]) * scale[group] * x[m, k]).
//
// Contract  codes: n rows of `line` codes of `bits` bits, a dense bit string, the first lowest; with `swapped` the
//           first of two nibbles is the higher one (bitsandbytes). Groups of `block` codes share a scale and are
//           counted through the rows; `chunk` codes, whole words of them, divide both a row and a group.
//           format 0: FP4, 1: NF4 (bitsandbytes), 2: E2M1, 3: ternary (code - 1; 3 counts as 0), 4: sign (0: -1),
//           5: three bits, code - zero, zero being zeros[group] with has_zeros, else 4.
//           scale_kind 0: f32; 1: E8M0 bytes (0 counts as 0, 255 is NaN); 2: E4M3 bytes, divided by global_scale[0].
//           x: [m, k], f32 or with `half` f16; bias: f32 [n], read only with has_bias; y: f32 [m, n].
// Tile      A thread owns four columns of `rows` rows; four decoded steps of k of its columns (one 4x4 matrix) meet
//           each 4x4 piece of x. With subgroups each of `share` lanes loads a row's part and the lanes broadcast.
// Wide      loads quads of x as one vec4f: k divisible by 4; so does half, from vec4<f16> with f16, else unpacked.
// Rounding  f32 throughout, whatever x is.
// NaN       of x or of a scale goes through to y; padding past `k` counts as zero.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;
@if(subgroups) import package::common::lanes::{low_lanes, high_lanes};

@if(subgroups) enable subgroups;
@if(f16) enable f16;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  line: u32,
  block: u32,
  chunk: u32,
  act_a: f32,
  act_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> global_scale: array<f32>;
@group(0) @binding(4) var<storage, read> zeros: array<f32>;
@if(half && f16) @group(0) @binding(5) var<storage, read> x: array<vec4<f16>>;
@if(half && !f16) @group(0) @binding(5) var<storage, read> x: array<vec2u>;
@if(!half && wide) @group(0) @binding(5) var<storage, read> x: array<vec4f>;
@if(!half && !wide) @group(0) @binding(5) var<storage, read> x: array<f32>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override rows: u32 = 8u;
override share: u32 = 4u;
override format: u32 = 1u;
override bits: u32 = 4u;
override swapped: u32 = 0u;
override scale_kind: u32 = 0u;
override has_zeros: u32 = 0u;
override has_bias: u32 = 0u;
override activation: u32 = 0u;

// Value by code of two neighbours; choices by bits instead of loads, for which software adapters pay by the lane.
fn pick(code: vec4u, bit: u32, low: vec4f, high: vec4f) -> vec4f {
  return select(low, high, (code & vec4u(bit)) != vec4u(0u));
}

fn either(code: vec4u, low: f32, high: f32) -> vec4f {
  return pick(code, 1u, vec4f(low), vec4f(high));
}

fn nf4_values(c: vec4u) -> vec4f {
  let a = pick(c, 2u, either(c, -1.0, -0.6961928009986877), either(c, -0.5250730514526367, -0.39491748809814453));
  let b = pick(
    c, 2u,
    either(c, -0.28444138169288635, -0.18477343022823334), either(c, -0.09105003625154495, 0.0),
  );
  let d = pick(
    c, 2u,
    either(c, 0.07958029955625534, 0.16093020141124725), either(c, 0.24611230194568634, 0.33791524171829224),
  );
  let e = pick(c, 2u, either(c, 0.44070982933044434, 0.5626170039176941), either(c, 0.7229568362236023, 1.0));
  return pick(c, 8u, pick(c, 4u, a, b), pick(c, 4u, d, e));
}

fn fp4_values(c: vec4u) -> vec4f {
  let low = pick(c, 2u, either(c, 0.0, 0.005208333333), either(c, 0.66666667, 1.0));
  let high = pick(c, 2u, either(c, 0.33333333, 0.5), either(c, 0.16666667, 0.25));
  let magnitude = pick(c, 4u, low, high);
  return pick(c, 8u, magnitude, -magnitude);
}

// Exponent and mantissa shifted into place; the two codes below the first exponent are 0 and 0.5.
fn e2m1_values(c: vec4u) -> vec4f {
  let small = 0.5 * vec4f(c & vec4u(1u));
  let normal = bitcast<vec4f>(((c & vec4u(7u)) << vec4u(22u)) + vec4u(0x3f000000u));
  let magnitude = select(normal, small, (c & vec4u(6u)) == vec4u(0u));
  return pick(c, 8u, magnitude, -magnitude);
}

fn values_of(c: vec4u) -> vec4f {
  switch format {
    case 0u: { return fp4_values(c); }
    case 1u: { return nf4_values(c); }
    case 2u: { return e2m1_values(c); }
    case 3u: { return select(vec4f(c) - 1.0, vec4f(0.0), c == vec4u(3u)); }
    case 4u: { return 2.0 * vec4f(c) - 1.0; }
    default: { return vec4f(c); }
  }
}

// The values of the four codes that are lowest in a word.
fn quad_weights(word: u32, scale: f32, zero: f32) -> vec4f {
  let order = select(vec4u(0u, 1u, 2u, 3u), vec4u(1u, 0u, 3u, 2u), swapped != 0u);
  let values = values_of((vec4u(word) >> (order * bits)) & vec4u((1u << bits) - 1u));
  if (format == 5u) {
    return (values - zero) * scale;
  }
  return values * scale;
}

fn scale_of(place: u32) -> f32 {
  if (scale_kind == 0u) {
    return bitcast<f32>(scales[place]);
  }
  let byte = (scales[place >> 2u] >> (8u * (place & 3u))) & 255u;
  if (scale_kind == 1u) {
    return bitcast<f32>(select(byte << 23u, 0x7fc00000u, byte == 255u));
  }
  let mantissa = f32(byte & 7u);
  let exponent = (byte >> 3u) & 15u;
  let normal = bitcast<f32>((exponent + 117u) << 23u) * (mantissa + 8.0);
  let magnitude = select(normal, mantissa * 0.001953125, exponent == 0u);
  let local = bitcast<f32>(select(bitcast<u32>(magnitude), 0x7fc00000u, (byte & 127u) == 127u));
  return local / global_scale[0];
}

fn zero_of(place: u32) -> f32 {
  if (has_zeros == 0u) {
    return 4.0;
  }
  return zeros[place];
}

fn words_at(at: vec4u) -> vec4u {
  return vec4u(codes[at.x], codes[at.y], codes[at.z], codes[at.w]);
}

// Four elements of a row of x from k on; those past its end, and all of a step past the last, are zero.
fn quad_x(row: u32, k: u32) -> vec4f {
  let inside = k < params.k;
  let at = min(row, params.m - 1u) * params.k + select(0u, k, inside);
  @if(half && f16) {
    return select(vec4f(0.0), vec4f(x[at >> 2u]), inside);
  }
  @if(half && !f16) {
    let pair = x[at >> 2u];
    return select(vec4f(0.0), vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y)), inside);
  }
  @if(!half && wide) {
    return select(vec4f(0.0), x[at >> 2u], inside);
  }
  @if(!half && !wide) {
    let left = select(0u, params.k - k, inside);
    let safe = vec4u(at) + min(vec4u(0u, 1u, 2u, 3u), vec4u(max(left, 1u) - 1u));
    let values = vec4f(x[safe.x], x[safe.y], x[safe.z], x[safe.w]);
    return select(vec4f(0.0), values, vec4u(0u, 1u, 2u, 3u) < vec4u(left));
  }
}

@if(!subgroups)
fn piece_x(row: u32, k: u32) -> mat4x4f {
  return mat4x4f(quad_x(row, k), quad_x(row + 1u, k), quad_x(row + 2u, k), quad_x(row + 3u, k));
}

struct Pair {
  low: mat4x4f,
  high: mat4x4f,
}

// Four steps of k of eight rows, one column a row; the high four only with more than four rows a tile.
fn pieces_x(row: u32, k: u32, lane: u32) -> Pair {
  var pair: Pair;
  @if(subgroups) {
    let own = quad_x(row + (lane & (share - 1u)), k);
    pair.low = low_lanes(own);
    if (rows > 4u) {
      if (share == 8u) {
        pair.high = high_lanes(own);
      } else {
        pair.high = low_lanes(quad_x(row + 4u + (lane & 3u), k));
      }
    }
  }
  @if(!subgroups) {
    pair.low = piece_x(row, k);
    if (rows > 4u) {
      pair.high = piece_x(row + 4u, k);
    }
  }
  return pair;
}

@if(subgroups)
@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  multiply(flat_workgroup(workgroup, workgroups), lane, subgroup_lane);
}

@if(!subgroups)
@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  multiply(flat_workgroup(workgroup, workgroups), lane, lane);
}

// One workgroup's tile; the row tiles of one stretch of columns follow each other, so that its codes stay in the cache.
fn multiply(tile: u32, lane: u32, subgroup_lane: u32) {
  let row_tiles = (params.m + rows - 1u) / rows;
  let row = tile % row_tiles * rows;
  let first = tile / row_tiles * wg * 4u;
  if (first >= params.n) {
    return;
  }
  // Lanes past the last column compute it again: all must be there to broadcast.
  let col = first + lane * 4u;
  let own = min(vec4u(col) + vec4u(0u, 1u, 2u, 3u), vec4u(params.n - 1u)) * params.line;
  // Codes that fill whole words: those of one, or with three bits 32 in three words.
  let unit = select(32u / bits, 32u, bits == 3u);
  let unit_words = select(1u, 3u, bits == 3u);
  var c0 = mat4x4f();
  var c1 = mat4x4f();
  var c2 = mat4x4f();
  var c3 = mat4x4f();
  for (var start = 0u; start < params.k; start += params.chunk) {
    let places = (own + start) / params.block;
    let scale = vec4f(scale_of(places.x), scale_of(places.y), scale_of(places.z), scale_of(places.w));
    let zero = vec4f(zero_of(places.x), zero_of(places.y), zero_of(places.z), zero_of(places.w));
    for (var i = start; i < start + params.chunk; i += unit) {
      let at = (own + i) / unit * unit_words;
      var low = words_at(at);
      var middle = vec4u(0u);
      var high = vec4u(0u);
      if (bits == 3u) {
        middle = words_at(at + 1u);
        high = words_at(at + 2u);
      }
      for (var k = i; k < i + unit; k += 4u) {
        let weights = mat4x4f(
          quad_weights(low.x, scale.x, zero.x),
          quad_weights(low.y, scale.y, zero.y),
          quad_weights(low.z, scale.z, zero.z),
          quad_weights(low.w, scale.w, zero.w),
        );
        low = low >> vec4u(4u * bits);
        if (bits == 3u) {
          low |= middle << vec4u(20u);
          middle = (middle >> vec4u(12u)) | (high << vec4u(20u));
          high = high >> vec4u(12u);
        }
        if (rows == 1u) {
          c0[0] += quad_x(0u, k) * weights;
          continue;
        }
        let right = transpose(weights);
        let first_eight = pieces_x(row, k, subgroup_lane);
        c0 += right * first_eight.low;
        if (rows > 4u) {
          c1 += right * first_eight.high;
        }
        if (rows > 8u) {
          let last_eight = pieces_x(row + 8u, k, subgroup_lane);
          c2 += right * last_eight.low;
          c3 += right * last_eight.high;
        }
      }
    }
  }
  if (col >= params.n) {
    return;
  }
  var sums = array<vec4f, 16>(
    c0[0], c0[1], c0[2], c0[3], c1[0], c1[1], c1[2], c1[3],
    c2[0], c2[1], c2[2], c2[3], c3[0], c3[1], c3[2], c3[3],
  );
  // Loops, since unrolled for every element this would be most of the shader.
  for (var r = 0u; r < min(rows, params.m - row); r++) {
    for (var j = 0u; j < min(4u, params.n - col); j++) {
      var value = sums[r][j];
      if (has_bias != 0u) {
        value += bias[col + j];
      }
      y[(row + r) * params.n + col + j] = activate(value, activation, params.act_a, params.act_b);
    }
  }
}
