// Samples planes at the points of a grid, by interpolation.
//
// Contract  x: f32 [batch, channels, depth, height, width]; grid: f32 [batch, points, dims], dims 2 (x, y; depth 1) or
//           3 (x, y, z), in [-1, 1] over the extent of x; y: f32 [batch, channels, points], `count` elements.
//           mode 0: nearest (half to even), 1: linear, 2: cubic (-0.75); padding 0: zeros, 1: border, 2: reflection;
//           align 1: -1 and 1 are the centres of the outer elements, 0: their outer edges. No side of x is empty.
// Tile      one thread, one output.
// Range     coordinates are limited to 2^23, and to 2^23 elements, either way, and NaN counts as the least, before any
//           becomes an integer; then each tap is brought into its side or left out.
import package::common::grid::flat_workgroup;
import package::common::math::is_nan_bits;

struct Params {
  count: u32,
  channels: u32,
  points: u32,
  depth: u32,
  height: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> grid: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override dims: u32 = 2u;
override mode: u32 = 0u;
override padding: u32 = 0u;
override align: u32 = 0u;

const farthest = 8388608.0;
const bend = -0.75;

struct Taps {
  first: i32,
  weights: vec4f,
}

fn far_weight(t: f32) -> f32 {
  return ((bend * t - 5.0 * bend) * t + 8.0 * bend) * t - 4.0 * bend;
}

fn near_weight(t: f32) -> f32 {
  return ((bend + 2.0) * t - (bend + 3.0)) * t * t + 1.0;
}

fn taps_at(given: f32, side: u32) -> Taps {
  let size = f32(side);
  var place = -farthest;
  if (!is_nan_bits(bitcast<u32>(given))) {
    place = clamp(given, -farthest, farthest);
  }
  var at = ((place + 1.0) * size - 1.0) * 0.5;
  if (align == 1u) {
    at = (place + 1.0) * 0.5 * (size - 1.0);
  }
  at = clamp(at, -farthest, farthest);
  if (mode == 0u) {
    return Taps(i32(round(at)), vec4f(1.0, 0.0, 0.0, 0.0));
  }
  let low = floor(at);
  let t = at - low;
  if (mode == 1u) {
    return Taps(i32(low), vec4f(1.0 - t, t, 0.0, 0.0));
  }
  return Taps(i32(low) - 1, vec4f(far_weight(t + 1.0), near_weight(t), near_weight(1.0 - t), far_weight(2.0 - t)));
}

// The element that a tap stands for, or -1.
fn place_of(tap: i32, side: u32) -> i32 {
  let size = i32(side);
  if (tap >= 0 && tap < size) {
    return tap;
  }
  if (padding == 0u) {
    return -1;
  }
  if (padding == 1u) {
    return clamp(tap, 0, size - 1);
  }
  let period = select(2 * size, max(2 * size - 2, 1), align == 1u);
  var turned = tap % period;
  if (turned < 0) {
    turned += period;
  }
  if (turned >= size) {
    turned = period - turned - select(1, 0, align == 1u);
  }
  return clamp(turned, 0, size - 1);
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
  let plane = item / params.points;
  let point = (plane / params.channels) * params.points + item % params.points;
  let across = 1u << mode;
  var along_x = taps_at(grid[point * dims], params.width);
  var along_y = taps_at(grid[point * dims + 1u], params.height);
  var along_z = Taps(0, vec4f(1.0, 0.0, 0.0, 0.0));
  var deep = 1u;
  if (dims == 3u) {
    along_z = taps_at(grid[point * dims + dims - 1u], params.depth);
    deep = across;
  }
  var sum = 0.0;
  for (var k = 0u; k < deep; k++) {
    let z = place_of(along_z.first + i32(k), params.depth);
    if (z < 0) {
      continue;
    }
    for (var j = 0u; j < across; j++) {
      let row = place_of(along_y.first + i32(j), params.height);
      if (row < 0) {
        continue;
      }
      let base = ((plane * params.depth + u32(z)) * params.height + u32(row)) * params.width;
      let weight = along_z.weights[k] * along_y.weights[j];
      for (var i = 0u; i < across; i++) {
        let column = place_of(along_x.first + i32(i), params.width);
        if (column >= 0) {
          sum += weight * along_x.weights[i] * x[base + u32(column)];
        }
      }
    }
  }
  y[item] = sum;
}
