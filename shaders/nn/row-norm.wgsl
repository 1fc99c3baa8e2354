// Normalizes rows to mean 0 and variance 1, or to mean square 1, then scales and shifts them.
//
// Contract  x, y: f32 [rows, cols]. op 0: (x - mean) / sqrt(variance + epsilon); 1: x / sqrt(mean square +
//           epsilon). Element c of row r takes scale and bias (read only where they are said to be) at
//           (r mod groups) * per_row + c / span.
// Tile      `split` threads share one row: thread l takes elements l, l + split, ...; sums meet in workgroup
//           memory. Nothing is shared where split is 1.
// Rounding  f32 sums in runs of 32 elements; the variance is summed around the mean, in a second pass.
// NaN       goes through its whole row.
import package::common::grid::flat_workgroup;

struct Params {
  rows: u32,
  cols: u32,
  groups: u32,
  per_row: u32,
  span: u32,
  has_scale: u32,
  has_bias: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override split: u32 = 1u;
override op: u32 = 0u;

const run: u32 = 32u;

var<workgroup> gathered: array<f32, wg>;

// The sum over this thread's elements, of x or of its squared distance from `center`.
fn part(base: u32, mine: u32, cols: u32, squared: bool, center: f32) -> f32 {
  var all = 0.0;
  var c = mine;
  while (c < cols) {
    let end = min(c + run * split, cols);
    var some = 0.0;
    for (; c < end; c += split) {
      let d = x[base + c] - center;
      some += select(d, d * d, squared);
    }
    all += some;
  }
  return all;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flat_workgroup(group_id, group_count) * (wg / split) + lane / split;
  let cols = select(0u, params.cols, row < params.rows);
  let base = row * params.cols;
  let mine = lane % split;
  let first = lane - mine;
  var mean = 0.0;
  if (op == 0u) {
    mean = part(base, mine, cols, false, 0.0);
    if (split > 1u) {
      gathered[lane] = mean;
      workgroupBarrier();
      mean = 0.0;
      for (var l = 0u; l < split; l++) {
        mean += gathered[first + l];
      }
      workgroupBarrier();
    }
    mean /= f32(params.cols);
  }
  var variance = part(base, mine, cols, true, mean);
  if (split > 1u) {
    gathered[lane] = variance;
    workgroupBarrier();
    variance = 0.0;
    for (var l = 0u; l < split; l++) {
      variance += gathered[first + l];
    }
  }
  let factor = 1.0 / sqrt(variance / f32(params.cols) + params.epsilon);
  let first_scale = row % params.groups * params.per_row;
  for (var c = mine; c < cols; c += split) {
    let s = first_scale + c / params.span;
    var value = (x[base + c] - mean) * factor;
    if (params.has_scale != 0u) {
      value *= scale[s];
    }
    if (params.has_bias != 0u) {
      value += bias[s];
    }
    y[base + c] = value;
  }
}
