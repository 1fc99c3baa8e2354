// One step of a GRU whose products are made: gates in the order z, r, h of ONNX. `mode` says which part:
// 0 writes r * h to `next`, for the product with the candidate's weights that follows; 1 finishes with that product in
// `candidate`; 2 is the whole step where the reset is applied after the product (linear_before_reset).
//
// Contract  x_gates: x W^T + Wb of all times, lots of `hidden` at x_at + time * x_time + entry * x_batch;
//           h_gates: h R^T + Rb of the last h, rows of h_line with z, r and in mode 2 h;
//           state: h [batch, hidden] before the step, next: after it; y takes h at y_at + time * y_time +
//           entry * y_batch + unit. lengths: i32 [batch], valid steps of each entry, read only with has_lengths: past
//           them the state stays and y is 0. With `reverse` an entry runs from its last valid step to its first.
// Tile      one thread a batch entry and hidden unit.
// NaN       goes through the formulas.
import package::common::grid::flat_workgroup;
import package::common::recurrent::{clip_gate, gate_function, time_of};

struct Params {
  batch: u32,
  hidden: u32,
  step: u32,
  steps: u32,
  x_at: u32,
  x_time: u32,
  x_batch: u32,
  y_at: u32,
  y_time: u32,
  y_batch: u32,
  clip: f32,
  h_line: u32,
  a0: f32,
  a1: f32,
  b0: f32,
  b1: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x_gates: array<f32>;
@group(0) @binding(2) var<storage, read> h_gates: array<f32>;
@group(0) @binding(3) var<storage, read> candidate: array<f32>;
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<i32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> next: array<f32>;

override wg: u32 = 64u;
override reverse: u32 = 0u;
override has_lengths: u32 = 0u;
override mode: u32 = 2u;
override function0: u32 = 4u;
override function1: u32 = 5u;

fn sigma(x: f32) -> f32 {
  return gate_function(clip_gate(x, params.clip), function0, params.a0, params.b0);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = flat_workgroup(workgroup, workgroups) * wg + lane;
  if (unit >= params.batch * params.hidden) {
    return;
  }
  let entry = unit / params.hidden;
  let j = unit - entry * params.hidden;
  var length = params.steps;
  if (has_lengths != 0u) {
    length = u32(max(lengths[entry], 0));
  }
  let time = time_of(params.step, length, reverse);
  let y_place = params.y_at + time * params.y_time + entry * params.y_batch + j;
  let last = state[unit];
  if (params.step >= length) {
    next[unit] = last;
    if (mode != 0u) {
      y[y_place] = 0.0;
    }
    return;
  }
  let x_row = params.x_at + time * params.x_time + entry * params.x_batch + j;
  let h_row = entry * params.h_line + j;
  var reset = 1.0;
  if (mode != 1u) {
    reset = sigma(x_gates[x_row + params.hidden] + h_gates[h_row + params.hidden]);
  }
  if (mode == 0u) {
    next[unit] = reset * last;
    return;
  }
  var from_state = 0.0;
  if (mode == 1u) {
    from_state = candidate[unit];
  } else {
    from_state = reset * h_gates[h_row + 2u * params.hidden];
  }
  let update = sigma(x_gates[x_row] + h_gates[h_row]);
  let sum = x_gates[x_row + 2u * params.hidden] + from_state;
  let fresh = gate_function(clip_gate(sum, params.clip), function1, params.a1, params.b1);
  let h = (1.0 - update) * fresh + update * last;
  y[y_place] = h;
  next[unit] = h;
}
