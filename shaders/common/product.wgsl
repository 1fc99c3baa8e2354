// Exact thresholds: where the real product of two f32 falls between two neighbouring f32, and the
// order of f32 values as integers. With both, "x > t * a" is decided once per group instead of once
// per element: x > t * a holds exactly when x is above the largest f32 that is not above t * a.

struct TruncatedProduct {
  // Bits of the product's magnitude, cut off after 24 significant bits.
  bits: u32,
  // 1 when something was cut off, else 0.
  inexact: u32,
}

// |a * b| of two magnitudes given by bits. Both are normal and so is the product (the caller sees to it).
fn truncated_product(a: u32, b: u32) -> TruncatedProduct {
  let a_mantissa = (a & 0x7fffffu) | 0x800000u;
  let b_mantissa = (b & 0x7fffffu) | 0x800000u;
  let a_high = a_mantissa >> 12u;
  let a_low = a_mantissa & 0xfffu;
  let b_high = b_mantissa >> 12u;
  let b_low = b_mantissa & 0xfffu;
  // The 48-bit product as top * 2^24 + rest.
  let low = a_low * b_low;
  let middle = a_high * b_low + a_low * b_high + (low >> 12u);
  let top = a_high * b_high + (middle >> 12u);
  let rest = ((middle & 0xfffu) << 12u) | (low & 0xfffu);
  let exponent = (a >> 23u) + (b >> 23u) - 127u;
  if (top >= 0x800000u) {
    return TruncatedProduct((exponent << 23u) + top, u32(rest != 0u));
  }
  let mantissa = top * 2u + (rest >> 23u);
  return TruncatedProduct(((exponent - 1u) << 23u) + mantissa, u32((rest & 0x7fffffu) != 0u));
}

// An integer that orders finite f32 values as their real values do (-0 just below +0).
fn ordered_key(bits: u32) -> i32 {
  let key = bitcast<i32>(bits);
  return key ^ ((key >> 31u) & 0x7fffffff);
}

// The f32 bits of an ordered key.
fn bits_of_key(key: i32) -> u32 {
  return bitcast<u32>(key ^ ((key >> 31u) & 0x7fffffff));
}

// Key of the largest f32 that is not above t * a, for t of either sign and a > 0, product normal.
fn threshold_key(t: u32, a: u32) -> i32 {
  let product = truncated_product(t & 0x7fffffffu, a);
  // Below zero the key of a magnitude is its complement, and downwards is away from zero.
  if ((t & 0x80000000u) != 0u) {
    return ~bitcast<i32>(product.bits + product.inexact);
  }
  return bitcast<i32>(product.bits);
}
