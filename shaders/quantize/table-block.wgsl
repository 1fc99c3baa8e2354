// Encodes f32 to the 4-bit tables of bitsandbytes, NF4 or FP4, in blocks over the flat tensor.
//
// Contract  block b holds elements b * block_size ...; absmax[b] is its largest magnitude, or 0 when that
//           is below 2^-110. Byte k of `codes` holds element 2k in its high and 2k + 1 in its low nibble;
//           nibbles past the end of the tensor hold the code of 0. block_size is a multiple of 8.
// Tile      one thread, one block; it owns the block's words of codes.
// Code      the number of thresholds t with x > t * absmax, where the thresholds are bitsandbytes' own f32
//           constants (midpoints of the table; FP4 over |x|, its sign apart) and the comparison is that of
//           the real numbers: per block and threshold, the largest f32 not above t * absmax is computed in
//           integers, then keys of elements are compared with it. Nothing is divided, nothing rounded.
// Tie rule  x = t * absmax takes the lower entry (FP4: the smaller magnitude). A block of zeros takes the
//           code of 0 everywhere (NF4 7, FP4 0). FP4 keeps the sign of values that become zero (code 8).
// NaN rule  NaN, infinities, subnormals and -0 count as +0.
import package::common::grid::flat_workgroup;
import package::common::product::{threshold_key, truncated_product};

