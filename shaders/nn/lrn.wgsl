// Local response normalization over neighbouring channels.
//
// Contract  x, y: f32 [batch, channels, inner]; y = x / (bias + alpha / size * sum of squares)^beta over the channels
//           from c - (size - 1) / 2 (rounded down) to c + size / 2 (rounded down).
// Tile      one thread, one element. NaN goes through to its neighbours too.
import package::common::grid::flat_workgroup;

struct Params {
  batch: u32,
  channels: u32,
  inner: u32,
  size: u32,
  alpha: f32,
  beta: f32,
  bias: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = flat_workgroup(group_id, group_count) * wg + lane;
  if (item >= params.batch * params.channels * params.inner) {
    return;
  }
  let channel = item / params.inner % params.channels;
  let below = min(channel, (params.size - 1u) / 2u);
  let above = min(params.channels - 1u - channel, params.size / 2u);
  var sum = 0.0;
  var at = item - below * params.inner;
  for (var i = 0u; i <= below + above; i++) {
    sum += x[at] * x[at];
    at += params.inner;
  }
  y[item] = x[item] * pow(params.bias + params.alpha / f32(params.size) * sum, -params.beta);
}
