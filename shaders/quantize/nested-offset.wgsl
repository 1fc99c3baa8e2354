// The offset of double quantization: the mean of the absmax values, the same on every device.
//
// Contract  mean[0] = floor(sum of floor(a / u) / count) * u, where u = 2^(e - 23) and 2^e is the power of two
//           of the largest value; values >= 0. 0 when every value is below 2^-110 or the result is below
//           2^-126. So the mean is exact but for less than 2 units of the largest value's last bit.
// Tile      one workgroup, whatever the count (there is one absmax per 16 to 4096 weights): the threads
//           take the values in turn, first for the maximum, then for sums of 64 bits in two words.
// NaN rule  non-finite values count as 0; signs are ignored.
struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> absmax: array<u32>;
@group(0) @binding(2) var<storage, read_write> mean: array<u32>;

override wg: u32 = 64u;

const smallest_absmax_bits: u32 = 0x08800000u;

var<workgroup> largest: atomic<u32>;
var<workgroup> low_sums: array<u32, wg>;
var<workgroup> high_sums: array<u32, wg>;

fn magnitude_at(i: u32) -> u32 {
  let magnitude = absmax[i] & 0x7fffffffu;
  return select(magnitude, 0u, magnitude >= 0x7f800000u || magnitude < smallest_absmax_bits);
}

// floor(high:low / divisor) by long division; the divisor is below 2^31 and the quotient fits a word.
fn quotient(high: u32, low: u32, divisor: u32) -> u32 {
  var remainder = 0u;
  var result = 0u;
  for (var i = 0u; i < 64u; i++) {
    let word = select(low, high, i < 32u);
    remainder = (remainder << 1u) | ((word >> (31u - i % 32u)) & 1u);
    result = result << 1u;
    if (remainder >= divisor) {
      remainder -= divisor;
      result |= 1u;
    }
  }
  return result;
}

@compute @workgroup_size(wg)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  var most = 0u;
  for (var i = lane; i < params.count; i += wg) {
    most = max(most, magnitude_at(i));
  }
  atomicMax(&largest, most);
  workgroupBarrier();
  let exponent = atomicLoad(&largest) >> 23u;
  var low = 0u;
  var high = 0u;
  for (var i = lane; i < params.count; i += wg) {
    let magnitude = magnitude_at(i);
    let shift = exponent - (magnitude >> 23u);
    if (magnitude != 0u && shift < 24u) {
      let units = ((magnitude & 0x7fffffu) | 0x800000u) >> shift;
      low += units;
      high += u32(low < units);
    }
  }
  low_sums[lane] = low;
  high_sums[lane] = high;
  workgroupBarrier();
  if (lane != 0u || group_id.x + group_id.y + group_id.z != 0u) {
    return;
  }
  for (var i = 1u; i < wg; i++) {
    low += low_sums[i];
    high += high_sums[i] + u32(low < low_sums[i]);
  }
  // Below 2^24, so its f32 is exact; the exponent is moved by integers.
  let units = f32(quotient(high, low, max(params.count, 1u)));
  let moved = i32(bitcast<u32>(units) >> 23u) + i32(exponent) - 150;
  mean[0] = select(0u, (u32(moved) << 23u) | (bitcast<u32>(units) & 0x7fffffu), units > 0.0 && moved > 0);
}
