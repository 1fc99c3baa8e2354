// Pools regions of planes, with samples between the elements.
//
// Contract  x: f32 [batch, channels, height, width]; rois: f32 [regions, 4], x and y of either corner; entries: i32
//           [regions], of the batch; y: f32 [regions, channels, rows, columns], `count` elements. A region is scaled,
//           and moved by -shift; without a shift it is at least 1 wide and high. Samples of a bin along a side:
//           `samples`, or, at 0, one for each element, up to 1024. op 0: mean of the samples, 1: greatest of the four
//           weighed neighbours of all samples, as the operator is defined. No side of x is empty.
// Tile      one thread, one output.
// Range     regions of an entry that the batch lacks are 0; samples that lie outside count as 0.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
  batch: u32,
  channels: u32,
  height: u32,
  width: u32,
  rows: u32,
  columns: u32,
  samples: u32,
  scale: f32,
  shift: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> rois: array<f32>;
@group(0) @binding(3) var<storage, read> entries: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override op: u32 = 0u;

const most_samples = 1024u;

struct Neighbours {
  inside: bool,
  low: u32,
  high: u32,
  t: f32,
}

fn neighbours_of(at: f32, side: u32) -> Neighbours {
  let inside = at >= -1.0 && at <= f32(side);
  let place = clamp(at, 0.0, f32(side - 1u));
  let low = min(u32(place), side - 1u);
  return Neighbours(inside, low, min(low + 1u, side - 1u), place - f32(low));
}

fn samples_of(bin: f32) -> u32 {
  if (params.samples > 0u) {
    return params.samples;
  }
  return min(u32(clamp(ceil(bin), 0.0, f32(most_samples))), most_samples);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = flat_workgroup(group_id, group_count) * wg + lane;
  if (item >= params.count) {
    return;
  }
  let column = item % params.columns;
  let row = (item / params.columns) % params.rows;
  let plane = item / (params.columns * params.rows);
  let region = plane / params.channels;
  let entry = entries[region];
  if (entry < 0 || entry >= i32(params.batch)) {
    y[item] = 0.0;
    return;
  }
  let base = (u32(entry) * params.channels + plane % params.channels) * params.height * params.width;
  let start = vec2f(rois[4u * region], rois[4u * region + 1u]) * params.scale - params.shift;
  let end = vec2f(rois[4u * region + 2u], rois[4u * region + 3u]) * params.scale - params.shift;
  var size = end - start;
  if (params.shift == 0.0) {
    size = max(size, vec2f(1.0));
  }
  let bin = size / vec2f(f32(params.columns), f32(params.rows));
  let across = samples_of(bin.x);
  let down = samples_of(bin.y);
  var sum = 0.0;
  var greatest = 0.0;
  for (var j = 0u; j < down; j++) {
    let v = neighbours_of(start.y + f32(row) * bin.y + (f32(j) + 0.5) * bin.y / f32(down), params.height);
    for (var i = 0u; i < across; i++) {
      let h = neighbours_of(start.x + f32(column) * bin.x + (f32(i) + 0.5) * bin.x / f32(across), params.width);
      var terms = vec4f(0.0);
      if (v.inside && h.inside) {
        let upper = base + v.low * params.width;
        let lower = base + v.high * params.width;
        let weights = vec4f((1.0 - v.t) * (1.0 - h.t), (1.0 - v.t) * h.t, v.t * (1.0 - h.t), v.t * h.t);
        terms = weights * vec4f(x[upper + h.low], x[upper + h.high], x[lower + h.low], x[lower + h.high]);
      }
      sum += terms.x + terms.y + terms.z + terms.w;
      let most = max(max(terms.x, terms.y), max(terms.z, terms.w));
      greatest = select(max(greatest, most), most, i == 0u && j == 0u);
    }
  }
  y[item] = select(sum / f32(max(across * down, 1u)), greatest, op == 1u);
}
