// Arithmetic whose results are the same on every device.
//
// WGSL division is only good to 2.5 ulp, a * b + c may or may not be fused, and subnormals may be
// flushed. So nothing here that decides a bit of an output rests on them: an inexact operation only
// proposes, integers on the mantissas dispose. Floats in and out are 0 or normal ("flushed").
// Taken for granted: one f32 +, - or * alone is rounded to nearest even (true of every driver known).
//
// Ranges that callers keep: |source| any finite f32, scales 0 or 2^-120 <= |s| <= 2^101 (the range
// kernels clamp magnitudes to 2^100, `divide` flushes below 2^-120), so 1 / s is a normal number.
//
// Margin of round_quotient. Let q = x / s be the real quotient, |q| < 512, and t the computed
// x * inverse, with inverse within 8 ulp of 1 / s: |t - q| <= |q| * (8 * 2^-23 + 2^-24) (1 + 2^-20)
// < 512 * 2^-19.8 < 2^-10.8. n is any integer with |t - n| < 0.5 - 2^-10, tested with a rounding error
// of at most 2^-15. Then |q - n| < 0.5 - 2^-10 + 2^-10.8 + 2^-15 < 0.5: n is the nearest integer of
// q and no tie rule is asked. Else q lies within 2^-9 of some k + 0.5, the half-integer nearest to t, and
// the sign of |x| - |k + 0.5| * |s|, exact in 48-bit integers, decides. A device that would round the
// proposal wrongly merely takes the second way more often. For |q| >= 512 the result is some integer
// of that sign and of magnitude >= 511: enough for callers, who clamp to a code range within +-255.

const half_even: u32 = 0u;
const half_up: u32 = 1u;
const half_away: u32 = 2u;

// 1.5 * 2^23: adding it leaves the nearest integer in the low mantissa bits.
const integer_magic: f32 = 12582912.0;
const integer_magic_bits: i32 = 0x4b400000;
// How near to a half-integer an approximate quotient may not be trusted: 2^-10.
const doubt_margin: f32 = 0.0009765625;
// Magnitudes beyond 2^100 are clipped by the range kernels, and scales below 2^-120 are zero.
const largest_magnitude: f32 = 1267650600228229401496703205376.0;

// NaN or infinity, by bits: comparisons with NaN may be folded away.
fn is_non_finite(bits: u32) -> bool {
  return (bits & 0x7f800000u) == 0x7f800000u;
}

// The value of f32 bits with subnormals, -0, infinities and NaN as +0, so that codes stay defined.
// Bind sources as u32 and come through here: an f32 load may already have flushed or lost the bits.
fn flush_bits(bits: u32) -> f32 {
  return bitcast<f32>(select(0u, bits, (bits & 0x7f800000u) - 0x00800000u < 0x7f000000u));
}

fn flush(x: f32) -> f32 {
  return flush_bits(bitcast<u32>(x));
}

// a / b rounded to nearest even, for 0 or normal a and normal b; magnitudes below 2^-120 give 0,
// overflow gives the largest finite number. The f32 quotient of the mantissas proposes 25 bits;
// the remainder, taken modulo 2^32 and small, corrects it (proposals up to 60 units off are mended).
fn divide(a: f32, b: f32) -> f32 {
  let a_bits = bitcast<u32>(a);
  let b_bits = bitcast<u32>(b);
  if ((a_bits & 0x7fffffffu) == 0u) {
    return 0.0;
  }
  var numerator = (a_bits & 0x007fffffu) | 0x00800000u;
  let denominator = (b_bits & 0x007fffffu) | 0x00800000u;
  var exponent = i32((a_bits >> 23u) & 0xffu) - i32((b_bits >> 23u) & 0xffu);
  if (numerator < denominator) {
    numerator = numerator << 1u;
    exponent -= 1;
  }
  // floor(numerator * 2^24 / denominator), between 2^24 and 2^25.
  // Signed conversions, which processors have instructions for.
  let divisor = f32(i32(denominator));
  var quotient = u32(i32(f32(i32(numerator)) / divisor * 16777216.0));
  var remainder = bitcast<i32>((numerator << 24u) - quotient * denominator);
  let correction = i32(floor(f32(remainder) / divisor));
  quotient += bitcast<u32>(correction);
  remainder -= correction * i32(denominator);
  if (remainder < 0) {
    quotient -= 1u;
    remainder += i32(denominator);
  }
  if (remainder >= i32(denominator)) {
    quotient += 1u;
    remainder -= i32(denominator);
  }
  let guard = quotient & 1u;
  var mantissa = quotient >> 1u;
  mantissa += guard & (u32(remainder != 0) | (mantissa & 1u));
  // A carry to 2^24 falls into the exponent by itself, its mantissa bits being 0.
  let sign = (a_bits ^ b_bits) & 0x80000000u;
  if (exponent < -120) {
    return 0.0;
  }
  if (exponent > 127) {
    return bitcast<f32>(sign | 0x7f7fffffu);
  }
  let magnitude = (u32(exponent + 126) << 23u) + mantissa;
  return bitcast<f32>(sign | min(magnitude, 0x7f7fffffu));
}

