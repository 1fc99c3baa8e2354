// One step of an LSTM whose products are made: gates in the order i, o, f, c of ONNX.
//
// Contract  x_gates: x W^T + Wb of all times, lots of `hidden` at x_at + time * x_time + entry * x_batch;
//           h_gates: h R^T + Rb of the last h, [batch, 4, hidden];
//           state: [2, batch, hidden], h and then c, before the step, next: after it; y takes h at y_at + time * y_time +
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
  a0: f32,
  a1: f32,
  a2: f32,
  b0: f32,
  b1: f32,
  b2: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x_gates: array<f32>;
@group(0) @binding(2) var<storage, read> h_gates: array<f32>;
@group(0) @binding(3) var<storage, read> state: array<f32>;
@group(0) @binding(4) var<storage, read> peepholes: array<f32>;
@group(0) @binding(5) var<storage, read> lengths: array<i32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> next: array<f32>;

override wg: u32 = 64u;
override reverse: u32 = 0u;
override has_lengths: u32 = 0u;
override has_peepholes: u32 = 0u;
override input_forget: u32 = 0u;
override function0: u32 = 4u;
override function1: u32 = 5u;
override function2: u32 = 5u;

// Gate `gate` of unit j before peephole and function.
fn gate_sum(x_row: u32, h_row: u32, gate: u32, j: u32) -> f32 {
  return x_gates[x_row + gate * params.hidden + j] + h_gates[h_row + gate * params.hidden + j];
}

// What a peephole (i, o, f) adds on looking at a cell.
fn peep(gate: u32, j: u32, cell: f32) -> f32 {
  if (has_peepholes == 0u) {
    return 0.0;
  }
  return peepholes[gate * params.hidden + j] * cell;
}

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
  let cells = params.batch * params.hidden;
  let last = state[cells + unit];
  if (params.step >= length) {
    y[y_place] = 0.0;
    next[unit] = state[unit];
    next[cells + unit] = last;
    return;
  }
  let x_row = params.x_at + time * params.x_time + entry * params.x_batch;
  let h_row = entry * 4u * params.hidden;
  let enter = sigma(gate_sum(x_row, h_row, 0u, j) + peep(0u, j, last));
  var keep = 1.0 - enter;
  if (input_forget == 0u) {
    keep = sigma(gate_sum(x_row, h_row, 2u, j) + peep(2u, j, last));
  }
  let fresh = gate_function(clip_gate(gate_sum(x_row, h_row, 3u, j), params.clip), function1, params.a1, params.b1);
  let cell = keep * last + enter * fresh;
  let leave = sigma(gate_sum(x_row, h_row, 1u, j) + peep(1u, j, cell));
  let h = leave * gate_function(clip_gate(cell, params.clip), function2, params.a2, params.b2);
  y[y_place] = h;
  next[unit] = h;
  next[cells + unit] = cell;
}
