// The sums of an error record, four elements at a time, for kernels whose elements are known to be plain: finite, with
// finite decoded values. What is not plain goes through common/record.wgsl.
import package::common::record::ErrorSums;

struct QuadSums {
  squared_error: vec4f,
  squared_source: vec4f,
  squared_decoded: vec4f,
  dot_product: vec4f,
  max_abs_error: vec4u,
  min_key: vec4i,
  max_key: vec4i,
  clipped: vec4u,
  fingerprint: vec4u,
}

fn empty_quad_sums() -> QuadSums {
  var sums: QuadSums;
  sums.min_key = vec4i(0x7fffffff);
  sums.max_key = vec4i(-0x7fffffff);
  return sums;
}

// `decoded` by bits, so that no product is fused into the difference; `index` in natural order.
fn add_quad_sums(
  sums: ptr<function, QuadSums>,
  elements: vec4u,
  decoded: vec4u,
  index: vec4u,
  clipped: vec4<bool>,
) {
  let x = bitcast<vec4f>(elements);
  let positive = select(decoded, vec4u(0u), decoded == vec4u(0x80000000u));
  let y = bitcast<vec4f>(positive);
  let difference = x - y;
  (*sums).squared_error += difference * difference;
  (*sums).squared_source += x * x;
  (*sums).squared_decoded += y * y;
  (*sums).dot_product += x * y;
  (*sums).max_abs_error = max((*sums).max_abs_error, bitcast<vec4u>(difference) & vec4u(0x7fffffffu));
  let signed_bits = bitcast<vec4i>(elements);
  let keys = signed_bits ^ ((signed_bits >> vec4u(31u)) & vec4i(0x7fffffff));
  (*sums).min_key = min((*sums).min_key, keys);
  (*sums).max_key = max((*sums).max_key, keys);
  (*sums).clipped += select(vec4u(0u), vec4u(1u), clipped);
  (*sums).fingerprint += positive * (2u * index + 1u);
}

fn lane_sum(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// Adds the four lanes, `count` elements, to a record.
fn take_quad_sums(total: ptr<function, ErrorSums>, sums: QuadSums, count: u32) {
  (*total).squared_error += lane_sum(sums.squared_error);
  (*total).squared_source += lane_sum(sums.squared_source);
  (*total).squared_decoded += lane_sum(sums.squared_decoded);
  (*total).dot_product += lane_sum(sums.dot_product);
  let e = sums.max_abs_error;
  (*total).max_abs_error = max((*total).max_abs_error, max(max(e.x, e.y), max(e.z, e.w)));
  let low = sums.min_key;
  (*total).min_key = min((*total).min_key, min(min(low.x, low.y), min(low.z, low.w)));
  let high = sums.max_key;
  (*total).max_key = max((*total).max_key, max(max(high.x, high.y), max(high.z, high.w)));
  (*total).clipped += sums.clipped.x + sums.clipped.y + sums.clipped.z + sums.clipped.w;
  (*total).fingerprint += sums.fingerprint.x + sums.fingerprint.y + sums.fingerprint.z + sums.fingerprint.w;
  (*total).count += count;
}
