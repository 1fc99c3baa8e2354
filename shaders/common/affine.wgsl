// The affine rule: from a group's range to its scale and zero point, and from an element to its code.
// Shared by the plain and the fused kernels, so that both write the same bytes.
//
//   symmetric       scale = max(|lo|, |hi|) / (2^(bits-1) - 1), zero point in the middle
//   symmetric-full  scale = -extreme / 2^(bits-1), extreme = hi where |hi| > |lo|, else lo; a tie goes to
//                   lo as in onnxruntime's block quantizer (ggml takes the first in memory order)
//   asymmetric      scale = (hi - lo) / (2^bits - 1), zero point = lowest code + round(-lo / scale)
//
// lo <= 0 <= hi. Magnitudes beyond 2^100 count as 2^100. A scale below 2^-120, or one that an f16 can
// only store as 0, becomes 1: such a group decodes to zeros and no reader divides by zero. An f16 scale
// beyond 65504 is stored as 65504; elements above its reach saturate.
import package::common::exact::{divide, round_quotient, largest_magnitude};
import package::common::half::{to_half_bits, from_half_bits};

const scheme_symmetric: u32 = 0u;
const scheme_symmetric_full: u32 = 1u;
const scheme_asymmetric: u32 = 2u;

fn lowest_code(bits: u32, is_signed: u32) -> i32 {
  return select(0, -(1 << (bits - 1u)), is_signed != 0u);
}

fn highest_code(bits: u32, is_signed: u32) -> i32 {
  return lowest_code(bits, is_signed) + (1 << bits) - 1;
}

// The scale as it will be stored: as it is, or rounded to f16; never 0.
fn stored_scale(scale: f32, half_scales: u32) -> f32 {
  var stored = scale;
  // A loop of at most one turn: software adapters skip a loop that no lane enters, but run both sides of an if.
  for (var half = half_scales != 0u; half; half = false) {
    stored = from_half_bits(to_half_bits(clamp(scale, -65504.0, 65504.0)));
  }
  return select(stored, 1.0, stored == 0.0);
}

fn affine_scale(lo: f32, hi: f32, bits: u32, scheme: u32, half_scales: u32) -> f32 {
  let low = max(lo, -largest_magnitude);
  let high = min(hi, largest_magnitude);
  var numerator = max(-low, high);
  var denominator = (1 << (bits - 1u)) - 1;
  if (scheme == scheme_symmetric_full) {
    numerator = select(-low, -high, high > -low);
    denominator += 1;
  } else if (scheme == scheme_asymmetric) {
    numerator = high - low;
    denominator = (1 << bits) - 1;
  }
  return stored_scale(divide(numerator, f32(denominator)), half_scales);
}

fn affine_zero_point(lo: f32, scale: f32, bits: u32, is_signed: u32, scheme: u32, rounding: u32) -> i32 {
  let lowest = lowest_code(bits, is_signed);
  var zero = lowest + (1 << (bits - 1u));
  for (var asymmetric = scheme == scheme_asymmetric; asymmetric; asymmetric = false) {
    let steps = round_quotient(-max(lo, -largest_magnitude), scale, 1.0 / scale, 0, rounding);
    zero = lowest + clamp(steps, 0, (1 << bits) - 1);
  }
  return zero;
}

// One code by the exact way: x flushed, clamped to the code range, as an unsigned field.
fn affine_code(x: f32, scale: f32, inverse: f32, zero: i32, bits: u32, is_signed: u32, rounding: u32) -> u32 {
  let lowest = lowest_code(bits, is_signed);
  let code = clamp(round_quotient(x, scale, inverse, zero, rounding), lowest, lowest + (1 << bits) - 1);
  return bitcast<u32>(code) & ((1u << bits) - 1u);
}
