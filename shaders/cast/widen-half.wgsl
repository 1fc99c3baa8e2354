// f16 or bf16, two in a u32 with the first in the low half, to f32. Exact.
//
// Contract  target[i] = source half i, i < count; both buffers hold whole u32.
// Tile      one thread widens quads of four halves, two words; its quads lie a workgroup apart.
// NaN rule  infinities stay, NaN keep sign and payload; f16 subnormals become normal f32, bf16
//           subnormals keep their bits: outputs are bits, so no device can flush them.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  // 0: f16, 1: bf16.
  bfloat: u32,
  quads_per_thread: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_bits: array<u32>;

override wg: u32 = 64u;

fn widen_halves(half: vec4u) -> vec4u {
  let magnitude = half & vec4u(0x7fffu);
  let shifted = magnitude << vec4u(13u);
  let exponent = select(vec4u(0x38000000u), vec4u(0x70000000u), magnitude >= vec4u(0x7c00u));
  // Subnormals are multiples of 2^-24 of at most 10 bits: conversion and product are exact and normal.
  let tiny = bitcast<vec4u>(vec4f(magnitude) * 5.9604644775390625e-8);
  return select(shifted + exponent, tiny, magnitude < vec4u(0x400u)) | ((half & vec4u(0x8000u)) << vec4u(16u));
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (flat_workgroup(group_id, group_count) * wg * params.quads_per_thread + lane) * 4u;
  for (var i = 0u; i < params.quads_per_thread; i++) {
    let at = first + i * wg * 4u;
    if (at >= params.count) {
      return;
    }
    let a = source[at / 2u];
    let b = source[at / 2u + 1u];
    let half = vec4u(a & 0xffffu, a >> 16u, b & 0xffffu, b >> 16u);
    var wide = half << vec4u(16u);
    if (params.bfloat == 0u) {
      wide = widen_halves(half);
    }
    if (at + 4u <= params.count) {
      target_bits[at] = wide.x;
      target_bits[at + 1u] = wide.y;
      target_bits[at + 2u] = wide.z;
      target_bits[at + 3u] = wide.w;
    } else {
      for (var k = 0u; k < params.count - at; k++) {
        target_bits[at + k] = wide[k];
      }
    }
  }
}
