// f16 and bf16 by integer arithmetic on bits: WGSL leaves the rounding direction of pack2x16float to
// the driver, and f32(f16(x)) is folded away by some. All roundings here are to nearest even.

// f16 bits of an f32 given by bits: subnormal halves kept, overflow to infinity, NaN to a quiet NaN.
fn half_from_bits(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return sign | 0x7e00u;
  }
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000u) {
    return sign | 0x7c00u;
  }
  // 2^-14 and above are normal halves: rebias the exponent, drop 13 bits; a carry runs into the exponent.
  if (magnitude >= 0x38800000u) {
    let odd = (magnitude >> 13u) & 1u;
    return sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13u);
  }
  // 2^-25 and below round to zero (2^-25 itself is a tie with an even neighbour, 0).
  if (magnitude <= 0x33000000u) {
    return sign;
  }
  // Subnormal halves count 2^-24: shift the mantissa so that its unit is that.
  let mantissa = (magnitude & 0x007fffffu) | 0x00800000u;
  let shift = 126u - (magnitude >> 23u);
  let kept = mantissa >> shift;
  let dropped = mantissa & ((1u << shift) - 1u);
  let tie = 1u << (shift - 1u);
  let up = u32(dropped > tie) | (u32(dropped == tie) & kept);
  return sign | (kept + (up & 1u));
}

fn to_half_bits(x: f32) -> u32 {
  return half_from_bits(bitcast<u32>(x));
}

// f32 bits of an f16 given by its low 16 bits; exact. Infinity and NaN keep their class.
fn bits_from_half(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {
    return sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13u);
  }
  if (magnitude >= 0x400u) {
    return sign | ((magnitude << 13u) + 0x38000000u);
  }
  // magnitude * 2^-24: at most 10 bits, so the conversion and the product are exact and normal.
  return sign | bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8);
}

// The value of a finite f16.
fn from_half_bits(half: u32) -> f32 {
  return bitcast<f32>(bits_from_half(half));
}

// bf16 bits of an f32 given by bits: to nearest even, overflow to infinity, NaN to a quiet NaN.
fn bfloat_from_bits(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return ((bits >> 16u) & 0x8000u) | 0x7fc0u;
  }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}

// f32 bits of a bf16 given by its low 16 bits; exact.
fn bits_from_bfloat(bfloat: u32) -> u32 {
  return bfloat << 16u;
}
