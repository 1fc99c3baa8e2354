// Output = input times the transpose of a packed weight, in MatMulNBits form: y[m, n] = sum over k of
// (code[n, k] - zero[n, k / block]) * scale[n, k / block] * x[m, k].
//
// Contract  codes: `rows` rows of blocks * block codes of `bits` bits, the first lowest, each row a whole
//           number of words; scales: f32 [rows, blocks]; zero_points: packed codes, each row starting on a
//           byte, read only with packed_zeros, else `zero` holds for all; x: [batch, cols]; y: [batch, rows].
// Tile      `split` neighbouring threads share one row and walk its words in turn; each carries `tile` (1 or 4)
//           batch entries, so that a word is decoded once for them. Partial sums meet in workgroup memory.
// Rounding  f32 throughout; the order of the sum depends on `split` alone.
// NaN       of x or of a scale goes through to y; padding past `cols` is never read from x.
import package::common::grid::flat_workgroup;

struct Params {
  rows: u32,
  cols: u32,
  batch: u32,
  block: u32,
  blocks: u32,
  bits: u32,
  is_signed: u32,
  packed_zeros: u32,
  zero: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;
@group(0) @binding(3) var<storage, read> zero_points: array<u32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override split: u32 = 1u;
override tile: u32 = 4u;

var<workgroup> gathered: array<vec4f, wg>;

fn code_from(word: u32, bit: u32) -> i32 {
  let field = word >> bit;
  let plain = i32(extractBits(field, 0u, params.bits));
  return select(plain, extractBits(bitcast<i32>(field), 0u, params.bits), params.is_signed != 0u);
}

fn zero_of(row: u32, block: u32) -> i32 {
  if (params.packed_zeros == 0u) {
    return params.zero;
  }
  let row_bytes = (params.blocks * params.bits + 7u) / 8u;
  let bit = row * row_bytes * 8u + block * params.bits;
  return code_from(zero_points[bit >> 5u], bit & 31u);
}

// Element k of the batch entries from `first` on; past the last entry, that one again (never stored).
fn inputs(first: u32, k: u32) -> vec4f {
  if (tile == 1u) {
    return vec4f(x[first * params.cols + k]);
  }
  let entries = min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(params.batch - 1u)) * params.cols + k;
  return vec4f(x[entries.x], x[entries.y], x[entries.z], x[entries.w]);
}

fn row_sum(row: u32, first: u32, lane: u32) -> vec4f {
  let per_word = 32u / params.bits;
  let words = params.blocks * params.block / per_word;
  var sum = vec4f(0.0);
  for (var w = lane; w < words; w += split) {
    let start = w * per_word;
    let block = start / params.block;
    let word = codes[row * words + w];
    let scale = scales[row * params.blocks + block];
    let zero = zero_of(row, block);
    let end = min(per_word, max(params.cols, start) - start);
    for (var j = 0u; j < end; j++) {
      sum += f32(code_from(word, j * params.bits) - zero) * scale * inputs(first, start + j);
    }
  }
  return sum;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let unit = flat_workgroup(workgroup, workgroups) * (wg / split) + lane / split;
  let row = unit % params.rows;
  let first = unit / params.rows * tile;
  let alive = first < params.batch;
  var sum = vec4f(0.0);
  if (alive) {
    sum = row_sum(row, first, lane % split);
  }
  if (split > 1u) {
    gathered[lane] = sum;
    workgroupBarrier();
    if (lane % split == 0u) {
      for (var other = 1u; other < split; other++) {
        sum += gathered[lane + other];
      }
    }
  }
  if (alive && lane % split == 0u) {
    for (var t = 0u; t < min(tile, params.batch - first); t++) {
      y[(first + t) * params.rows + row] = sum[t];
    }
  }
}
