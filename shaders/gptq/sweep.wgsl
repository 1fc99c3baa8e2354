// Quantizes one block of input channels of a weight after the other channels before it, each channel making up for
// the errors of those before: GPTQ, in the form of successive rounding.
//
// With H the second moments of the inputs and H = R R^T, R upper triangular, the error that counts is
// |(W - Q) R|^2. Its k-th column is (w_k - q_k) R_kk + sum over i < k of (w_i - q_i) R_ik: q_k is chosen nearest
// to t_k = w_k + (sum of d_i R_ik) / R_kk, d = w - q. The same codes as those from the inverse of H, without it.
//
// Contract  Channels are taken in the order of `order`; below, k counts in it. u: [line, line] with
//           U = J R^T J, J turning the order round (factor/cholesky-* of the matrix turned round): R_ik =
//           u[line - 1 - k][line - 1 - i]. y: [count, lanes] quads, the sums over i < at (not read at 0);
//           w: the weight, element (n, channel) at n * w_row + channel * w_col, replaced by its quantized values;
//           d: [line, lanes] quads of n. Group of (n, channel): n * group_row + channel / block * group_col.
//           With `find` the block is one group, and nothing is rounded yet: its scale and zero point are made from
//           the range of the t that would be if the block could be had exactly, clipped as leaves the least error in
//           a grid of `clips` (1: not clipped); d then holds what would make up for all before. Without, scales and
//           zero points are read. (Two dispatches: software adapters take long to compile both in one.)
// Tile      a thread has four n. at and line divisible by 4; u and d in quads.
// Rounding  codes are the nearest of f32 quotients, ties to even: a tie's error is the same either way.
import package::common::affine::{affine_scale, affine_zero_point, highest_code, lowest_code};
import package::common::grid::flat_workgroup;

