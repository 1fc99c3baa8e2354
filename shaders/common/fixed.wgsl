// Fixed-point view of one group for the scale searches, so that every choice rests on integers.
//
// The unit is 2^-shift, with shift such that the group's first scale s0 lies in [2^top, 2^(top + 1)) units.
// Weights become integers X in that unit, candidate scales integers S of at most 18 bits, codes small
// integers p (code minus zero point), and X - p * S is exact. Errors are squared in 16 units ("steps"):
// d = round((X - p * S) / 16), |d| < 2^16. X is off by at most 1/2 unit, so d by at most 1/2 + 1/32 steps.

// How codes are read off.
struct Reading {
  // Right shift of X before it meets the reciprocal, so that their product stays below 2^31.
  drop: u32,
  // p lies in [low, high].
  low: i32,
  high: i32,
}

// floor(2^31 / s) for s in [2^10, 2^20): the f32 quotient proposes, the remainder corrects it.
fn reciprocal(s: u32) -> i32 {
  let proposed = u32(2147483648.0 / f32(s));
  let remainder = bitcast<i32>(0x80000000u - proposed * s);
  var result = i32(proposed);
  if (remainder < 0) {
    result -= 1;
  } else if (remainder >= i32(s)) {
    result += 1;
  }
  return result;
}

// The exponent of the unit for a scale given by bits (normal, not 0).
fn unit_shift(scale: u32, top: i32) -> i32 {
  return top + 127 - i32((scale >> 23u) & 0xffu);
}

// The magnitude m * 2^(e - 150) of f32 bits in the unit 2^-shift, half away from zero; subnormals are 0,
// as everywhere. What would be 2^30 or more, infinity and NaN among it, is 2^30 - 1. Free of branches,
// since it is unrolled.
fn magnitude_in_units(bits: u32, shift: i32) -> i32 {
  let exponent = i32((bits >> 23u) & 0xffu);
  let mantissa = ((bits & 0x7fffffu) | 0x800000u) << 6u;
  let right = 156 - shift - exponent;
  let cut = u32(clamp(right, 0, 31));
  let rounded = (mantissa + ((1u << cut) >> 1u)) >> cut;
  let result = select(rounded, 0x3fffffffu, right < 0 || exponent == 255);
  return i32(select(result, 0u, exponent == 0));
}

// Signed units of f32 bits; `flip` (0 or the sign bit) makes a negative s0 positive.
fn in_units(bits: u32, shift: i32, flip: u32) -> i32 {
  let magnitude = magnitude_in_units(bits, shift);
  return select(magnitude, -magnitude, ((bits ^ flip) & 0x80000000u) != 0u);
}

// Constant added to X' * reciprocal before the shift: half a code, and half of what `drop` cut off.
fn reading_bias(inverse: i32, drop: u32) -> i32 {
  return (1 << (30u - drop)) + select(0, inverse >> 1u, drop != 0u);
}

// Steps between X and the value of its nearest code under a scale in 1/64 units: the code that the
// reciprocal of the whole units reads off, or a neighbour of it within the range.
fn nearest_steps(x: i32, fine_s: i32, inverse: i32, reading: Reading) -> i32 {
  let bias = reading_bias(inverse, reading.drop);
  let near = clamp(((x >> reading.drop) * inverse + bias) >> (31u - reading.drop), reading.low, reading.high);
  let twice_off = (x << 1u) - ((near * fine_s + 16) >> 5u);
  let side = select(0, 1, twice_off > (fine_s >> 6u)) - select(0, 1, twice_off < -(fine_s >> 6u));
  let p = clamp(near + side, reading.low, reading.high);
  return (x - ((p * fine_s + 32) >> 6u) + 8) >> 4u;
}

// floor(d^2 / 256) for |d| < 2^16; an upper bound for larger ones below 2^20.
fn squares_256(d: i32) -> u32 {
  let magnitude = u32(abs(d));
  let coarse = (magnitude >> 8u) + 1u;
  return select((magnitude * magnitude) >> 8u, (coarse * coarse) << 8u, magnitude >= 0x10000u);
}

// The nearest storable scale to s units: a multiple of the f16's own unit, or s itself for f32.
// 0 where the scale is too small or too large to be stored as a normal f32 or as a finite f16.
fn storable(s: u32, shift: i32, half: bool) -> u32 {
  if (s == 0u) {
    return 0u;
  }
  var result = s;
  if (half) {
    let cut = max(i32(firstLeadingBit(s)) - 10, shift - 24);
    if (cut > 20) {
      return 0u;
    }
    if (cut > 0) {
      result = ((s + (1u << u32(cut - 1))) >> u32(cut)) << u32(cut);
    }
    if (result == 0u) {
      return 0u;
    }
    let half_exponent = i32(firstLeadingBit(result)) - shift;
    return select(result, 0u, half_exponent > 15);
  }
  let exponent = i32(firstLeadingBit(result)) - shift;
  return select(result, 0u, exponent < -120 || exponent > 100);
}

// f32 bits of s units, s < 2^24 and storable.
fn scale_bits(s: u32, shift: i32, sign: u32) -> u32 {
  let top = firstLeadingBit(s);
  return sign | (u32(i32(top) - shift + 127) << 23u) | ((s << (23u - top)) & 0x7fffffu);
}

// 64-bit sums as (low, high).
fn add_wide(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + u32(low < a.x));
}

fn less_wide(a: vec2u, b: vec2u) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}

// Whether an error `found` is below `first` by more than fixed point can hide: with the true errors e and e0,
// sqrt(e) <= sqrt(found) + a * sqrt(n) and sqrt(e0) >= sqrt(first) - a0 * sqrt(n), a + a0 < 1.28 steps, and
// 2 u v <= u^2 / 512 + 512 v^2, the condition found + found / 512 + slack <= first implies e <= e0, where
// slack >= 513 * 1.28^2 * n (n = sum of the weights) in the unit of the sums, plus what their rounding cut off.
fn surely_less(found: vec2u, slack: vec2u, first: vec2u) -> bool {
  let ninth = vec2u((found.x >> 9u) | (found.y << 23u), found.y >> 9u);
  let bound = add_wide(add_wide(found, ninth), add_wide(slack, vec2u(1u, 0u)));
  return !less_wide(first, bound);
}

// Importance as integers: floor(w * 2^shift) of a non-negative f32, at most 1023 where shift suits the
// largest w of the group; subnormals are 0.
fn floor_weight(bits: u32, shift: i32) -> u32 {
  let exponent = i32((bits >> 23u) & 0xffu);
  let weight = ((bits & 0x7fffffu) | 0x800000u) >> u32(clamp(150 - shift - exponent, 0, 31));
  return select(min(weight, 1023u), 0u, exponent == 0);
}

// Shift that brings the largest importance, given by bits, into [512, 1024).
fn weight_shift_of(largest: u32) -> i32 {
  return 136 - i32((largest >> 23u) & 0xffu);
}
