// Writes or adds updates into a copy of a tensor, at indices along one axis.
//
// Contract  x, y: words [outer, axis, inner]; indices: i32 [outer, picks, index_inner], where index_inner is 1 or
//           inner; updates: words [outer, picks, inner]; `count` = outer * axis * inner. Negative indices count from
//           the end; others out of range are left out. op 0: replace, 1: add, 2: multiply, 3: max, 4: min;
//           kind 0: f32, 1: i32, 2: u32.
// Order     an element takes its updates in the order of `picks`, so that the result depends on no thread's pace.
// Tile      one thread, one element of y, which walks the indices that may mean it.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  axis: u32,
  picks: u32,
  inner: u32,
  index_inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read> updates: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override op: u32 = 0u;
override kind: u32 = 0u;

fn combined_real(a: f32, b: f32) -> f32 {
  switch op {
    case 1u: { return a + b; }
    case 2u: { return a * b; }
    case 3u: { return select(a, b, b > a); }
    default: { return select(a, b, b < a); }
  }
}

fn combined_int(a: i32, b: i32) -> i32 {
  switch op {
    case 1u: { return a + b; }
    case 2u: { return a * b; }
    case 3u: { return max(a, b); }
    default: { return min(a, b); }
  }
}

fn combined_uint(a: u32, b: u32) -> u32 {
  switch op {
    case 1u: { return a + b; }
    case 2u: { return a * b; }
    case 3u: { return max(a, b); }
    default: { return min(a, b); }
  }
}

fn combined(a: u32, b: u32) -> u32 {
  if (op == 0u) {
    return b;
  }
  if (kind == 0u) {
    return bitcast<u32>(combined_real(bitcast<f32>(a), bitcast<f32>(b)));
  }
  if (kind == 1u) {
    return bitcast<u32>(combined_int(bitcast<i32>(a), bitcast<i32>(b)));
  }
  return combined_uint(a, b);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = flat_workgroup(group_id, group_count) * wg + lane;
  if (at >= params.count) {
    return;
  }
  let row = at / params.inner;
  let i = at - row * params.inner;
  let o = row / params.axis;
  let front = i32(row - o * params.axis);
  let back = front - i32(params.axis);
  let column = i % params.index_inner;
  var word = x[at];
  for (var p = 0u; p < params.picks; p++) {
    let pick = o * params.picks + p;
    let given = indices[pick * params.index_inner + column];
    if (given == front || given == back) {
      word = combined(word, updates[pick * params.inner + i]);
    }
  }
  y[at] = word;
}
