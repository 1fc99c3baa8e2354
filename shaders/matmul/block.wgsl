// Many vectors times the transpose of a packed weight, in MatMulNBits form: y[m, n] = activate(bias[n] + sum over k of
// (code[n, k] - zero[n, k / block]) * scale[n, k / block] * x[m, k]).
//
// Contract  codes: `n` rows of blocks * block codes of `bits` bits (2, 4 or 8), the first lowest, each row a whole
//           number of words; scales: f32 [n, blocks]; zero_points: packed codes, each row starting on a byte, read
//           only with packed_zeros, else `zero` holds for all; x: f32 [m, k]; bias: f32 [n], read only with has_bias;
//           y: f32 [m, n].
// Tile      A thread owns four columns of `rows` rows; the lanes of a workgroup lie along the columns. Four decoded
//           steps of k of its columns (one 4x4 matrix) meet each 4x4 piece of x. All lanes need the same piece; with
//           subgroups of `share` (4 or 8) lanes or more each lane loads a row's part and the lanes broadcast.
// Wide      loads quads of x as one vec4f: k divisible by 4.
// Rounding  f32 throughout.
// NaN       of x or of a scale goes through to y; padding past `k` counts as zero.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;

@if(subgroups) enable subgroups;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  block: u32,
  blocks: u32,
  zero: i32,
  act_a: f32,
  act_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zero_points: array<u32>;
@if(wide) @group(0) @binding(4) var<storage, read> x: array<vec4f>;
@if(!wide) @group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override rows: u32 = 8u;
override share: u32 = 4u;
override bits: u32 = 4u;
override is_signed: u32 = 0u;
override packed_zeros: u32 = 0u;
override has_bias: u32 = 0u;
override activation: u32 = 0u;

// The four codes from bit `shift` of a word on.
fn quad_codes(word: u32, shift: u32) -> vec4f {
  let fields = vec4u(word >> shift) >> (vec4u(0u, 1u, 2u, 3u) * bits);
  if (is_signed != 0u) {
    return vec4f(bitcast<vec4i>(fields << vec4u(32u - bits)) >> vec4u(32u - bits));
  }
  return vec4f(vec4i(fields & vec4u((1u << bits) - 1u)));
}

fn zero_of(col: u32, block: u32) -> f32 {
  if (packed_zeros == 0u) {
    return f32(params.zero);
  }
  let row_bytes = (params.blocks * bits + 7u) / 8u;
  let bit = col * row_bytes * 8u + block * bits;
  return quad_codes(zero_points[bit >> 5u], bit & 31u).x;
}

// Four elements of a row of x from k on; those past its end, and all of a step past the last, are zero.
fn quad_x(row: u32, k: u32) -> vec4f {
  let inside = k < params.k;
  let at = min(row, params.m - 1u) * params.k + select(0u, k, inside);
  @if(wide) {
    return select(vec4f(0.0), x[at >> 2u], inside);
  }
  @if(!wide) {
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

@if(subgroups)
fn low_lanes(own: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u),
  );
}

@if(subgroups)
fn high_lanes(own: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u),
  );
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
  let own = min(vec4u(col) + vec4u(0u, 1u, 2u, 3u), vec4u(params.n - 1u));
  let block_words = params.block * bits / 32u;
  var c0 = mat4x4f();
  var c1 = mat4x4f();
  var c2 = mat4x4f();
  var c3 = mat4x4f();
  for (var block = 0u; block < params.blocks; block++) {
    let places = own * params.blocks + block;
    let scale = vec4f(scales[places.x], scales[places.y], scales[places.z], scales[places.w]);
    let zero = vec4f(zero_of(own.x, block), zero_of(own.y, block), zero_of(own.z, block), zero_of(own.w, block));
    for (var w = 0u; w < block_words; w++) {
      let at = places * block_words + w;
      let words = vec4u(codes[at.x], codes[at.y], codes[at.z], codes[at.w]);
      for (var shift = 0u; shift < 32u; shift += 4u * bits) {
        let k = block * params.block + (w * 32u + shift) / bits;
        let weights = mat4x4f(
          (quad_codes(words.x, shift) - zero.x) * scale.x,
          (quad_codes(words.y, shift) - zero.y) * scale.y,
          (quad_codes(words.z, shift) - zero.z) * scale.z,
          (quad_codes(words.w, shift) - zero.w) * scale.w,
        );
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
