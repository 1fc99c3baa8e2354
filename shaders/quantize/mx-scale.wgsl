// E8M0 scales of microscaling blocks: the power of two by which the block's absmax fits the element.
// Contract: with absmax = 2^e * f, 1 <= f < 2, the byte is e + 127 - element_exponent, plus 1 where the
// 23 fraction bits of f reach `round_up_from`; at least 0. Rules, by that param:
//   floor  2^23, never (OCP MX 1.0)
//   rceil  one above the fraction of the element's largest value: absmax / largest rounded up
//   even   0x600000: absmax rounded to a power of two, f >= 1.75 going up (compressed-tensors)
// `source` are f32 by bits. A block whose absmax is subnormal or 0 has byte 0; one that holds a NaN or
// an infinity has 0xff, E8M0's NaN. Blocked geometry only.
// Tile: one thread one word, the bytes of four groups.
import package::common::grid::flat_workgroup;
import package::common::shape::{Group, Shape, column_first, group_at, pieces_per_row};

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
  groups: u32,
  element_exponent: i32,
  round_up_from: u32,
}

override wg: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;

fn scale_of(absmax: u32) -> u32 {
  if (absmax >= 0x7f800000u) {
    return 0xffu;
  }
  let up = i32((absmax & 0x007fffffu) >= params.round_up_from);
  return u32(max(i32(absmax >> 23u) - params.element_exponent + up, 0));
}

fn largest_bits(group: Group) -> u32 {
  var largest = 0u;
  for (var e = 0u; e < group.count; e++) {
    largest = max(largest, source[group.base + e * group.stride] & 0x7fffffffu);
  }
  return largest;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let shape = Shape(params.outer, params.dim, params.inner, params.block, params.blocks, params.order);
  let thread = flat_workgroup(workgroup, workgroup_count) * wg + lane;
  let word = column_first(shape, thread, pieces_per_row(shape, 4u * shape.block));
  if (word * 4u >= params.groups) {
    return;
  }
  var packed = 0u;
  for (var k = 0u; k < 4u; k++) {
    let index = word * 4u + k;
    if (index < params.groups) {
      packed |= scale_of(largest_bits(group_at(shape, index))) << (8u * k);
    }
  }
  scales[word] = packed;
}