// Sign of |x| - |m| * |s|, exact; each 0 or normal.
fn compare_product(x: f32, m: f32, s: f32) -> i32 {
  let x_bits = bitcast<u32>(x) & 0x7fffffffu;
  let m_bits = bitcast<u32>(m) & 0x7fffffffu;
  let s_bits = bitcast<u32>(s) & 0x7fffffffu;
  if (m_bits == 0u || s_bits == 0u) {
    return i32(x_bits != 0u);
  }
  if (x_bits == 0u) {
    return -1;
  }
  // |x| = left * 2^(x_exponent), |m| |s| = product * 2^(...), product in [2^46, 2^48).
  let left = (x_bits & 0x007fffffu) | 0x00800000u;
  let m_mantissa = (m_bits & 0x007fffffu) | 0x00800000u;
  let s_mantissa = (s_bits & 0x007fffffu) | 0x00800000u;
  let shift = i32(x_bits >> 23u) - i32(m_bits >> 23u) - i32(s_bits >> 23u) + 150;
  if (shift > 24) {
    return 1;
  }
  if (shift < 23) {
    return -1;
  }
  let m_high = m_mantissa >> 12u;
  let m_low = m_mantissa & 0xfffu;
  let s_high = s_mantissa >> 12u;
  let s_low = s_mantissa & 0xfffu;
  let middle = m_high * s_low + m_low * s_high;
  let bottom = m_low * s_low + ((middle & 0xfffu) << 12u);
  let product_high = m_high * s_high + (middle >> 12u) + (bottom >> 24u);
  let product_low = bottom & 0xffffffu;
  let left_high = select(left >> 1u, left, shift == 24);
  let left_low = select((left & 1u) << 23u, 0u, shift == 24);
  if (left_high != product_high) {
    return select(-1, 1, left_high > product_high);
  }
  return sign(i32(left_low) - i32(product_low));
}

// x / s rounded to an integer by the exact way alone; t is the approximate quotient, right to less than a
// half: floor(t) + 0.5 is then the only half-integer that can matter.
fn settle_quotient(x: f32, s: f32, t: f32, rounding: u32) -> i32 {
  let lower = i32(floor(t));
  let beyond = compare_product(x, f32(lower) + 0.5, s);
  // beyond compares magnitudes; below zero the larger magnitude is the smaller number.
  let side = select(beyond, -beyond, lower < 0);
  if (side != 0) {
    return lower + i32(side > 0);
  }
  var up = true;
  if (rounding == half_even) {
    up = (lower & 1) != 0;
  } else if (rounding == half_away) {
    up = lower >= 0;
  }
  return lower + i32(up);
}

// The real x / s rounded to the nearest integer by the tie rule, plus offset. x is flushed, s is normal
// (negative allowed), inverse is 1 / s within 8 ulp. Exact for |x / s| < 512, beyond that
// of the right sign and at least 511 in magnitude (offset aside). Ties are those of x / s, before the
// offset: ONNX QuantizeLinear rounds first and adds the zero point after.
fn round_quotient(x: f32, s: f32, inverse: f32, offset: i32, rounding: u32) -> i32 {
  let limit = abs(s) * 1048576.0;
  let t = clamp(x, -limit, limit) * inverse;
  var nearest = bitcast<i32>(t + integer_magic) - integer_magic_bits;
  // A loop of at most one turn: software adapters skip a loop that no lane enters, but run both sides of an if.
  for (var doubt = abs(t - f32(nearest)) >= 0.5 - doubt_margin && abs(t) < 512.0; doubt; doubt = false) {
    nearest = settle_quotient(x, s, t, rounding);
  }
  return nearest + offset;
}

// round_quotient without its fast way, for callers that have tried one: fewer operations where it is needed.
fn settle(x: f32, s: f32, inverse: f32, offset: i32, rounding: u32) -> i32 {
  let limit = abs(s) * 1048576.0;
  return settle_quotient(x, s, clamp(x, -limit, limit) * inverse, rounding) + offset;
}
