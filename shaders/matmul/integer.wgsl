// Batched product of integer matrices with zero points, as ONNX's MatMulInteger has it:
// y[m, n] = sum over k of (a[m, k] - a_zero[m]) * (b[k, n] - b_zero[n]).
//
// Contract  a: i32 [m, k] of each batch entry, b: i32 [k, n], one word an element; their matrices are a_batch and
//           b_batch words apart, 0 for one that all entries share. a_zero: one word or [m] (a_zero_step 1), b_zero: one
//           word or [n] (b_zero_step 1). y: i32 [batch, m, n].
// Tile      a thread owns one column of four rows, so that a value of B serves four sums.
// Overflow  wraps, as i32 arithmetic does.
import package::common::grid::flat_workgroup;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  batch: u32,
  a_batch: u32,
  b_batch: u32,
  a_zero_step: u32,
  b_zero_step: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<i32>;
@group(0) @binding(2) var<storage, read> b: array<i32>;
@group(0) @binding(3) var<storage, read> a_zero: array<i32>;
@group(0) @binding(4) var<storage, read> b_zero: array<i32>;
@group(0) @binding(5) var<storage, read_write> y: array<i32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = flat_workgroup(workgroup, workgroups) * wg + lane;
  let tiles = (params.m + 3u) / 4u;
  let col = unit % params.n;
  let rest = unit / params.n;
  let row = rest % tiles * 4u;
  let entry = rest / tiles;
  if (entry >= params.batch) {
    return;
  }
  let rows = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(params.m - 1u));
  let places = rows * params.a_zero_step;
  let zeros = vec4i(a_zero[places.x], a_zero[places.y], a_zero[places.z], a_zero[places.w]);
  let b_center = b_zero[col * params.b_zero_step];
  let starts = vec4u(entry * params.a_batch) + rows * params.k;
  var at = entry * params.b_batch + col;
  var sums = vec4i(0);
  for (var k = 0u; k < params.k; k++) {
    let left = vec4i(a[starts.x + k], a[starts.y + k], a[starts.z + k], a[starts.w + k]);
    sums += (left - zeros) * (b[at] - b_center);
    at += params.n;
  }
  for (var r = 0u; r < min(4u, params.m - row); r++) {
    y[(entry * params.m + row + r) * params.n + col] = sums[r];
  }
}
