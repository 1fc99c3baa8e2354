// Decodes double-quantized absmax values: map[code] * nested + offset, two roundings to f32.
//
// Contract  absmax[i] = f32(f32(map[code i] * nested[i / block_size]) + offset[0]); codes are bytes, four in a
//           word. block_size is a multiple of 4. Subnormal results are 0.
// Tile      one thread, one word of codes.
// Rounding  a compiler may fuse the product and the sum into one rounding. The product therefore passes
//           through an exclusive or with params.opaque_zero, which is 0 but not to the compiler's knowledge.
// NaN rule  none arise from finite input.
import package::common::exact::flush_bits;
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  block_size: u32,
  opaque_zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> nested: array<u32>;
@group(0) @binding(3) var<storage, read> code_map: array<u32>;
@group(0) @binding(4) var<storage, read> offset: array<u32>;
@group(0) @binding(5) var<storage, read_write> absmax: array<u32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let word = flat_workgroup(group_id, group_count) * wg + lane;
  let first = word * 4u;
  if (first >= params.count) {
    return;
  }
  let scale = flush_bits(nested[first / params.block_size]);
  let packed = codes[word];
  let end = min(first + 4u, params.count);
  for (var i = first; i < end; i++) {
    let entry = flush_bits(code_map[(packed >> (8u * (i - first))) & 0xffu]);
    let product = bitcast<u32>(entry * scale) ^ params.opaque_zero;
    let sum = bitcast<f32>(product) + flush_bits(offset[0]);
    absmax[i] = bitcast<u32>(flush_bits(bitcast<u32>(sum)));
  }
}
