// f16 or bf16, two in a u32 with the first in the low half, to f32. Exact.
//
// Contract  target[i] = source half i, i < count; both buffers hold whole u32.
// Tile      one thread widens words_per_thread words, lying `threads` apart.
// NaN rule  infinities stay, NaN keep sign and payload; f16 subnormals become normal f32, bf16
//           subnormals keep their bits: outputs are bits, so no device can flush them.
import package::common::grid::flat_workgroup;
import package::common::half::{bits_from_bfloat, bits_from_half};

struct Params {
  count: u32,
  // 0: f16, 1: bf16.
  bfloat: u32,
  words_per_thread: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_bits: array<u32>;

override wg: u32 = 64u;

fn widen(half: u32) -> u32 {
  if (params.bfloat != 0u) {
    return bits_from_bfloat(half);
  }
  return bits_from_half(half);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let words = (params.count + 1u) / 2u;
  let first = flat_workgroup(workgroup, workgroups) * wg * params.words_per_thread + lane;
  for (var i = 0u; i < params.words_per_thread; i++) {
    let word = first + i * wg;
    if (word >= words) {
      return;
    }
    let pair = source[word];
    target_bits[word * 2u] = widen(pair & 0xffffu);
    if (word * 2u + 1u < params.count) {
      target_bits[word * 2u + 1u] = widen(pair >> 16u);
    }
  }
}
