// Affine codes, scale and zero point of blocks of 16 to 1024 elements (a multiple of 16) in one pass, one
// thread a block. The same bytes as group-range, affine-scale and affine-encode one after another.
//
// Contract  source: f32 [outer, dim, inner] cut along dim into blocks. Codes in the rows layout
//           [outer * inner, blocks * block], a short last block padded with the zero point's code; or, with
//           inner = 1 and rows of whole words, in natural order (`row_words` words a row either way).
//           scales, zero_points: one per block in the order of the rows.
// Tile      a thread keeps the first 32 elements in registers and reads the rest again to encode.
//           Neighbouring threads are neighbours along inner first, then along dim. The condition `quads`
//           is for inner = 1 and rows of whole vec4s: a thread reads vec4s.
// Tie rule  `rounding` of common/exact.wgsl. Four codes at a time go a fixed-point way; a run of 16 with
//           one near a tie is done again exactly, in a loop since software adapters skip loops, not ifs.
// NaN rule  NaN and infinity count as 0.
import package::common::affine::{affine_code, affine_quad, affine_scale, affine_zero_point, quad_rule, QuadRule};
import package::common::grid::flat_workgroup;

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  // Words of codes per row.
  row_words: u32,
  // The same as the override.
  bits: u32,
  is_signed: u32,
  scheme: u32,
  rounding: u32,
  half_scales: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(quads) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> zero_points: array<i32>;

override wg: u32 = 64u;
override bits: u32 = 4u;

// Where this thread's block starts in the source, and how many elements of it there are.
var<private> base: u32;
var<private> count: u32;

fn finite(elements: vec4u) -> vec4u {
  let kept = (elements & vec4u(0x7f800000u)) - 0x00800000u < vec4u(0x7f000000u);
  return select(vec4u(0u), elements, kept);
}

// Elements 4 * index to 4 * index + 3 of the block; 0 beyond its end and for what is not a normal number.
fn quad_at(index: u32) -> vec4u {
  @if(quads) {
    return finite(select(vec4u(0u), source[base / 4u + index], index * 4u < count));
  }
  @else {
    let first = index * 4u;
    let at = base + first * params.inner;
    let elements = vec4u(
      source[at],
      source[at + params.inner],
      source[at + 2u * params.inner],
      source[at + 3u * params.inner],
    );
    return finite(select(vec4u(0u), elements, first + vec4u(0u, 1u, 2u, 3u) < vec4u(count)));
  }
}

struct Extremes {
  // Largest of the bits as i32: the largest element where one is positive.
  high: vec4i,
  // Largest of the bits as u32: the lowest element where one is negative.
  low: vec4u,
}

fn widen(e: Extremes, elements: vec4u) -> Extremes {
  return Extremes(max(e.high, bitcast<vec4i>(elements)), max(e.low, elements));
}

fn store(word: u32, value: u32, end: u32) {
  if (word < end) {
    codes[word] = value;
  }
}

// Codes of 16 elements to their 1, 2 or 4 words; returns whether one of them is in doubt.
fn encode_run(a: vec4u, b: vec4u, c: vec4u, d: vec4u, rule: QuadRule, word: u32, end: u32) -> bool {
  let qa = affine_quad(a, rule, bits);
  let qb = affine_quad(b, rule, bits);
  let qc = affine_quad(c, rule, bits);
  let qd = affine_quad(d, rule, bits);
  if (bits == 2u) {
    store(word, (qa.codes | (qb.codes << 8u)) | ((qc.codes << 16u) | (qd.codes << 24u)), end);
  } else if (bits == 4u) {
    store(word, qa.codes | (qb.codes << 16u), end);
    store(word + 1u, qc.codes | (qd.codes << 16u), end);
  } else {
    store(word, qa.codes, end);
    store(word + 1u, qb.codes, end);
    store(word + 2u, qc.codes, end);
    store(word + 3u, qd.codes, end);
  }
  return (qa.doubt || qb.doubt) || (qc.doubt || qd.doubt);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroups) * wg + lane;
  if (thread >= params.outer * params.blocks * params.inner) {
    return;
  }
  // Threads run along inner first, then along blocks.
  let across = thread / params.inner;
  let i = thread - across * params.inner;
  let o = across / params.blocks;
  let b = across - o * params.blocks;
  let first = b * params.block;
  count = min(params.block, params.dim - first);
  base = (o * params.dim + first) * params.inner + i;
  let quads = params.block / 4u;

  let v0 = quad_at(0u);
  let v1 = quad_at(1u);
  let v2 = quad_at(2u);
  let v3 = quad_at(3u);
  var v4 = vec4u(0u);
  var v5 = vec4u(0u);
  var v6 = vec4u(0u);
  var v7 = vec4u(0u);
  if (quads > 4u) {
    v4 = quad_at(4u);
    v5 = quad_at(5u);
    v6 = quad_at(6u);
    v7 = quad_at(7u);
  }
  var e = Extremes(vec4i(0), vec4u(0x80000000u));
  e = widen(widen(widen(widen(e, v0), v1), v2), v3);
  e = widen(widen(widen(widen(e, v4), v5), v6), v7);
  for (var q = 8u; q < quads; q++) {
    e = widen(e, quad_at(q));
  }
  let hi = bitcast<f32>(max(max(e.high.x, e.high.y), max(e.high.z, e.high.w)));
  let lo = bitcast<f32>(max(max(e.low.x, e.low.y), max(e.low.z, e.low.w)));

  let scale = affine_scale(lo, hi, bits, params.scheme, params.half_scales);
  let zero = affine_zero_point(lo, scale, bits, params.is_signed, params.scheme, params.rounding);
  let inverse = 1.0 / scale;
  let row = o * params.inner + i;
  scales[row * params.blocks + b] = scale;
  zero_points[row * params.blocks + b] = zero;

  let rule = quad_rule(inverse, zero, bits, params.is_signed);
  let run_words = bits / 2u;
  let word = row * params.row_words + b * (params.block / 16u) * run_words;
  let end = min((row + 1u) * params.row_words, word + (params.block / 16u) * run_words);
  // Runs in doubt, a bit each.
  var doubtful = vec2u(0u);
  doubtful.x = u32(encode_run(v0, v1, v2, v3, rule, word, end));
  doubtful.x |= u32(encode_run(v4, v5, v6, v7, rule, word + run_words, end)) << 1u;
  for (var q = 8u; q < quads; q += 4u) {
    let doubt = encode_run(quad_at(q), quad_at(q + 1u), quad_at(q + 2u), quad_at(q + 3u), rule, word + q / 4u * run_words, end);
    let bit = u32(doubt) << ((q / 4u) & 31u);
    if (q < 128u) {
      doubtful.x |= bit;
    } else {
      doubtful.y |= bit;
    }
  }
  while ((doubtful.x | doubtful.y) != 0u) {
    let run = select(firstTrailingBit(doubtful.x), 32u + firstTrailingBit(doubtful.y), doubtful.x == 0u);
    if (doubtful.x != 0u) {
      doubtful.x &= doubtful.x - 1u;
    } else {
      doubtful.y &= doubtful.y - 1u;
    }
    var filled = 0u;
    var bit = 0u;
    var at = word + run * run_words;
    for (var k = 0u; k < 16u; k++) {
      let x = bitcast<f32>(quad_at(run * 4u + k / 4u)[k % 4u]);
      filled |= affine_code(x, scale, inverse, zero, bits, params.is_signed, params.rounding) << bit;
      bit += bits;
      if (bit == 32u) {
        store(at, filled, end);
        at++;
        bit = 0u;
        filled = 0u;
      }
    }
  }
}
