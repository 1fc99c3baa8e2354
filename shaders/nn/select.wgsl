// y = condition ? a : b, all three broadcast.
//
// Contract  as nn/binary: dims d1..d5 of y, a stride per dim and operand (c is the condition: a word, 0 or not).
// Tile      a thread takes `each` elements, a workgroup apart.
// NaN rule  bits are moved untouched.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  d1: u32,
  d2: u32,
  d3: u32,
  d4: u32,
  d5: u32,
  c0: u32,
  c1: u32,
  c2: u32,
  c3: u32,
  c4: u32,
  c5: u32,
  a0: u32,
  a1: u32,
  a2: u32,
  a3: u32,
  a4: u32,
  a5: u32,
  b0: u32,
  b1: u32,
  b2: u32,
  b3: u32,
  b4: u32,
  b5: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> condition: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<u32>;
@group(0) @binding(3) var<storage, read> b: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override each: u32 = 4u;

fn positions(at: u32) -> vec3u {
  var rest = at / params.d5;
  var i = at - rest * params.d5;
  var found = i * vec3u(params.c5, params.a5, params.b5);
  i = rest % params.d4;
  rest /= params.d4;
  found += i * vec3u(params.c4, params.a4, params.b4);
  i = rest % params.d3;
  rest /= params.d3;
  found += i * vec3u(params.c3, params.a3, params.b3);
  i = rest % params.d2;
  rest /= params.d2;
  found += i * vec3u(params.c2, params.a2, params.b2);
  i = rest % params.d1;
  rest /= params.d1;
  return found + i * vec3u(params.c1, params.a1, params.b1) + rest * vec3u(params.c0, params.a0, params.b0);
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
      y[at] = select(b[place.z], a[place.y], condition[place.x] != 0u);
    }
  }
}
