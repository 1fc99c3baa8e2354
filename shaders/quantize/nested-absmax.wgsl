// Double quantization of absmax values: 8-bit codes of (absmax - offset) in blocks, as bitsandbytes does.
//
// Contract  x = absmax[i] - offset[0] in f32; nested[b] = largest |x| of block b, or 0 when below 2^-100;
//           code i = number of midpoints m with x > m * nested[b] (real numbers, so ties take the lower
//           entry), one byte each, four in a word; bytes past the end hold the code of x = 0.
//           midpoints[0 .. 254] rise and lie between neighbours of the 256-entry map; their magnitudes are
//           at least 2^-24. block_size is a multiple of 4.
// Tile      one thread, one block.
// NaN rule  non-finite and subnormal x count as 0. A block with nested 0 takes the code of 0 everywhere.
import package::common::exact::flush_bits;
import package::common::grid::flat_workgroup;
import package::common::product::{ordered_key, threshold_key};

struct Params {
  count: u32,
  block_size: u32,
  // Index of 0 in the map.
  zero_code: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> absmax: array<u32>;
@group(0) @binding(2) var<storage, read> offset: array<u32>;
@group(0) @binding(3) var<storage, read> midpoints: array<u32>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
@group(0) @binding(5) var<storage, read_write> nested: array<u32>;

override wg: u32 = 64u;

const smallest_nested_bits: u32 = 0x0d800000u;

fn centred(i: u32) -> u32 {
  if (i >= params.count) {
    return 0u;
  }
  let x = flush_bits(absmax[i]) - flush_bits(offset[0]);
  return bitcast<u32>(flush_bits(bitcast<u32>(x)));
}

fn code_of(bits: u32, scale: u32) -> u32 {
  if (scale == 0u) {
    return params.zero_code;
  }
  let key = ordered_key(bits);
  var low = 0u;
  var high = 255u;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (key > threshold_key(midpoints[middle], scale)) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  return low;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let block_index = flat_workgroup(group_id, group_count) * wg + lane;
  let blocks = (params.count + params.block_size - 1u) / params.block_size;
  if (block_index >= blocks) {
    return;
  }
  let first = block_index * params.block_size;
  let end = min(first + params.block_size, params.count);
  var scale = 0u;
  for (var i = first; i < end; i++) {
    scale = max(scale, centred(i) & 0x7fffffffu);
  }
  scale = select(scale, 0u, scale < smallest_nested_bits);
  nested[block_index] = scale;
  for (var i = first; i < end; i += 4u) {
    var word = 0u;
    for (var k = 0u; k < 4u; k++) {
      word |= code_of(centred(i + k), scale) << (8u * k);
    }
    codes[i / 4u] = word;
  }
}
