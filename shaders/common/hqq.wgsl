// Half-quadratic quantization (Badri & Shaji 2023) in fixed point. The method minimises sum |r|^0.7 of the
// residuals by alternating a shrinkage of r with a least-squares update; after the shrinkage only
// r - shrink(r) = sign(r) min(|r|, |r|^(-0.3) / beta) is left of a residual, its influence below. Residuals count
// 1/4096 of a scale; beta, 10 at first, grows by 1% an iteration and refers to residuals in scales.

// Influence of a residual: `power` is 4096 * |r|^(-0.3) from a table, `softness` 65536 / beta.
fn influence(residual: i32, power: u32, softness: u32) -> i32 {
  let bound = i32((power * softness) >> 16u);
  return clamp(residual, -bound, bound);
}

// Entry of the table of powers for a residual; entries are 1/64 of a scale wide.
fn power_entry(residual: i32) -> u32 {
  return min(u32(abs(residual)) >> 6u, 255u);
}

// X / S in 1/4096, by the reciprocal of S.
fn quotient_4096(x: i32, inverse: i32, drop: u32) -> i32 {
  return ((x >> drop) * inverse + select(0, inverse >> 1u, drop != 0u)) >> (19u - drop);
}

fn add_signed(total: vec2u, term: i32) -> vec2u {
  let low = total.x + bitcast<u32>(term);
  return vec2u(low, total.y + bitcast<u32>(term >> 31u) + u32(low < total.x));
}

fn shifted_right(value: vec2u, by: u32) -> u32 {
  if (by == 0u) {
    return value.x;
  }
  if (by < 32u) {
    return (value.x >> by) | (value.y << (32u - by));
  }
  return value.y >> (by - 32u);
}

// Quotient of a signed and a positive 64-bit number, towards zero, both cut to 31 bits by the same shift;
// 0 for a divisor that vanishes, at most 2^20 in magnitude.
fn ratio(numerator: vec2u, divisor: vec2u) -> i32 {
  let negative = (numerator.y >> 31u) != 0u;
  var magnitude = numerator;
  if (negative) {
    magnitude = vec2u(~numerator.x + 1u, ~numerator.y + u32(numerator.x == 0u));
  }
  let both = magnitude | divisor;
  let length = select(32u - countLeadingZeros(both.x), 64u - countLeadingZeros(both.y), both.y != 0u);
  let by = max(length, 31u) - 31u;
  let below = shifted_right(divisor, by);
  if (below == 0u) {
    return 0;
  }
  let result = i32(min(shifted_right(magnitude, by) / below, 0x100000u));
  return select(result, -result, negative);
}

// A step of the zero point (1/4096 of a code): against the mean influence, at most one code at a time, at
// most three codes from the first zero point.
fn moved_zero(zero: i32, mean: i32, first_zero: i32, code_min: i32, code_max: i32) -> i32 {
  let low = max(first_zero - 3, code_min) << 12u;
  let high = min(first_zero + 3, code_max) << 12u;
  return clamp(zero - clamp(mean, -4096, 4096), low, high);
}

// A step of the scale by `share` / 4096 of it, at most an eighth, within the searched range.
fn moved_scale(s: u32, share: i32, s0: u32, first: u32) -> u32 {
  let next = i32(s) + ((i32(s) * clamp(share, -512, 512) + 2048) >> 12u);
  return u32(clamp(next, i32((s0 * first) >> 12u), i32((s0 * 4506u) >> 12u)));
}
