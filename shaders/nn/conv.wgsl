// Direct convolution of f32 [batch, groups * inputs, spatial] with packed weights, bias and activation.
//
// Contract  weights: as nn/pack-conv-weights lays them out; bias: f32 [groups * outputs], read only with
//           has_bias; y: [batch, groups * outputs, spatial]. The three spatial axes are named a (blocked in
//           registers), b (neighbouring threads) and c; in_*, out_* are sizes, x_*, y_* strides in words.
// Tile      one thread computes 8 neighbours along a for `tile` output channels (16, or 4 in the narrow
//           variant). A workgroup shares one block of channels, so its weights are the same for all threads.
//           slide = 3: kernels of 3 along a, stride and dilation 1, whose inputs are loaded once for all taps;
//           slide = 1: kernels of 1 without padding, which need no bounds.
//           With subgroups, of four lanes or more, each lane loads a quarter of a tap's weights and the lanes broadcast,
//           since software adapters pay for every element that a lane loads.
// Rounding  f32 throughout, summed over inputs, then taps.
// NaN       goes through; padding counts as 0, never as what lies there.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;

@if(subgroups) enable subgroups;

struct Params {
  batch: u32,
  groups: u32,
  inputs: u32,
  outputs: u32,
  blocks: u32,
  items: u32,
  in_a: u32,
  in_b: u32,
  in_c: u32,
  x_a: u32,
  x_b: u32,
  x_c: u32,
  out_a: u32,
  out_b: u32,
  out_c: u32,
  y_a: u32,
  y_b: u32,
  y_c: u32,
  k_a: u32,
  k_b: u32,
  k_c: u32,
  stride_a: u32,
  stride_b: u32,
  stride_c: u32,
  dilation_a: u32,
  dilation_b: u32,
  dilation_c: u32,
  pad_a: u32,
  pad_b: u32,
  pad_c: u32,
  has_bias: u32,
  act: u32,
  act_a: f32,
  act_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override slide: u32 = 0u;

@if(!narrow)
const quads: u32 = 4u;
@if(narrow)
const quads: u32 = 1u;

// Element `row` along a from `base` on, 0 where that is padding. Negative rows wrap to large ones.
fn at(base: u32, row: u32, inside: bool) -> f32 {
  let ok = inside && row < params.in_a;
  return select(0.0, x[select(0u, base + row * params.x_a, ok)], ok);
}

// Four channels (columns) of four neighbours (rows).
fn outer(w: vec4f, v: vec4f) -> mat4x4f {
  return mat4x4f(w.x * v, w.y * v, w.z * v, w.w * v);
}

// A tap's weights of all channels of the tile.
@if(subgroups)
fn tap(w: u32, lane: u32) -> mat4x4f {
  let own = weights[w + (lane & 3u)];
  return mat4x4f(
    subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u),
  );
}

@if(!subgroups && !narrow)
fn tap(w: u32, lane: u32) -> mat4x4f {
  return mat4x4f(weights[w], weights[w + 1u], weights[w + 2u], weights[w + 3u]);
}

@if(subgroups)
@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  convolve(flat_workgroup(group_id, group_count), lane, subgroup_lane);
}

@if(!subgroups)
@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  convolve(flat_workgroup(group_id, group_count), lane, lane);
}

