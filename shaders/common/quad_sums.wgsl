// The sums of an error record, four elements at a time, for kernels whose elements are known to be plain: finite, with
// finite decoded values that are never -0. What is not plain goes through common/record.wgsl.
import package::common::product::ordered_key;
import package::common::record::ErrorSums;

struct QuadSums {
  squared_error: vec4f,
  squared_source: vec4f,
  squared_decoded: vec4f,
  max_abs_error: vec4u,
  // Floats of one sign are ordered as their bits: the largest as integers, the most negative as unsigned ones, and the
  // one nearest to zero where all have one sign.
  high: vec4i,
  low: vec4u,
  least: vec4u,
  fingerprint: vec4u,
}

fn empty_quad_sums() -> QuadSums {
  var sums: QuadSums;
  sums.high = vec4i(-0x7fffffff - 1);
  sums.least = vec4u(0xffffffffu);
  return sums;
}

// `decoded` by bits, so that no product is fused into the difference; `weight` is 2 * index + 1 in natural order.
fn add_quad_sums(sums: ptr<function, QuadSums>, elements: vec4u, decoded: vec4u, weight: vec4u) {
  let x = bitcast<vec4f>(elements);
  let y = bitcast<vec4f>(decoded);
  let difference = x - y;
  (*sums).squared_error += difference * difference;
  (*sums).squared_source += x * x;
  (*sums).squared_decoded += y * y;
  (*sums).max_abs_error = max((*sums).max_abs_error, bitcast<vec4u>(abs(difference)));
  (*sums).high = max((*sums).high, bitcast<vec4i>(elements));
  (*sums).low = max((*sums).low, elements);
  (*sums).least = min((*sums).least, elements);
  (*sums).fingerprint += decoded * weight;
}

// Whether all elements so far are finite.
fn are_finite(sums: QuadSums) -> bool {
  return all(sums.high < vec4i(0x7f800000)) && all(sums.low < vec4u(0xff800000u));
}

fn lane_sum(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// Adds the four lanes, `count` elements, to a record.
fn take_quad_sums(total: ptr<function, ErrorSums>, sums: QuadSums, count: u32) {
  if (count == 0u) {
    return;
  }
  let squared_error = lane_sum(sums.squared_error);
  let squared_source = lane_sum(sums.squared_source);
  let squared_decoded = lane_sum(sums.squared_decoded);
  (*total).squared_error += squared_error;
  (*total).squared_source += squared_source;
  (*total).squared_decoded += squared_decoded;
  // Since (x - y)^2 = x^2 + y^2 - 2 x y.
  (*total).dot_product += 0.5 * ((squared_source - squared_error) + squared_decoded);
  let e = sums.max_abs_error;
  (*total).max_abs_error = max((*total).max_abs_error, max(max(e.x, e.y), max(e.z, e.w)));
  let high = max(max(sums.high.x, sums.high.y), max(sums.high.z, sums.high.w));
  let low = max(max(sums.low.x, sums.low.y), max(sums.low.z, sums.low.w));
  let least = min(min(sums.least.x, sums.least.y), min(sums.least.z, sums.least.w));
  (*total).min_key = min((*total).min_key, ordered_key(select(least, low, low >= 0x80000000u)));
  (*total).max_key = max((*total).max_key, ordered_key(select(least, bitcast<u32>(high), high >= 0)));
  let f = sums.fingerprint;
  (*total).fingerprint += f.x + f.y + f.z + f.w;
  (*total).count += count;
}
