// Packed rows times the transpose of packed rows, summed exactly in integers:
// y[m, n] = activate(bias[n] + dot(a[m], w[n]) * a_scales[m] * w_scales[n]).
//
// Contract  a: `m` and w: `n` rows of `words` words. op 0: four signed bytes a word, the first lowest, padded with 0.
//           op 1: 32 signs a word (1 for +1, 0 for -1), padded with the same bits on both sides; the dot product of k
//           signs is k - 2 popcount(a xor w). Scales are f32; bias is read only with has_bias. y: f32 bits [m, n],
//           or with `raw` the i32 sums alone, the same on every device.
// Tile      A thread owns four columns of `rows` (1 or 4) rows: eight words are loaded for 16 dot products of a word.
// Dot4      uses the language's dot product of four packed bytes; without it bytes are unpacked.
// Overflow  none: k is limited so that sums fit.
import package::common::activation::activate;
import package::common::grid::flat_workgroup;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  words: u32,
  act_a: f32,
  act_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> a_scales: array<f32>;
@group(0) @binding(3) var<storage, read> w: array<u32>;
@group(0) @binding(4) var<storage, read> w_scales: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<u32>;

override wg: u32 = 64u;
override rows: u32 = 4u;
override op: u32 = 0u;
override raw: u32 = 0u;
override has_bias: u32 = 0u;
override activation: u32 = 0u;

// Byte `i` of each word, with its sign.
@if(!dot4) fn byte_of(words: vec4u, i: u32) -> vec4i {
  return bitcast<vec4i>(words << vec4u(24u - 8u * i)) >> vec4u(24u);
}

// One word of a row against one word of each of four columns; of signs, how many differ.
fn dots(left: u32, right: vec4u) -> vec4i {
  if (op == 1u) {
    return vec4i(countOneBits(vec4u(left) ^ right));
  }
  @if(dot4) {
    return vec4i(
      dot4I8Packed(left, right.x), dot4I8Packed(left, right.y),
      dot4I8Packed(left, right.z), dot4I8Packed(left, right.w),
    );
  }
  @if(!dot4) {
    let all = vec4u(left);
    return byte_of(all, 0u) * byte_of(right, 0u) + byte_of(all, 1u) * byte_of(right, 1u)
      + byte_of(all, 2u) * byte_of(right, 2u) + byte_of(all, 3u) * byte_of(right, 3u);
  }
}

fn store(row: u32, col: u32, sum: i32) {
  let total = select(sum, i32(params.k) - 2 * sum, op == 1u);
  let at = row * params.n + col;
  if (raw != 0u) {
    y[at] = bitcast<u32>(total);
    return;
  }
  var value = f32(total) * a_scales[row] * w_scales[col];
  if (has_bias != 0u) {
    value += bias[col];
  }
  y[at] = bitcast<u32>(activate(value, activation, params.act_a, params.act_b));
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = flat_workgroup(workgroup, workgroups);
  let row_tiles = (params.m + rows - 1u) / rows;
  let row = tile % row_tiles * rows;
  let col = (tile / row_tiles * wg + lane) * 4u;
  if (col >= params.n) {
    return;
  }
  let columns = min(vec4u(col) + vec4u(0u, 1u, 2u, 3u), vec4u(params.n - 1u)) * params.words;
  let lines = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(params.m - 1u)) * params.words;
  var s0 = vec4i(0);
  var s1 = vec4i(0);
  var s2 = vec4i(0);
  var s3 = vec4i(0);
  for (var i = 0u; i < params.words; i++) {
    let right = vec4u(w[columns.x + i], w[columns.y + i], w[columns.z + i], w[columns.w + i]);
    s0 += dots(a[lines.x + i], right);
    if (rows > 1u) {
      s1 += dots(a[lines.y + i], right);
      s2 += dots(a[lines.z + i], right);
      s3 += dots(a[lines.w + i], right);
    }
  }
  var sums = array<vec4i, 4>(s0, s1, s2, s3);
  for (var r = 0u; r < min(rows, params.m - row); r++) {
    for (var j = 0u; j < min(4u, params.n - col); j++) {
      store(row + r, col + j, sums[r][j]);
    }
  }
}