struct Params {
  count: u32,
  block_size: u32,
  // 0: FP4, 1: NF4 (the numbers of MatMulBnb4's quant_type).
  table: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> absmax: array<u32>;

override wg: u32 = 64u;

const smallest_absmax_bits: u32 = 0x08800000u;

fn load(at: u32) -> vec4u {
  var bits = vec4u(source[at], source[at + 1u], source[at + 2u], source[at + 3u]);
  if (at + 4u > params.count) {
    bits = select(vec4u(0u), bits, at + vec4u(0u, 1u, 2u, 3u) < vec4u(params.count));
  }
  let normal = (bits & vec4u(0x7f800000u)) - vec4u(0x00800000u) < vec4u(0x7f000000u);
  return select(vec4u(0u), bits, normal);
}

// Codes of elements 0 .. 3 and 4 .. 7, each even one in the high nibble of its byte.
fn pack(a: vec4u, b: vec4u) -> u32 {
  return (a.x << 4u) | a.y | (a.z << 12u) | (a.w << 8u) | (b.x << 20u) | (b.y << 16u) | (b.z << 28u) | (b.w << 24u);
}

struct Nf4Thresholds {
  a: vec4i,
  b: vec4i,
  c: vec4i,
  d: vec3i,
}

fn nf4_thresholds(scale: u32) -> Nf4Thresholds {
  return Nf4Thresholds(
    vec4i(
      threshold_key(bitcast<u32>(-0.8480964004993439f), scale),
      threshold_key(bitcast<u32>(-0.6106329262256622f), scale),
      threshold_key(bitcast<u32>(-0.4599952697753906f), scale),
      threshold_key(bitcast<u32>(-0.33967943489551544f), scale)
    ),
    vec4i(
      threshold_key(bitcast<u32>(-0.23460740596055984f), scale),
      threshold_key(bitcast<u32>(-0.13791173323988914f), scale),
      threshold_key(bitcast<u32>(-0.045525018125772476f), scale),
      threshold_key(bitcast<u32>(0.03979014977812767f), scale)
    ),
    vec4i(
      threshold_key(bitcast<u32>(0.1202552504837513f), scale),
      threshold_key(bitcast<u32>(0.2035212516784668f), scale),
      threshold_key(bitcast<u32>(0.2920137718319893f), scale),
      threshold_key(bitcast<u32>(0.3893125355243683f), scale)
    ),
    vec3i(
      threshold_key(bitcast<u32>(0.5016634166240692f), scale),
      threshold_key(bitcast<u32>(0.6427869200706482f), scale),
      threshold_key(bitcast<u32>(0.8614784181118011f), scale)
    )
  );
}

fn above(keys: vec4i, threshold: i32) -> vec4u {
  return select(vec4u(0u), vec4u(1u), keys > vec4i(threshold));
}

fn nf4_codes(bits: vec4u, t: Nf4Thresholds) -> vec4u {
  let signed = bitcast<vec4i>(bits);
  let keys = signed ^ ((signed >> vec4u(31u)) & vec4i(0x7fffffff));
  return above(keys, t.a.x) + above(keys, t.a.y) + above(keys, t.a.z) + above(keys, t.a.w)
    + above(keys, t.b.x) + above(keys, t.b.y) + above(keys, t.b.z) + above(keys, t.b.w)
    + above(keys, t.c.x) + above(keys, t.c.y) + above(keys, t.c.z) + above(keys, t.c.w)
    + above(keys, t.d.x) + above(keys, t.d.y) + above(keys, t.d.z);
}

struct Fp4Thresholds {
  a: vec4i,
  b: vec3i,
}

fn fp4_threshold(t: f32, scale: u32) -> i32 {
  return bitcast<i32>(truncated_product(bitcast<u32>(t), scale).bits);
}

fn fp4_thresholds(scale: u32) -> Fp4Thresholds {
  return Fp4Thresholds(
    vec4i(
      fp4_threshold(0.00260417, scale),
      fp4_threshold(0.0859375, scale),
      fp4_threshold(0.20833333, scale),
      fp4_threshold(0.29166667, scale)
    ),
    vec3i(
      fp4_threshold(0.4166667, scale),
      fp4_threshold(0.583333, scale),
      fp4_threshold(0.8333333, scale)
    )
  );
}

// Codes of magnitudes in rising order, one nibble each: 0, 1/192, 1/6, 1/4, 1/3, 1/2, 2/3, 1.
const fp4_order: u32 = 0x32547610u;

fn fp4_codes(bits: vec4u, t: Fp4Thresholds) -> vec4u {
  let keys = bitcast<vec4i>(bits & vec4u(0x7fffffffu));
  let rank = above(keys, t.a.x) + above(keys, t.a.y) + above(keys, t.a.z) + above(keys, t.a.w)
    + above(keys, t.b.x) + above(keys, t.b.y) + above(keys, t.b.z);
  return ((vec4u(fp4_order) >> (rank * 4u)) & vec4u(7u)) | ((bits >> vec4u(28u)) & vec4u(8u));
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let block_index = flat_workgroup(group_id, group_count) * wg + lane;
  let blocks = (params.count + params.block_size - 1u) / params.block_size;
  if (block_index >= blocks) {
    return;
  }
  let first = block_index * params.block_size;
  let words = (min(params.block_size, params.count - first) + 7u) / 8u;
  var largest = vec4u(0u);
  for (var word = 0u; word < words; word++) {
    let magnitudes = load(first + word * 8u) & vec4u(0x7fffffffu);
    largest = max(largest, max(magnitudes, load(first + word * 8u + 4u) & vec4u(0x7fffffffu)));
  }
  let pair = max(largest.xy, largest.zw);
  let scale = max(pair.x, pair.y);
  let first_word = first / 8u;
  if (scale < smallest_absmax_bits) {
    absmax[block_index] = 0u;
    for (var word = 0u; word < words; word++) {
      codes[first_word + word] = select(0u, 0x77777777u, params.table != 0u);
    }
    return;
  }
  absmax[block_index] = scale;
  if (params.table != 0u) {
    let thresholds = nf4_thresholds(scale);
    for (var word = 0u; word < words; word++) {
      let at = first + word * 8u;
      codes[first_word + word] = pack(nf4_codes(load(at), thresholds), nf4_codes(load(at + 4u), thresholds));
    }
  } else {
    let thresholds = fp4_thresholds(scale);
    for (var word = 0u; word < words; word++) {
      let at = first + word * 8u;
      codes[first_word + word] = pack(fp4_codes(load(at), thresholds), fp4_codes(load(at + 4u), thresholds));
    }
  }
}
