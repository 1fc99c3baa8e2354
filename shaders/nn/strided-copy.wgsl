// Copies a box of words from one strided layout to another: transpose, slice, expand, concat, split, tile, flip.
//
// Contract  element (i0..i5) of the box d0..d5, `count` words: y[y_start + sum i_k * y_k] = x[x_start + sum i_k * x_k].
//           Strides are signed; positions must lie inside the buffers. What no element maps to is not written.
// Tile      a thread takes `each` elements, a workgroup apart, counted along the innermost dim first.
// NaN rule  bits are moved untouched.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  d1: u32,
  d2: u32,
  d3: u32,
  d4: u32,
  d5: u32,
  x_start: i32,
  x0: i32,
  x1: i32,
  x2: i32,
  x3: i32,
  x4: i32,
  x5: i32,
  y_start: i32,
  y0: i32,
  y1: i32,
  y2: i32,
  y3: i32,
  y4: i32,
  y5: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override each: u32 = 4u;
override rank: u32 = 6u;

fn positions(at: u32) -> vec2i {
  let start = vec2i(params.x_start, params.y_start);
  if (rank == 1u) {
    return start + i32(at) * vec2i(params.x5, params.y5);
  }
  var rest = at / params.d5;
  var i = at - rest * params.d5;
  var found = start + i32(i) * vec2i(params.x5, params.y5);
  if (rank == 2u) {
    return found + i32(rest) * vec2i(params.x4, params.y4);
  }
  i = rest % params.d4;
  rest /= params.d4;
  found += i32(i) * vec2i(params.x4, params.y4);
  if (rank == 3u) {
    return found + i32(rest) * vec2i(params.x3, params.y3);
  }
  i = rest % params.d3;
  rest /= params.d3;
  found += i32(i) * vec2i(params.x3, params.y3);
  i = rest % params.d2;
  rest /= params.d2;
  found += i32(i) * vec2i(params.x2, params.y2);
  i = rest % params.d1;
  rest /= params.d1;
  return found + i32(i) * vec2i(params.x1, params.y1) + i32(rest) * vec2i(params.x0, params.y0);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = flat_workgroup(workgroup, workgroups) * wg * each + lane;
  for (var i = 0u; i < each; i++) {
    let at = first + i * wg;
    if (at < params.count) {
      let place = positions(at);
      y[place.y] = x[place.x];
    }
  }
}
