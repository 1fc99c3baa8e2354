// Affine codes, scale and zero point of blocks of 16 to 1024 elements (a multiple of 16) in one pass. The same
// bytes as group-range, affine-scale and affine-encode one after another. With `given` on, scales and zero points
// are inputs, as affine-encode has them. One long file, since its forms, along rows and across columns, must keep one
// contract, one fixed-point code and one test of doubt.
//
// Contract  source: f32 [outer, dim, inner] cut along dim into blocks. Codes in the rows layout
//           [outer * inner, blocks * block], a short last block padded with the zero point's code; or, with
//           inner = 1 and rows of whole words, in natural order (`row_words` words a row either way).
//           scales, zero_points: one per block in the order of the rows.
// Tile      one thread, `span` blocks, `wg` apart. It reads a block twice, the second time from cache, 16
//           elements at a time to encode.
//           Neighbouring blocks are neighbours along inner first, then along dim. The condition `quads`
//           is for inner = 1 and rows of whole vec4s: a thread reads vec4s. With `held` besides, for whole
//           blocks of 32 one after another in source and codes, it reads its block once, into registers. `columns` is
//           for inner a multiple of 4 and blocks of at most 128: a thread takes a block of four neighbouring columns
//           and reads vec4s across them, a lane each.
// Tie rule  `rounding` of common/exact.wgsl. Four codes at a time go a fixed-point way; a run of 16 with
//           one near a tie is done again exactly, after all of the thread's blocks.
// NaN rule  NaN and infinity count as 0. A block that holds one, or is short, takes the exact way too.
//
// Odd parts: software adapters run an if on all lanes and a loop at least once, and shift lanes one by
// one. So codes are moved by products, rare work sits in loops whose body is one element, and what a
// format fixes is an override. Over 400 lines, since all variants must write the same bytes by the same rule.
import package::common::affine::{affine_scale, affine_zero_point, lowest_code};
import package::common::exact::{flush_bits, settle};
import package::common::grid::flat_workgroup;

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  // Words of codes per row.
  row_words: u32,
  // Blocks of a thread; more than one only where all their runs of 16 elements are at most 32.
  span: u32,
  // The same as the overrides of these names.
  bits: u32,
  is_signed: u32,
  scheme: u32,
  rounding: u32,
  half_scales: u32,
  given: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(quads || columns) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> zero_points: array<i32>;

override wg: u32 = 64u;
override bits: u32 = 4u;
override scheme: u32 = 0u;
override half_scales: u32 = 0u;
override given: u32 = 0u;

// Where the block at hand starts in the source, and the last element of it that there is; its group, its first
// word of codes and the end of its words.
var<private> base: u32;
var<private> last: u32;
var<private> group: u32;
var<private> word: u32;
var<private> end: u32;

@if(!columns) fn element_at(index: u32) -> u32 {
  @if(quads) {
    return source[(base + index) / 4u][index % 4u];
  }
  @else {
    return source[base + index * params.inner];
  }
}

