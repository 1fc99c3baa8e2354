// Lays the weights of a convolution out as nn/conv reads them: for each block of `tile` output channels,
// the block's weights of one tap side by side.
//
// Contract  source: f32 [groups * outputs, inputs, taps in the model's order]; target_weights: f32
//           [groups, blocks, inputs, k_c, k_b, k_a, tile], zero for channels past `outputs`. Axes a, b, c are
//           those of conv-shape.ts; w_a, w_b, w_c are their strides in the source.
// Tile      one thread, one word.
// NaN rule  bits are moved untouched.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  outputs: u32,
  inputs: u32,
  blocks: u32,
  tile: u32,
  k_a: u32,
  k_b: u32,
  k_c: u32,
  w_a: u32,
  w_b: u32,
  w_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_weights: array<u32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let word = flat_workgroup(group_id, group_count) * wg + lane;
  if (word >= params.count) {
    return;
  }
  var rest = word / params.tile;
  let a = rest % params.k_a;
  rest /= params.k_a;
  let b = rest % params.k_b;
  rest /= params.k_b;
  let c = rest % params.k_c;
  rest /= params.k_c;
  let input = rest % params.inputs;
  rest /= params.inputs;
  let output = rest % params.blocks * params.tile + word % params.tile;
  var bits = 0u;
  if (output < params.outputs) {
    let row = (rest / params.blocks * params.outputs + output) * params.inputs + input;
    bits = source[row * params.k_a * params.k_b * params.k_c + a * params.w_a + b * params.w_b + c * params.w_c];
  }
  target_weights[word] = bits;
}
