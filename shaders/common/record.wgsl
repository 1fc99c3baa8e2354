// The running sums of one error record, in the word order of src/kernels/quantize/error-sums.ts.
//
// NaN rule  a non-finite source counts and stays out of sums, minimum and maximum; a non-finite decoded
//           value under a finite source makes the largest error infinite. Minimum and maximum of nothing are
//           the largest and the lowest finite f32.
import package::common::product::{bits_of_key, ordered_key};

struct ErrorSums {
  squared_error: f32,
  squared_source: f32,
  squared_decoded: f32,
  dot_product: f32,
  // Bits of magnitudes: their order as integers is their order as floats.
  max_abs_error: u32,
  min_key: i32,
  max_key: i32,
  clipped: u32,
  non_finite: u32,
  first_non_finite: u32,
  fingerprint: u32,
  count: u32,
}

fn empty_error_sums() -> ErrorSums {
  var sums: ErrorSums;
  sums.min_key = ordered_key(0x7f7fffffu);
  sums.max_key = ordered_key(0xff7fffffu);
  sums.first_non_finite = 0xffffffffu;
  return sums;
}

// Counts one element: `index` in natural order, its source and decoded bits, whether its code was clipped.
fn count_error(sums: ptr<function, ErrorSums>, index: u32, source_bits: u32, decoded_bits: u32, clipped: bool) {
  (*sums).count += 1u;
  (*sums).fingerprint += select(decoded_bits, 0u, decoded_bits == 0x80000000u) * (2u * index + 1u);
  if ((source_bits & 0x7f800000u) == 0x7f800000u) {
    (*sums).non_finite += 1u;
    (*sums).first_non_finite = min((*sums).first_non_finite, index);
    return;
  }
  let key = ordered_key(source_bits);
  (*sums).min_key = min((*sums).min_key, key);
  (*sums).max_key = max((*sums).max_key, key);
  (*sums).clipped += u32(clipped);
  if ((decoded_bits & 0x7f800000u) == 0x7f800000u) {
    (*sums).max_abs_error = 0x7f800000u;
    return;
  }
  let x = bitcast<f32>(source_bits);
  let y = bitcast<f32>(decoded_bits);
  let difference = x - y;
  (*sums).squared_error += difference * difference;
  (*sums).squared_source += x * x;
  (*sums).squared_decoded += y * y;
  (*sums).dot_product += x * y;
  (*sums).max_abs_error = max((*sums).max_abs_error, bitcast<u32>(abs(difference)));
}

// The record's words.
fn error_words(sums: ErrorSums) -> array<u32, 12> {
  return array<u32, 12>(
    bitcast<u32>(sums.squared_error),
    bitcast<u32>(sums.squared_source),
    bitcast<u32>(sums.squared_decoded),
    bitcast<u32>(sums.dot_product),
    sums.max_abs_error,
    bits_of_key(sums.min_key),
    bits_of_key(sums.max_key),
    sums.clipped,
    sums.non_finite,
    sums.first_non_finite,
    sums.fingerprint,
    sums.count,
  );
}
