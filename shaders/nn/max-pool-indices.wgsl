// Where max pooling finds its maxima: the first in the kernel's order, as an index into the whole input.
//
// Contract  x: f32 [planes, spatial]; y: i32 [planes, output]: plane * plane size + the sum of index_* times the
//           place. Axes a, b, c as in conv-shape.ts, walked in the order that `turned` says (1 where a is the
//           last axis).
// Tile      one thread, one output.
// NaN       never beats a number. A window that meets no input gives -1.
import package::common::grid::flat_workgroup;

struct Params {
  planes: u32,
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
  index_a: u32,
  index_b: u32,
  index_c: u32,
  turned: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

override wg: u32 = 64u;

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
  let plane = rest / params.out_c;
  if (plane >= params.planes) {
    return;
  }
  let in_plane = params.in_a * params.in_b * params.in_c;
  var best = 0.0;
  var place = -1;
  let taps = params.k_a * params.k_b;
  for (var kc = 0u; kc < params.k_c; kc++) {
    let z = c * params.stride_c + kc * params.dilation_c - params.pad_c;
    for (var t = 0u; t < taps; t++) {
      let turned = params.turned != 0u;
      let ka = select(t / params.k_b, t % params.k_a, turned);
      let kb = select(t % params.k_b, t / params.k_a, turned);
      let row = a * params.stride_a + ka * params.dilation_a - params.pad_a;
      let column = b * params.stride_b + kb * params.dilation_b - params.pad_b;
      if (row < params.in_a && column < params.in_b && z < params.in_c) {
        let v = x[plane * in_plane + row * params.x_a + column * params.x_b + z * params.x_c];
        if (place < 0 || v > best) {
          best = v;
          place = i32(plane * in_plane + row * params.index_a + column * params.index_b + z * params.index_c);
        }
      }
    }
  }
  y[plane * params.out_a * params.out_b * params.out_c + a * params.y_a + b * params.y_b + c * params.y_c] = place;
}