struct Params {
  line: u32,
  at: u32,
  count: u32,
  n: u32,
  w_row: u32,
  w_col: u32,
  group_row: u32,
  group_col: u32,
  block: u32,
  bits: u32,
  is_signed: u32,
  scheme: u32,
  rounding: u32,
  half_scales: u32,
  clips: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> w: array<f32>;
@group(0) @binding(5) var<storage, read_write> d: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> scales: array<f32>;
@group(0) @binding(7) var<storage, read_write> zero_points: array<i32>;

override wg: u32 = 64u;
override find: u32 = 0u;

// Each clip takes this share of the range off.
const clip_step: f32 = 0.03125;

struct Grid {
  scale: vec4f,
  zero: vec4f,
}

// R_ik of i, i + 1, i + 2, i + 3; i divisible by 4.
fn factors(i: u32, k: u32) -> vec4f {
  let row = params.line - 1u - k;
  return u[(row * params.line + params.line - 4u - i) / 4u].wzyx;
}

fn diagonal(k: u32) -> f32 {
  return factors(k & ~3u, k)[k & 3u];
}

fn weight_at(quad: u32, i: u32, channel: u32) -> u32 {
  return min(quad * 4u + i, params.n - 1u) * params.w_row + channel * params.w_col;
}

fn weights(quad: u32, channel: u32) -> vec4f {
  return vec4f(
    w[weight_at(quad, 0u, channel)], w[weight_at(quad, 1u, channel)],
    w[weight_at(quad, 2u, channel)], w[weight_at(quad, 3u, channel)],
  );
}

fn group_at(quad: u32, i: u32, channel: u32) -> u32 {
  return min(quad * 4u + i, params.n - 1u) * params.group_row + channel / params.block * params.group_col;
}

fn stored_grid(quad: u32, channel: u32) -> Grid {
  var grid: Grid;
  for (var i = 0u; i < 4u; i++) {
    let group = group_at(quad, i, channel);
    grid.scale[i] = scales[group];
    grid.zero[i] = f32(zero_points[group]);
  }
  return grid;
}

fn quantized(t: vec4f, grid: Grid) -> vec4f {
  let lowest = vec4f(f32(lowest_code(params.bits, params.is_signed)));
  let highest = vec4f(f32(highest_code(params.bits, params.is_signed)));
  return (clamp(round(t / grid.scale) + grid.zero, lowest, highest) - grid.zero) * grid.scale;
}

// What the channel's value would be if those of its block before it could be had exactly.
fn unrounded(quad: u32, c: u32) -> vec4f {
  let k = params.at + c;
  return weights(quad, order[k]) - d[k * ((params.n + 3u) / 4u) + quad];
}

fn grid_of(low: vec4f, high: vec4f) -> Grid {
  var grid: Grid;
  for (var i = 0u; i < 4u; i++) {
    let scale = affine_scale(low[i], high[i], params.bits, params.scheme, params.half_scales);
    grid.scale[i] = scale;
    grid.zero[i] =
      f32(affine_zero_point(low[i], scale, params.bits, params.is_signed, params.scheme, params.rounding));
  }
  return grid;
}

fn found_grid(quad: u32) -> Grid {
  var low = vec4f(0.0);
  var high = vec4f(0.0);
  for (var c = 0u; c < params.count; c++) {
    let wanted = unrounded(quad, c);
    low = min(low, wanted);
    high = max(high, wanted);
  }
  var best = grid_of(low, high);
  var least = vec4f(0.0);
  for (var clip = 0u; clip < params.clips && params.clips > 1u; clip++) {
    let share = 1.0 - clip_step * f32(clip);
    let grid = grid_of(low * share, high * share);
    var loss = vec4f(0.0);
    for (var c = 0u; c < params.count; c++) {
      let wanted = unrounded(quad, c);
      let missed = (wanted - quantized(wanted, grid)) * diagonal(params.at + c);
      loss += missed * missed;
    }
    let better = vec4<bool>(clip == 0u) | (loss < least);
    least = select(least, loss, better);
    best.scale = select(best.scale, grid.scale, better);
    best.zero = select(best.zero, grid.zero, better);
  }
  return best;
}

fn store(quad: u32, channel: u32, values: vec4f) {
  for (var i = 0u; i < min(4u, params.n - quad * 4u); i++) {
    w[weight_at(quad, i, channel)] = values[i];
  }
}

fn sweep(quad: u32, lanes: u32) {
  for (var c = 0u; c < params.count; c += 4u) {
    let k = params.at + c;
    // Column j of the sums is that of channel k + j. Rows of u before the first are no channel's: the last quad's
    // j stop at `count`.
    var sums = mat4x4f();
    for (var i = params.at; i < k; i += 4u) {
      let start = i * lanes + quad;
      let errors = mat4x4f(d[start], d[start + lanes], d[start + 2u * lanes], d[start + 3u * lanes]);
      sums += errors * mat4x4f(factors(i, k), factors(i, k + 1u), factors(i, k + 2u), factors(i, k + 3u));
    }
    var errors = mat4x4f();
    for (var j = 0u; j < min(4u, params.count - c); j++) {
      let channel = order[k + j];
      let own = factors(k, k + j);
      let weight = weights(quad, channel);
      // The errors of channels from j on are still 0.
      var sum = sums[j] + errors * own;
      if (params.at > 0u) {
        sum += y[(c + j) * lanes + quad];
      }
      var values = weight + sum / own[j];
      if (find == 0u) {
        values = quantized(values, stored_grid(quad, channel));
        store(quad, channel, values);
      }
      let inside = vec4u(quad * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.n);
      errors[j] = select(vec4f(0.0), weight - values, inside);
      d[(k + j) * lanes + quad] = errors[j];
    }
  }
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let quad = flat_workgroup(workgroup, workgroups) * wg + lane;
  let lanes = (params.n + 3u) / 4u;
  if (quad >= lanes) {
    return;
  }
  sweep(quad, lanes);
  if (find == 0u) {
    return;
  }
  let grid = found_grid(quad);
  for (var i = 0u; i < min(4u, params.n - quad * 4u); i++) {
    let group = group_at(quad, i, order[params.at]);
    scales[group] = grid.scale[i];
    zero_points[group] = i32(grid.zero[i]);
  }
}