fn convolve(flat: u32, lane: u32, subgroup_lane: u32) {
  let block = flat % params.blocks;
  let group = flat / params.blocks % params.groups;
  let rest = flat / (params.blocks * params.groups);
  let chunks = (params.items + wg - 1u) / wg;
  let own_item = rest % chunks * wg + lane;
  let entry = rest / chunks;
  if (entry >= params.batch) {
    return;
  }
  // Lanes past the last item compute it again: all must be there to broadcast.
  @if(!subgroups) {
    if (own_item >= params.items) {
      return;
    }
  }
  let item = min(own_item, params.items - 1u);
  let b = item % params.out_b;
  let sheet = item / params.out_b;
  let a_blocks = (params.out_a + 7u) / 8u;
  let first = sheet % a_blocks * 8u;
  let c = sheet / a_blocks;
  let row = first * params.stride_a - params.pad_a;
  let in_plane = params.in_a * params.in_b * params.in_c;
  var plane = (entry * params.groups + group) * params.inputs * in_plane;
  var w = (group * params.blocks + block) * params.inputs * params.k_c * params.k_b * params.k_a * quads;
  var low0 = mat4x4f();
  var high0 = mat4x4f();
  @if(!narrow) var low1 = mat4x4f();
  @if(!narrow) var high1 = mat4x4f();
  @if(!narrow) var low2 = mat4x4f();
  @if(!narrow) var high2 = mat4x4f();
  @if(!narrow) var low3 = mat4x4f();
  @if(!narrow) var high3 = mat4x4f();
  if (slide == 1u) {
    let last = params.in_a - 1u;
    let spot = c * params.stride_c * params.x_c + b * params.stride_b * params.x_b;
    let s = params.stride_a;
    let low_rows = spot + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(last / s)) * s * params.x_a;
    let high_rows = spot + min(vec4u(first) + vec4u(4u, 5u, 6u, 7u), vec4u(last / s)) * s * params.x_a;
    for (var input = 0u; input < params.inputs; input++) {
      let i = low_rows + plane;
      let v0 = vec4f(x[i.x], x[i.y], x[i.z], x[i.w]);
      let j = high_rows + plane;
      let v1 = vec4f(x[j.x], x[j.y], x[j.z], x[j.w]);
      @if(narrow) let p = array(weights[w]);
      @if(!narrow) let p = tap(w, subgroup_lane);
      low0 += outer(p[0], v0);
      high0 += outer(p[0], v1);
      @if(!narrow) low1 += outer(p[1], v0);
      @if(!narrow) high1 += outer(p[1], v1);
      @if(!narrow) low2 += outer(p[2], v0);
      @if(!narrow) high2 += outer(p[2], v1);
      @if(!narrow) low3 += outer(p[3], v0);
      @if(!narrow) high3 += outer(p[3], v1);
      w += quads;
      plane += in_plane;
    }
  } else {
    for (var input = 0u; input < params.inputs; input++) {
      for (var kc = 0u; kc < params.k_c; kc++) {
        let depth = c * params.stride_c + kc * params.dilation_c - params.pad_c;
        for (var kb = 0u; kb < params.k_b; kb++) {
          let column = b * params.stride_b + kb * params.dilation_b - params.pad_b;
          let inside = depth < params.in_c && column < params.in_b;
          let base = plane + depth * params.x_c + column * params.x_b;
          if (slide == 3u) {
            let r0 = at(base, row, inside);
            let r1 = at(base, row + 1u, inside);
            let r2 = at(base, row + 2u, inside);
            let r3 = at(base, row + 3u, inside);
            let r4 = at(base, row + 4u, inside);
            let r5 = at(base, row + 5u, inside);
            let r6 = at(base, row + 6u, inside);
            let r7 = at(base, row + 7u, inside);
            let r8 = at(base, row + 8u, inside);
            let r9 = at(base, row + 9u, inside);
            let v0 = vec4f(r0, r1, r2, r3);
            let v1 = vec4f(r1, r2, r3, r4);
            let v2 = vec4f(r2, r3, r4, r5);
            let v4 = vec4f(r4, r5, r6, r7);
            let v5 = vec4f(r5, r6, r7, r8);
            let v6 = vec4f(r6, r7, r8, r9);
            @if(narrow) let p0 = array(weights[w]);
            @if(narrow) let p1 = array(weights[w + quads]);
            @if(narrow) let p2 = array(weights[w + 2u * quads]);
            @if(!narrow) let p0 = tap(w, subgroup_lane);
            @if(!narrow) let p1 = tap(w + quads, subgroup_lane);
            @if(!narrow) let p2 = tap(w + 2u * quads, subgroup_lane);
            low0 += outer(p0[0], v0) + outer(p1[0], v1) + outer(p2[0], v2);
            high0 += outer(p0[0], v4) + outer(p1[0], v5) + outer(p2[0], v6);
            @if(!narrow) low1 += outer(p0[1], v0) + outer(p1[1], v1) + outer(p2[1], v2);
            @if(!narrow) high1 += outer(p0[1], v4) + outer(p1[1], v5) + outer(p2[1], v6);
            @if(!narrow) low2 += outer(p0[2], v0) + outer(p1[2], v1) + outer(p2[2], v2);
            @if(!narrow) high2 += outer(p0[2], v4) + outer(p1[2], v5) + outer(p2[2], v6);
            @if(!narrow) low3 += outer(p0[3], v0) + outer(p1[3], v1) + outer(p2[3], v2);
            @if(!narrow) high3 += outer(p0[3], v4) + outer(p1[3], v5) + outer(p2[3], v6);
            w += 3u * quads;
          } else {
            let s = params.stride_a;
            for (var ka = 0u; ka < params.k_a; ka++) {
              let r = row + ka * params.dilation_a;
              let v0 = vec4f(
                at(base, r, inside), at(base, r + s, inside), at(base, r + 2u * s, inside), at(base, r + 3u * s, inside));
              let q = r + 4u * s;
              let v1 = vec4f(
                at(base, q, inside), at(base, q + s, inside), at(base, q + 2u * s, inside), at(base, q + 3u * s, inside));
              @if(narrow) let p = array(weights[w]);
              @if(!narrow) let p = tap(w, subgroup_lane);
              low0 += outer(p[0], v0);
              high0 += outer(p[0], v1);
              @if(!narrow) low1 += outer(p[1], v0);
              @if(!narrow) high1 += outer(p[1], v1);
              @if(!narrow) low2 += outer(p[2], v0);
              @if(!narrow) high2 += outer(p[2], v1);
              @if(!narrow) low3 += outer(p[3], v0);
              @if(!narrow) high3 += outer(p[3], v1);
              w += quads;
            }
          }
        }
      }
      plane += in_plane;
    }
  }
  @if(subgroups) {
    if (own_item >= params.items) {
      return;
    }
  }
  let channel = group * params.outputs + block * quads * 4u;
  let out_plane = params.out_a * params.out_b * params.out_c;
  let at_y = (entry * params.groups * params.outputs + channel) * out_plane + first * params.y_a + c * params.y_c
    + b * params.y_b;
  @if(!narrow) var sums = array(low0, high0, low1, high1, low2, high2, low3, high3);
  @if(narrow) var sums = array(low0, high0);
  // Bounds that a compiler does not know: unrolled stores cost more to compile than they save.
  let channels = min(quads * 4u, params.outputs - block * quads * 4u);
  let rows = min(8u, params.out_a - first);
  for (var i = 0u; i < channels; i++) {
    var shift = 0.0;
    if (params.has_bias != 0u) {
      shift = bias[channel + i];
    }
    for (var j = 0u; j < rows; j++) {
      let sum = sums[(i >> 2u) * 2u + (j >> 2u)][i & 3u][j & 3u];
      y[at_y + i * out_plane + j * params.y_a] = activate(sum + shift, params.act, params.act_a, params.act_b);
    }
  }
}
