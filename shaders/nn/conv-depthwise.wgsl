// Convolution of each channel by itself: groups of one input channel, `multiplier` output channels each.
//
// Contract  x: f32 [batch, channels, spatial]; weights: f32 [channels * multiplier, kernel]; bias: f32 [channels *
//           multiplier], read only with has_bias; y: [batch, channels * multiplier, output]. Axes a, b, c as in
//           conv-shape.ts; w_* are the kernel's strides.
// Tile      one thread, 4 neighbours along a. slide = 3: kernels of 3 along a, stride and dilation 1, whose
//           inputs are loaded once for all taps.
// Rounding  f32, summed over taps. NaN goes through; padding counts as 0.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;

struct Params {
  planes: u32,
  channels: u32,
  multiplier: u32,
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
  w_a: u32,
  w_b: u32,
  w_c: u32,
  has_bias: u32,
  act: u32,
  act_a: f32,
  act_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override slide: u32 = 0u;

// Element `row` along a from `base` on, 0 where that is padding. Negative rows wrap to large ones.
fn at(base: u32, row: u32) -> f32 {
  let ok = row < params.in_a;
  return select(0.0, x[select(0u, base + row * params.x_a, ok)], ok);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = flat_workgroup(group_id, group_count) * wg + lane;
  let a_blocks = (params.out_a + 3u) / 4u;
  let b = item % params.out_b;
  let sheet = item / params.out_b;
  let first = sheet % a_blocks * 4u;
  let above = sheet / a_blocks;
  let c = above % params.out_c;
  let plane = above / params.out_c;
  if (plane >= params.planes) {
    return;
  }
  let channel = plane % params.channels;
  let in_plane = params.in_a * params.in_b * params.in_c;
  let x_plane = (plane / params.channels * (params.channels / params.multiplier) + channel / params.multiplier)
    * in_plane;
  let w_plane = channel * params.k_a * params.k_b * params.k_c;
  let start = first * params.stride_a - params.pad_a;
  let s = params.stride_a;
  var sum = vec4f(0.0);
  for (var kc = 0u; kc < params.k_c; kc++) {
    let depth = c * params.stride_c + kc * params.dilation_c - params.pad_c;
    for (var kb = 0u; kb < params.k_b; kb++) {
      let column = b * params.stride_b + kb * params.dilation_b - params.pad_b;
      if (depth < params.in_c && column < params.in_b) {
        let base = x_plane + depth * params.x_c + column * params.x_b;
        let w = w_plane + kc * params.w_c + kb * params.w_b;
        if (slide == 3u) {
          let low = vec4f(at(base, start), at(base, start + 1u), at(base, start + 2u), at(base, start + 3u));
          let high = vec2f(at(base, start + 4u), at(base, start + 5u));
          sum += weights[w] * low + weights[w + params.w_a] * vec4f(low.yzw, high.x)
            + weights[w + 2u * params.w_a] * vec4f(low.zw, high);
        } else {
          for (var ka = 0u; ka < params.k_a; ka++) {
            let r = start + ka * params.dilation_a;
            sum += weights[w + ka * params.w_a]
              * vec4f(at(base, r), at(base, r + s), at(base, r + 2u * s), at(base, r + 3u * s));
          }
        }
      }
    }
  }
  var shift = 0.0;
  if (params.has_bias != 0u) {
    shift = bias[channel];
  }
  let at_y = plane * params.out_a * params.out_b * params.out_c + first * params.y_a + b * params.y_b
    + c * params.y_c;
  let rows = min(4u, params.out_a - first);
  for (var j = 0u; j < rows; j++) {
    y[at_y + j * params.y_a] = activate(sum[j] + shift, params.act, params.act_a, params.act_b);
  }
}
