// Softmax, its logarithm, or the place of the maximum along the middle axis of [outer, axis, inner].
//
// Contract  y like x; op 0: e^(x - max) / sum; 1: x - max - log(sum); 2: 1 at the first maximum, else 0.
// Tile      `split` threads share one row: thread l takes elements l, l + split, ...; maxima and sums meet in
//           workgroup memory. Nothing is shared where split is 1.
// Rounding  f32; exponents are never above 0.
// NaN       a NaN or a positive infinity makes its row NaN, and so does a row of nothing but negative
//           infinities, as in onnxruntime; other negative infinities give 0.
import package::common::grid::flat_workgroup;
import package::common::math::is_nan_bits;

struct Params {
  outer: u32,
  axis: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override split: u32 = 1u;
override op: u32 = 0u;

const lowest: f32 = -3.4028234e38;
const nowhere: u32 = 0xffffffffu;

var<workgroup> gathered: array<f32, wg>;
var<workgroup> places: array<u32, wg>;

// Adapters may make numbers of exp and log of NaN.
fn power(v: f32, high: f32) -> f32 {
  let d = v - high;
  return select(select(exp(d), 0.0, d < -104.0), d, is_nan_bits(bitcast<u32>(d)));
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flat_workgroup(group_id, group_count) * (wg / split) + lane / split;
  let axis = select(0u, params.axis, row < params.outer * params.inner);
  let base = row / params.inner * params.axis * params.inner + row % params.inner;
  let mine = lane % split;
  let first = lane - mine;
  var high = lowest;
  var place = nowhere;
  for (var k = mine; k < axis; k += split) {
    let v = x[base + k * params.inner];
    if (v > high || place == nowhere) {
      place = k;
    }
    high = max(high, v);
  }
  if (split > 1u) {
    gathered[lane] = high;
    places[lane] = place;
    workgroupBarrier();
    for (var l = 0u; l < split; l++) {
      let other = gathered[first + l];
      if (other > high || (other == high && places[first + l] < place)) {
        place = places[first + l];
      }
      high = max(high, other);
    }
    workgroupBarrier();
  }
  if (op == 2u) {
    for (var k = mine; k < axis; k += split) {
      y[base + k * params.inner] = select(0.0, 1.0, k == place);
    }
    return;
  }
  var sum = 0.0;
  for (var k = mine; k < axis; k += split) {
    sum += power(x[base + k * params.inner], high);
  }
  if (split > 1u) {
    gathered[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var l = 0u; l < split; l++) {
      sum += gathered[first + l];
    }
  }
  let log_sum = select(log(sum), sum, is_nan_bits(bitcast<u32>(sum)));
  for (var k = mine; k < axis; k += split) {
    let at = base + k * params.inner;
    if (op == 1u) {
      y[at] = x[at] - high - log_sum;
    } else {
      y[at] = power(x[at], high) / sum;
    }
  }
}
