// Takes slices along an axis by index: y[o, j, i] = x[o, index[j], i].
//
// Contract  x: [outer, axis, inner]; indices: i32 [picks], negative ones count from the end; y: [outer, picks, inner];
//           `count` = outer * picks * inner words. An index out of range gives zeros.
// Tile      a thread takes `each` elements, a workgroup apart.
// NaN rule  bits are moved untouched.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  axis: u32,
  picks: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override each: u32 = 4u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = flat_workgroup(workgroup, workgroups) * wg * each + lane;
  for (var n = 0u; n < each; n++) {
    let at = first + n * wg;
    if (at < params.count) {
      let row = at / params.inner;
      let i = at - row * params.inner;
      let o = row / params.picks;
      let given = indices[row - o * params.picks];
      let index = u32(select(given, given + i32(params.axis), given < 0));
      var word = 0u;
      if (index < params.axis) {
        word = x[(o * params.axis + index) * params.inner + i];
      }
      y[at] = word;
    }
  }
}