// Elements 4 * index to 4 * index + 3 of the block; what lies beyond its end repeats elements of it.
@if(!columns) fn quad_at(index: u32) -> vec4u {
  @if(quads) {
    return source[base / 4u + min(index, last / 4u)];
  }
  @else {
    let at = base + min(index * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * params.inner;
    return vec4u(source[at.x], source[at.y], source[at.z], source[at.w]);
  }
}

struct Extremes {
  // Largest of the bits as i32: the highest element where one is positive.
  high: vec4i,
  // Largest of the bits as u32: the lowest element where one is negative.
  low: vec4u,
}

fn widen(e: Extremes, elements: vec4u) -> Extremes {
  return Extremes(max(e.high, bitcast<vec4i>(elements)), max(e.low, elements));
}

// What codes are made with; the same for a whole block.
struct QuadRule {
  inverse: f32,
  // Zero point + 0.5 + 2 units + a power of two that leaves `fraction` bits behind the integer.
  bias: f32,
  // Bits of the lowest and of the highest code on that scale.
  low: i32,
  high: i32,
}

fn quad_rule(inverse: f32, zero: i32) -> QuadRule {
  let origin = select(192.500030517578125, 1536.500244140625, bits > 4u);
  let low = f32(lowest_code(bits, params.is_signed)) + origin;
  return QuadRule(inverse, f32(zero) + origin, bitcast<i32>(low), bitcast<i32>(low + f32((1 << bits) - 1)));
}

struct Quad {
  // Codes from bit `fraction` up: four of 2 or 4 bits; of 8 bits the first two, the others in `upper`.
  codes: u32,
  upper: u32,
  // How near the nearest of the four lies to a half-integer; at most 4 means doubt.
  nearest: u32,
}

// Four codes at once, in fixed point: y = x * inverse + bias has 16 (13 for 8-bit codes) fraction bits.
// |y - (x / s + bias)| is below 2 units of the last of them: half a unit (one, were sums cut off) from the
// sum, and at most 10 * 3 * 2^-23 (256 * 3 * 2^-23), a quarter (0.75) of a unit, from the product with
// an inverse good to 2.5 ulp; beyond the code range it only grows where the code is cut anyway. So outside 2 units of a half-integer the code is right by any tie rule.
// The bias holds those 2 units: what they carry over an integer is in doubt and made again.
// Subnormals need no flush: on the scale of any block, 2^-120 or more, they are 0.
@if(!columns) fn encode_quad(elements: vec4u, rule: QuadRule) -> Quad {
  let fraction = select(16u, 13u, bits > 4u);
  // Cut to the code range as integers, whose order is that of these floats: no NaN to look after.
  let sum = bitcast<vec4i>(bitcast<vec4f>(elements) * rule.inverse + rule.bias);
  let fixed = bitcast<vec4u>(clamp(sum, vec4i(rule.low), vec4i(rule.high)));
  let near = fixed & vec4u((1u << fraction) - 1u);
  let nearest = min(min(near.x, near.y), min(near.z, near.w));
  let fields = fixed & vec4u(((1u << bits) - 1u) << fraction);
  let pair = fields.xz + fields.yw * (1u << bits);
  if (bits == 8u) {
    return Quad(pair.x, pair.y, nearest);
  }
  return Quad(pair.x + pair.y * (1u << (2u * bits)), 0u, nearest);
}

@if(!columns) fn store(at: u32, value: u32) {
  @if(held) {
    codes[at] = value;
  }
  @else {
    if (at < end) {
      codes[at] = value;
    }
  }
}

// Codes of 16 elements to their 1, 2 or 4 words; returns whether one of them is in doubt.
@if(!columns) fn encode_run(a: vec4u, b: vec4u, c: vec4u, d: vec4u, rule: QuadRule, at: u32) -> bool {
  let qa = encode_quad(a, rule);
  let qb = encode_quad(b, rule);
  let qc = encode_quad(c, rule);
  let qd = encode_quad(d, rule);
  if (bits == 2u) {
    store(at, ((qa.codes + qb.codes * 256u) >> 16u) + (qc.codes + qd.codes * 256u));
  } else if (bits == 4u) {
    store(at, (qa.codes >> 16u) + qb.codes);
    store(at + 1u, (qc.codes >> 16u) + qd.codes);
  } else {
    store(at, (qa.codes >> 13u) + qa.upper * 8u);
    store(at + 1u, (qb.codes >> 13u) + qb.upper * 8u);
    store(at + 2u, (qc.codes >> 13u) + qc.upper * 8u);
    store(at + 3u, (qd.codes >> 13u) + qd.upper * 8u);
  }
  return min(min(qa.nearest, qb.nearest), min(qc.nearest, qd.nearest)) <= 4u;
}

@if(!columns) fn blocks_in_all() -> u32 {
  return params.outer * params.blocks * params.inner;
}

@if(!columns) fn go_to(block: u32) {
  let run_words = bits / 2u;
  @if(held) {
    base = block * 32u;
    last = 31u;
    group = block;
    word = block * 2u * run_words;
    end = word + 2u * run_words;
  }
  @else {
    var across = block;
    var i = 0u;
    @if(!quads) {
      across = block / params.inner;
      i = block - across * params.inner;
    }
    let o = across / params.blocks;
    let b = across - o * params.blocks;
    let first = b * params.block;
    last = min(params.block, params.dim - first) - 1u;
    base = (o * params.dim + first) * params.inner + i;
    let row = o * params.inner + i;
    group = row * params.blocks + b;
    word = row * params.row_words + (first / 16u) * run_words;
    end = min((row + 1u) * params.row_words, word + (params.block / 16u) * run_words);
  }
}

// Writes what belongs to the block at hand; returns which of its runs are to be done exactly, a bit each.
@if(!columns) fn encode_block() -> vec2u {
  var e = Extremes(vec4i(0), vec4u(0x80000000u));
  @if(held) let q0 = source[group * 8u];
  @if(held) let q1 = source[group * 8u + 1u];
  @if(held) let q2 = source[group * 8u + 2u];
  @if(held) let q3 = source[group * 8u + 3u];
  @if(held) let q4 = source[group * 8u + 4u];
  @if(held) let q5 = source[group * 8u + 5u];
  @if(held) let q6 = source[group * 8u + 6u];
  @if(held) let q7 = source[group * 8u + 7u];
  @if(held) {
    e = widen(widen(widen(widen(e, q0), q1), q2), q3);
    e = widen(widen(widen(widen(e, q4), q5), q6), q7);
  }
  @else {
    for (var q = 0u; q < params.block / 4u; q++) {
      e = widen(e, quad_at(q));
    }
  }
  var high = max(max(e.high.x, e.high.y), max(e.high.z, e.high.w));
  var low = max(max(e.low.x, e.low.y), max(e.low.z, e.low.w));
  // All runs where something is not finite, those of a short block's end.
  var doubtful = vec2u(0u);
  let broken = high >= 0x7f800000 || low >= 0xff800000u;
  for (var k = 0u; broken && k <= last; k++) {
    if (k == 0u) {
      high = 0;
      low = 0x80000000u;
      doubtful = vec2u(0xffffffffu);
    }
    let element = bitcast<u32>(flush_bits(element_at(k)));
    high = max(high, bitcast<i32>(element));
    low = max(low, element);
  }

  var scale: f32;
  var zero: i32;
  if (given == 1u) {
    scale = scales[group];
    zero = zero_points[group];
  } else {
    scale = affine_scale(bitcast<f32>(low), bitcast<f32>(high), bits, scheme, half_scales);
    zero = affine_zero_point(bitcast<f32>(low), scale, bits, params.is_signed, scheme, params.rounding);
    scales[group] = scale;
    zero_points[group] = zero;
  }

  let rule = quad_rule(1.0 / scale, zero);
  let run_words = bits / 2u;
  @if(held) {
    doubtful.x |= u32(encode_run(q0, q1, q2, q3, rule, word));
    doubtful.x |= u32(encode_run(q4, q5, q6, q7, rule, word + run_words)) * 2u;
  }
  @else {
    let runs = params.block / 16u;
    for (var run = (last + 1u) / 16u; run < runs; run++) {
      doubtful |= run_bit(run);
    }
    for (var run = 0u; run < runs; run++) {
      let q = run * 4u;
      if (encode_run(quad_at(q), quad_at(q + 1u), quad_at(q + 2u), quad_at(q + 3u), rule, word + run * run_words)) {
        doubtful |= run_bit(run);
      }
    }
  }
  return doubtful;
}

@if(!columns) fn run_bit(run: u32) -> vec2u {
  let bit = 1u << (run & 31u);
  return select(vec2u(0u, bit), vec2u(bit, 0u), run < 32u);
}

// Four blocks side by side, a lane each: blocks `b` of rows `row` to `row + 3` (the rows of the codes).
@if(columns) fn encode_columns(unit: u32) {
  let strips = params.inner / 4u;
  let across = unit / strips;
  let o = across / params.blocks;
  let b = across - o * params.blocks;
  let row = o * params.inner + (unit - across * strips) * 4u;
  let first = b * params.block;
  let here = (o * params.dim + first) * strips + unit - across * strips;
  let after = min(params.block, params.dim - first);
  let groups = (row + vec4u(0u, 1u, 2u, 3u)) * params.blocks + b;
  let words = (row + vec4u(0u, 1u, 2u, 3u)) * params.row_words + (first / 16u) * (bits / 2u);
  let runs = params.block / 16u;
  let lowest = lowest_code(bits, params.is_signed);
  // Runs of lanes to be done exactly: bit 4 * run + lane.
  var marks = 0u;

  var e = Extremes(vec4i(0), vec4u(0x80000000u));
  for (var k = 0u; k < after; k++) {
    e = widen(e, source[here + k * strips]);
  }
  for (var broken = any(e.high >= vec4i(0x7f800000)) || any(e.low >= vec4u(0xff800000u)); broken; broken = false) {
    marks = 0xffffffffu;
    e = Extremes(vec4i(0), vec4u(0x80000000u));
    for (var k = 0u; k < after; k++) {
      let elements = source[here + k * strips];
      let normal = (elements & vec4u(0x7f800000u)) - 0x00800000u < vec4u(0x7f000000u);
      e = widen(e, select(vec4u(0u), elements, normal));
    }
  }
  var scale = vec4f(1.0);
  var zero = vec4i(0);
  if (given == 1u) {
    scale = vec4f(scales[groups.x], scales[groups.y], scales[groups.z], scales[groups.w]);
    zero = vec4i(zero_points[groups.x], zero_points[groups.y], zero_points[groups.z], zero_points[groups.w]);
  } else {
    var low = bitcast<vec4f>(e.low);
    var high = bitcast<vec4f>(e.high);
    // The lanes in turn come to the front.
    for (var turn = 0u; turn < 4u; turn++) {
      let s = affine_scale(low.x, high.x, bits, scheme, half_scales);
      zero = vec4i(zero.yzw, affine_zero_point(low.x, s, bits, params.is_signed, scheme, params.rounding));
      scale = vec4f(scale.yzw, s);
      low = low.yzwx;
      high = high.yzwx;
      scales[groups[turn]] = s;
      zero_points[groups[turn]] = zero.w;
    }
  }

  let inverse = 1.0 / scale;
  let origin = select(192.500030517578125, 1536.500244140625, bits > 4u);
  let fraction = select(16u, 13u, bits > 4u);
  let bias = vec4f(zero) + origin;
  let floor_bits = bitcast<i32>(f32(lowest) + origin);
  let ceiling_bits = bitcast<i32>(f32(lowest + (1 << bits) - 1) + origin);
  for (var run = 0u; run < runs; run++) {
    var nearest = vec4u(0xffffffffu);
    for (var w = 0u; w < bits / 2u; w++) {
      var filled = vec4u(0u);
      for (var k = 0u; k < 32u / bits; k++) {
        let elements = source[here + min(run * 16u + w * (32u / bits) + k, after - 1u) * strips];
        // As encode_quad has it; the field moves to the top of its word, and down with the next.
        let sum = bitcast<vec4i>(bitcast<vec4f>(elements) * inverse + bias);
        let fixed = bitcast<vec4u>(clamp(sum, vec4i(floor_bits), vec4i(ceiling_bits)));
        nearest = min(nearest, fixed & vec4u((1u << fraction) - 1u));
        let top = (fixed << vec4u(32u - bits - fraction)) & vec4u(((1u << bits) - 1u) << (32u - bits));
        filled = (filled >> vec4u(bits)) | top;
      }
      let at = words + run * (bits / 2u) + w;
      codes[at.x] = filled.x;
      codes[at.y] = filled.y;
      codes[at.z] = filled.z;
      codes[at.w] = filled.w;
    }
    let lanes = select(vec4u(0u), vec4u(1u, 2u, 4u, 8u), nearest <= vec4u(4u));
    let found = select(lanes.x | lanes.y | lanes.z | lanes.w, 15u, run * 16u + 16u > after);
    marks |= found << (run * 4u);
  }

  // One element a turn: the next of the run, or the first of the next run in doubt.
  marks &= 0xffffffffu >> (32u - 4u * runs);
  var index = 0u;
  var lane = 0u;
  var filled = 0u;
  var left = 0u;
  loop {
    if (left == 0u) {
      if (marks == 0u) {
        break;
      }
      let mark = firstTrailingBit(marks);
      marks &= marks - 1u;
      index = (mark / 4u) * 16u;
      lane = mark % 4u;
      left = 16u;
    }
    let element = source[here + min(index, after - 1u) * strips][lane];
    let x = flush_bits(select(0u, element, index < after));
    let s = scale[lane];
    let code = clamp(settle(x, s, 1.0 / s, zero[lane], params.rounding), lowest, lowest + (1 << bits) - 1);
    filled = (filled >> bits) | (bitcast<u32>(code) << (32u - bits));
    index++;
    left--;
    if ((index * bits) % 32u == 0u) {
      codes[words[lane] + (index * bits - 1u) / 32u] = filled;
    }
  }
}

@if(!columns) fn encode_along(first_block: u32) {
  let runs = params.block / 16u;
  // Runs of all blocks to be done exactly; those of block k of the span start at k * runs.
  var doubtful = vec2u(0u);
  for (var k = 0u; k < params.span; k++) {
    let block = first_block + k * wg;
    if (block >= blocks_in_all()) {
      break;
    }
    go_to(block);
    let found = encode_block();
    if (params.span == 1u) {
      doubtful = found;
    } else {
      // The runs of all blocks together fit into x here.
      doubtful.x |= (found.x & ((1u << (runs & 31u)) - 1u)) << ((k * runs) & 31u);
    }
  }

  // One element a turn: the next of the run, or the first of the next run in doubt.
  var index = 0u;
  var filled = 0u;
  var shift = 0u;
  var left = 0u;
  var scale = 1.0;
  var zero = 0;
  let lowest = lowest_code(bits, params.is_signed);
  loop {
    if (left == 0u) {
      let run = select(32u + firstTrailingBit(doubtful.y), firstTrailingBit(doubtful.x), doubtful.x != 0u);
      if ((doubtful.x | doubtful.y) == 0u || run >= params.span * runs) {
        break;
      }
      doubtful = select(
        vec2u(0u, doubtful.y & (doubtful.y - 1u)),
        vec2u(doubtful.x & (doubtful.x - 1u), doubtful.y),
        doubtful.x != 0u,
      );
      go_to(first_block + (run / runs) * wg);
      scale = scales[group];
      zero = zero_points[group];
      index = (run % runs) * 16u;
      left = 16u;
    }
    let x = flush_bits(select(0u, element_at(min(index, last)), index <= last));
    let code = clamp(settle(x, scale, 1.0 / scale, zero, params.rounding), lowest, lowest + (1 << bits) - 1);
    filled |= (bitcast<u32>(code) & ((1u << bits) - 1u)) << shift;
    index++;
    left--;
    shift += bits;
    if (shift == 32u) {
      store(word + (index * bits - 1u) / 32u, filled);
      shift = 0u;
      filled = 0u;
    }
  }
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroups) * wg * params.span + lane;
  @if(columns) {
    if (thread < params.outer * params.blocks * (params.inner / 4u)) {
      encode_columns(thread);
    }
  }
  @else {
    encode_along(thread);
  }
}
