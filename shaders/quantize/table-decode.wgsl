// Decodes NF4 or FP4 codes of bitsandbytes to f32.
//
// Contract  decoded[i] = table[code i] * absmax[i / block_size], rounded once to f32; code 2k is the high and
//           2k + 1 the low nibble of byte k. block_size is a multiple of 8. Magnitudes of absmax below
//           2^-110 count as 0, so that no product is subnormal.
// Tile      one thread, one word of codes, eight elements.
// NaN rule  a non-finite absmax counts as 0. Zeros are +0, whatever the signs of code and absmax.
import package::common::exact::flush;
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  block_size: u32,
  // 0: FP4, 1: NF4.
  table: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> absmax: array<u32>;
@group(0) @binding(3) var<storage, read_write> decoded: array<f32>;

override wg: u32 = 64u;

const smallest_absmax_bits: u32 = 0x08800000u;

var<private> nf4: array<f32, 16> = array<f32, 16>(
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
  -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
  0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
);

var<private> fp4: array<f32, 16> = array<f32, 16>(
  0.0, 0.005208333333, 0.66666667, 1.0, 0.33333333, 0.5, 0.16666667, 0.25,
  0.0, -0.005208333333, -0.66666667, -1.0, -0.33333333, -0.5, -0.16666667, -0.25,
);

fn scale_of(bits: u32) -> f32 {
  let magnitude = bits & 0x7fffffffu;
  return bitcast<f32>(select(0u, bits, magnitude >= smallest_absmax_bits && magnitude < 0x7f800000u));
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let word = flat_workgroup(group_id, group_count) * wg + lane;
  let first = word * 8u;
  if (first >= params.count) {
    return;
  }
  let scale = scale_of(absmax[first / params.block_size]);
  let packed = codes[word];
  let elements = min(params.count - first, 8u);
  for (var i = 0u; i < elements; i++) {
    let code = (packed >> ((i ^ 1u) * 4u)) & 15u;
    if (params.table != 0u) {
      decoded[first + i] = flush(nf4[code] * scale);
    } else {
      decoded[first + i] = flush(fp4[code] * scale);
    }
  }
}
