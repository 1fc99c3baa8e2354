// Batched product of f32 matrices: Y = activate(alpha * op(A) op(B) + beta * bias), as ONNX's MatMul and Gemm have it.
//
// Contract  op(A): [m, k] of each batch entry, held as [m, k] or, with trans_a, [k, m]; op(B): [k, n], held so or,
//           with trans_b, as [n, k]. Batch entries are counted over four dimensions, of which A, B and the bias each
//           have a stride in elements (0 repeats the matrix); bias also has one for rows and one for columns.
//           y: [batch, m, n].
// Tile      A thread owns four columns of `rows` rows; the lanes of a workgroup lie along the columns. Four steps of
//           k at a time: four quads of B (one 4x4 matrix) meet each 4x4 piece of A. All lanes need the same piece of
//           A; with subgroups of `share` (4 or 8) lanes or more each lane loads a line and the lanes broadcast,
//           since software adapters pay for every element that a lane loads.
// Wide      loads quads as one vec4f: k and n (and m with trans_a), and all strides and offsets, divisible by 4.
// Rounding  f32 throughout, products of four steps summed before they are added to the sum.
// NaN       goes through; what lies past an edge counts as zero on both sides.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;

@if(subgroups) enable subgroups;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  batch: u32,
  dim1: u32,
  dim2: u32,
  dim3: u32,
  a_stride0: u32,
  a_stride1: u32,
  a_stride2: u32,
  a_stride3: u32,
  b_stride0: u32,
  b_stride1: u32,
  b_stride2: u32,
  b_stride3: u32,
  bias_stride0: u32,
  bias_stride1: u32,
  bias_stride2: u32,
  bias_stride3: u32,
  y_stride0: u32,
  y_stride1: u32,
  y_stride2: u32,
  y_stride3: u32,
  a_line: u32,
  b_line: u32,
  y_line: u32,
  bias_row: u32,
  bias_col: u32,
  alpha: f32,
  beta: f32,
  act_a: f32,
  act_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(wide) @group(0) @binding(1) var<storage, read> a: array<vec4f>;
@if(!wide) @group(0) @binding(1) var<storage, read> a: array<f32>;
@if(wide) @group(0) @binding(2) var<storage, read> b: array<vec4f>;
@if(!wide) @group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@if(wide) @group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@if(!wide) @group(0) @binding(4) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override rows: u32 = 8u;
override share: u32 = 4u;
override trans_a: u32 = 0u;
override trans_b: u32 = 0u;
override has_bias: u32 = 0u;
override activation: u32 = 0u;

fn batch_offset(batch: u32, s0: u32, s1: u32, s2: u32, s3: u32) -> u32 {
  let i3 = batch % params.dim3;
  let r2 = batch / params.dim3;
  let i2 = r2 % params.dim2;
  let r1 = r2 / params.dim2;
  return r1 / params.dim1 * s0 + r1 % params.dim1 * s1 + i2 * s2 + i3 * s3;
}

// Four elements of A from `at` on, of which `left` lie inside.
@if(wide) fn quad_a(at: u32, left: u32) -> vec4f {
  return a[at >> 2u];
}

@if(!wide) fn quad_a(at: u32, left: u32) -> vec4f {
  let safe = vec4u(at) + min(vec4u(0u, 1u, 2u, 3u), vec4u(max(left, 1u) - 1u));
  let values = vec4f(a[safe.x], a[safe.y], a[safe.z], a[safe.w]);
  return select(vec4f(0.0), values, vec4u(0u, 1u, 2u, 3u) < vec4u(left));
}

@if(wide) fn quad_b(at: u32, left: u32) -> vec4f {
  return b[at >> 2u];
}

@if(!wide) fn quad_b(at: u32, left: u32) -> vec4f {
  let safe = vec4u(at) + min(vec4u(0u, 1u, 2u, 3u), vec4u(max(left, 1u) - 1u));
  let values = vec4f(b[safe.x], b[safe.y], b[safe.z], b[safe.w]);
  return select(vec4f(0.0), values, vec4u(0u, 1u, 2u, 3u) < vec4u(left));
}

// Line `i` of the 4x4 piece of A at (row, k): row + i along k, or with trans_a k + i along the rows.
fn line_a(base: u32, row: u32, k: u32, i: u32) -> vec4f {
  if (trans_a != 0u) {
    let start = min(row, params.m - 1u);
    let inside = select(0u, params.m - start, k + i < params.k);
    return quad_a(base + min(k + i, params.k - 1u) * params.a_line + start, inside);
  }
  return quad_a(base + min(row + i, params.m - 1u) * params.a_line + k, params.k - k);
}

// Four lines as a piece of A, a column of the result for each row.
fn turned(lines: mat4x4f) -> mat4x4f {
  if (trans_a != 0u) {
    return transpose(lines);
  }
  return lines;
}

@if(!subgroups)
fn piece_a(base: u32, row: u32, k: u32) -> mat4x4f {
  return turned(mat4x4f(
    line_a(base, row, k, 0u), line_a(base, row, k, 1u), line_a(base, row, k, 2u), line_a(base, row, k, 3u),
  ));
}

@if(subgroups)
fn low_lanes(own: vec4f) -> mat4x4f {
  return turned(mat4x4f(
    subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u),
  ));
}

@if(subgroups)
fn high_lanes(own: vec4f) -> mat4x4f {
  return turned(mat4x4f(
    subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u),
  ));
}

