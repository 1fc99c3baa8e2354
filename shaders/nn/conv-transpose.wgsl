// Transposed convolution of f32 [batch, groups * inputs, spatial], with bias and activation, as a gather.
//
// Contract  weights: f32 [groups * inputs, outputs, kernel]; bias: f32 [groups * outputs], read only with
//           has_bias; y: [batch, groups * outputs, output]. Axes a, b, c as in conv-shape.ts; w_* are the
//           kernel's strides. Output p sums taps k where p + pad - k * dilation is stride times a place.
// Tile      one thread, one place of four output channels.
// Rounding  f32, summed over taps, then inputs. NaN goes through.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;

struct Params {
  batch: u32,
  groups: u32,
  inputs: u32,
  outputs: u32,
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

// The place that a tap reads, `size` where it reads none. Numerators below 0 wrap to large places.
fn place(numerator: u32, stride: u32, size: u32) -> u32 {
  let at = numerator / stride;
  return select(size, at, at < size && at * stride == numerator);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = flat_workgroup(group_id, group_count) * wg + lane;
  let b = item % params.out_b;
  let sheet = item / params.out_b;
  let a = sheet % params.out_a;
  let rest = sheet / params.out_a;
  let c = rest % params.out_c;
  let quads = (params.outputs + 3u) / 4u;
  let above = rest / params.out_c;
  let first = above % quads * 4u;
  let group = above / quads % params.groups;
  let entry = above / quads / params.groups;
  if (entry >= params.batch) {
    return;
  }
  let in_plane = params.in_a * params.in_b * params.in_c;
  let taps = params.k_a * params.k_b * params.k_c;
  // Channels past the last read the last one's weights and are not stored.
  let channels = min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(params.outputs - 1u)) * taps;
  let base = (entry * params.groups + group) * params.inputs * in_plane;
  let base_w = group * params.inputs * params.outputs * taps;
  var sum = vec4f(0.0);
  for (var kc = 0u; kc < params.k_c; kc++) {
    let z = place(c + params.pad_c - kc * params.dilation_c, params.stride_c, params.in_c);
    for (var kb = 0u; kb < params.k_b; kb++) {
      let column = place(b + params.pad_b - kb * params.dilation_b, params.stride_b, params.in_b);
      for (var ka = 0u; ka < params.k_a; ka++) {
        let row = place(a + params.pad_a - ka * params.dilation_a, params.stride_a, params.in_a);
        if (row < params.in_a && column < params.in_b && z < params.in_c) {
          var spot = base + row * params.x_a + column * params.x_b + z * params.x_c;
          var w = channels + base_w + ka * params.w_a + kb * params.w_b + kc * params.w_c;
          for (var input = 0u; input < params.inputs; input++) {
            sum += x[spot] * vec4f(weights[w.x], weights[w.y], weights[w.z], weights[w.w]);
            spot += in_plane;
            w += vec4u(params.outputs * taps);
          }
        }
      }
    }
  }
  let out_plane = params.out_a * params.out_b * params.out_c;
  let channel = group * params.outputs + first;
  let at_y = (entry * params.groups * params.outputs + channel) * out_plane + a * params.y_a + b * params.y_b
    + c * params.y_c;
  let count = min(4u, params.outputs - first);
  for (var i = 0u; i < count; i++) {
    var value = sum[i];
    if (params.has_bias != 0u) {
      value += bias[channel + i];
    }
    y[at_y + i * out_plane] = activate(value, params.act, params.act_a, params.act_b);
  }
}