struct Pair {
  low: mat4x4f,
  high: mat4x4f,
}

// The pieces of A at (row, k) and (row + 4, k); the second only with more than four rows a tile.
fn pieces_a(base: u32, row: u32, k: u32, lane: u32) -> Pair {
  var pair: Pair;
  @if(subgroups) {
    let own = line_a(base, row + (lane & (share - 4u)), k, lane & 3u);
    pair.low = low_lanes(own);
    if (rows > 4u) {
      if (share == 8u) {
        pair.high = high_lanes(own);
      } else {
        pair.high = low_lanes(line_a(base, row + 4u, k, lane & 3u));
      }
    }
  }
  @if(!subgroups) {
    pair.low = piece_a(base, row, k);
    if (rows > 4u) {
      pair.high = piece_a(base, row + 4u, k);
    }
  }
  return pair;
}

// The piece of B at (k, col), a column of the result for each step of k.
fn piece_b(base: u32, k: u32, col: u32) -> mat4x4f {
  if (trans_b != 0u) {
    let at = base + k;
    let left = params.k - k;
    let last = params.n - 1u;
    return transpose(mat4x4f(
      quad_b(at + min(col, last) * params.b_line, left),
      quad_b(at + min(col + 1u, last) * params.b_line, left),
      quad_b(at + min(col + 2u, last) * params.b_line, left),
      quad_b(at + min(col + 3u, last) * params.b_line, left),
    ));
  }
  let at = base + k * params.b_line + col;
  let left = params.n - col;
  let steps = params.k - k;
  return mat4x4f(
    quad_b(at, left),
    quad_b(at + select(0u, params.b_line, steps > 1u), select(0u, left, steps > 1u)),
    quad_b(at + select(0u, 2u * params.b_line, steps > 2u), select(0u, left, steps > 2u)),
    quad_b(at + select(0u, 3u * params.b_line, steps > 3u), select(0u, left, steps > 3u)),
  );
}

fn finish(sum: f32, bias_at: u32) -> f32 {
  var value = params.alpha * sum;
  if (has_bias != 0u) {
    value += params.beta * bias[bias_at];
  }
  return activate(value, activation, params.act_a, params.act_b);
}

// Stores one row's quad. Loops, since unrolled for every element it would be most of the shader.
fn store(batch: u32, row: u32, col: u32, sums: vec4f) {
  var bias_at = 0u;
  if (has_bias != 0u) {
    bias_at = row * params.bias_row + col * params.bias_col
      + batch_offset(batch, params.bias_stride0, params.bias_stride1, params.bias_stride2, params.bias_stride3);
  }
  let at = row * params.y_line + col
    + batch_offset(batch, params.y_stride0, params.y_stride1, params.y_stride2, params.y_stride3);
  var values = sums;
  for (var j = 0u; j < min(4u, params.n - col); j++) {
    values[j] = finish(values[j], bias_at + j * params.bias_col);
    @if(!wide) {
      y[at + j] = values[j];
    }
  }
  @if(wide) {
    y[at >> 2u] = values;
  }
}

@if(subgroups)
@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  multiply(flat_workgroup(workgroup, workgroups), lane, subgroup_lane);
}

@if(!subgroups)
@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  multiply(flat_workgroup(workgroup, workgroups), lane, lane);
}

// One workgroup's tile; the row tiles of one stretch of columns follow each other, so that B stays in the cache.
fn multiply(tile: u32, lane: u32, subgroup_lane: u32) {
  let row_tiles = (params.m + rows - 1u) / rows;
  let col_tiles = (params.n + 4u * wg - 1u) / (4u * wg);
  let row = tile % row_tiles * rows;
  let rest = tile / row_tiles;
  let batch = rest / col_tiles;
  if (batch >= params.batch) {
    return;
  }
  // Lanes past the last column compute it again: all must be there to broadcast.
  let own_col = (rest % col_tiles * wg + lane) * 4u;
  let col = min(own_col, (params.n - 1u) / 4u * 4u);
  let a_base = batch_offset(batch, params.a_stride0, params.a_stride1, params.a_stride2, params.a_stride3);
  let b_base = batch_offset(batch, params.b_stride0, params.b_stride1, params.b_stride2, params.b_stride3);
  var c0 = mat4x4f();
  var c1 = mat4x4f();
  var c2 = mat4x4f();
  var c3 = mat4x4f();
  for (var k = 0u; k < params.k; k += 4u) {
    let right = piece_b(b_base, k, col);
    if (rows == 1u) {
      c0[0] += right * line_a(a_base, 0u, k, 0u);
      continue;
    }
    let first_eight = pieces_a(a_base, row, k, subgroup_lane);
    c0 += right * first_eight.low;
    if (rows > 4u) {
      c1 += right * first_eight.high;
    }
    if (rows > 8u) {
      let last_eight = pieces_a(a_base, row + 8u, k, subgroup_lane);
      c2 += right * last_eight.low;
      c3 += right * last_eight.high;
    }
  }
  if (own_col >= params.n) {
    return;
  }
  var sums = array<vec4f, 16>(
    c0[0], c0[1], c0[2], c0[3], c1[0], c1[1], c1[2], c1[3],
    c2[0], c2[1], c2[2], c2[3], c3[0], c3[1], c3[2], c3[3],
  );
  for (var r = 0u; r < min(rows, params.m - row); r++) {
    store(batch, row + r, col, sums[r]);
  }
}
