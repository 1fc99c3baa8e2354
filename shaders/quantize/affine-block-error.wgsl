// Error of affine codes of blocks against their source: what affine-error measures, a block at a time. For the
// shapes that affine-block serves: blocks of a multiple of 16, codes of a block in whole words.
//
// Contract  the 12 words of error-sums.ts per thread at records[12 * thread]. Blocks are counted along inner first,
//           then along dim; `columns` neighbours make a unit, and a thread takes `span` units, `interleave` apart. Codes, scales and zero_points
//           as affine-block writes them (`row_words` words of codes a row). Decoded = (code - zero point) * scale,
//           one f32 product.
//           clipped = elements whose code would lie outside the range if codes had no ends.
// Tile      one thread, `span` units, four elements at a time. The condition `quads` is for inner = 1 and rows of
//           whole vec4s, a thread reads vec4s of a block; `columns` is for inner a multiple of 4, a thread reads vec4s
//           across four blocks.
//           Clipped elements are looked for only in blocks whose extremes lie beyond the code range.
// NaN rule  a block with a value that is not finite, with a value too near to an end of the code range plus a half, of
//           a scale that is not plain, or that is short, is counted element by element as common/record.wgsl has it.
// Exact     minimum, maximum, counts, fingerprint; the sums are f32 in device order.
import package::common::record::{ErrorSums, count_error, empty_error_sums, error_words};
import package::common::exact::{flush_bits, round_quotient};
import package::common::quad_sums::{QuadSums, add_quad_sums, are_finite, empty_quad_sums, take_quad_sums};
import package::common::affine::lowest_code;
import package::common::grid::flat_workgroup;

struct Params {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  // The same as affine-error's, for the reference: rows, or natural where both coincide.
  order: u32,
  row_words: u32,
  span: u32,
  // Blocks of a unit: 4 where inner is a multiple of 4, else 1.
  columns: u32,
  bits: u32,
  is_signed: u32,
  rounding: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@if(quads || columns) @group(0) @binding(1) var<storage, read> source: array<vec4u>;
@else @group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read> codes: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> zero_points: array<i32>;
@group(0) @binding(5) var<storage, read_write> records: array<u32>;

override wg: u32 = 64u;
override bits: u32 = 4u;

// Threads that take blocks in turn; the same in affine-block-error.ts.
const interleave: u32 = 64u;
// How near, in scales, to a code's end plus a half a value may not be trusted to lie on its side. The error of the
// limit and of the distance to it is below 256 * 4 * 2^-23 = 2^-13 scales wherever the end is near.
const margin: f32 = 0.000244140625;
// Scales beyond 2^100 may decode to infinity; below 2^-100 limits may be subnormal.
const large_scale: f32 = 1267650600228229401496703205376.0;
const small_scale: f32 = 7.888609052210118e-31;

// One block, or with `columns` four neighbours, a lane each.
struct Block {
  // Index of the first element; they lie `inner` apart.
  base: u32,
  count: u32,
  // First word of codes; the next lane's is `row_words` further.
  word: u32,
  scale: vec4f,
  zero: vec4i,
  // What is taken off an unsigned field.
  bias: vec4f,
  // Its magnitude and sign apart, so that no decoded value is -0.
  size: vec4f,
  turn: vec4f,
  // Where values begin to be cut to an end of the code range.
  low: vec4f,
  high: vec4f,
}

fn element_at(index: u32) -> u32 {
  @if(quads || columns) {
    return source[index / 4u][index % 4u];
  }
  @else {
    return source[index];
  }
}

// Four elements from index k of the block on, or element k of four blocks.
fn quad_at(block: Block, k: u32) -> vec4u {
  @if(quads) {
    return source[(block.base + k) / 4u];
  }
  @if(columns) {
    return source[(block.base + k * params.inner) / 4u];
  }
  @if(!quads && !columns) {
    let at = block.base + k * params.inner;
    return vec4u(source[at], source[at + params.inner], source[at + 2u * params.inner], source[at + 3u * params.inner]);
  }
}

// Four fields from the low bits of a word on.
fn fields_of(word: u32) -> vec4u {
  return (vec4u(word) >> vec4u(0u, bits, 2u * bits, 3u * bits)) & vec4u((1u << bits) - 1u);
}

fn add_quad(sums: ptr<function, QuadSums>, block: Block, k: u32, fields: vec4u) {
  var index = vec4u(block.base + k * params.inner);
  @if(columns) {
    index += vec4u(0u, 1u, 2u, 3u);
  }
  @else {
    index += vec4u(0u, 1u, 2u, 3u) * params.inner;
  }
  // Through bits, so that no product is fused into the difference.
  let product = bitcast<vec4u>((vec4f(vec4i(fields)) * block.turn - block.bias * block.turn) * block.size);
  add_quad_sums(sums, quad_at(block, k), product, 2u * index + 1u);
}

// How many elements of a whole block are clipped; more than there are where that takes the exact way.
fn clipped_in(sums: QuadSums, block: Block) -> u32 {
  let doubt = block.size * margin;
  let top = bitcast<vec4f>(select(sums.least, bitcast<vec4u>(sums.high), sums.high >= vec4i(0)));
  let bottom = bitcast<vec4f>(select(sums.least, sums.low, sums.low >= vec4u(0x80000000u)));
  if (all(top < block.high - doubt) && all(bottom > block.low + doubt)) {
    return 0u;
  }
  var step = 4u;
  @if(columns) {
    step = 1u;
  }
  var clipped = vec4u(0u);
  var nearest = vec4f(large_scale);
  for (var k = 0u; k < params.block; k += step) {
    let x = bitcast<vec4f>(quad_at(block, k));
    let beyond = max(x - block.high, block.low - x);
    clipped += select(vec4u(0u), vec4u(1u), beyond > vec4f(0.0));
    nearest = min(nearest, abs(beyond));
  }
  return select(0xffffffffu, clipped.x + clipped.y + clipped.z + clipped.w, all(nearest > doubt));
}

// One element by the exact way: element k of the block in a lane.
fn count_one(total: ptr<function, ErrorSums>, block: Block, lane: u32, k: u32) {
  let bit = k * bits;
  let stored = (codes[block.word + lane * params.row_words + bit / 32u] >> (bit & 31u)) & ((1u << bits) - 1u);
  let field = stored ^ select(0u, 1u << (bits - 1u), params.is_signed != 0u);
  let index = block.base + k * params.inner + lane;
  let source_bits = element_at(index);
  let x = flush_bits(source_bits);
  let scale = block.scale[lane];
  let free = round_quotient(x, scale, 1.0 / scale, block.zero[lane], params.rounding);
  let lowest = lowest_code(bits, params.is_signed);
  let clipped = free < lowest || free > lowest + (1 << bits) - 1;
  let decoded = bitcast<u32>((f32(i32(field)) - block.bias[lane]) * scale);
  count_error(total, index, source_bits, decoded, clipped);
}

fn block_at(number: u32) -> Block {
  let across = number / params.inner;
  let i = number - across * params.inner;
  let o = across / params.blocks;
  let b = across - o * params.blocks;
  let row = o * params.inner + i;
  let first = b * params.block;
  var block: Block;
  block.base = (o * params.dim + first) * params.inner + i;
  block.count = min(params.block, params.dim - first);
  block.word = row * params.row_words + (first / 16u) * (bits / 2u);
  let group = row * params.blocks + b;
  @if(columns) {
    let groups = group + vec4u(0u, 1u, 2u, 3u) * params.blocks;
    block.scale = vec4f(scales[groups.x], scales[groups.y], scales[groups.z], scales[groups.w]);
    block.zero = vec4i(zero_points[groups.x], zero_points[groups.y], zero_points[groups.z], zero_points[groups.w]);
  }
  @else {
    block.scale = vec4f(scales[group]);
    block.zero = vec4i(zero_points[group]);
  }
  let lowest = lowest_code(bits, params.is_signed);
  // Signed fields are read with their sign bit flipped, which makes them code - lowest.
  block.bias = vec4f(block.zero - lowest);
  block.size = abs(block.scale);
  block.turn = select(vec4f(1.0), vec4f(-1.0), block.scale < vec4f(0.0));
  let first_end = (vec4f(lowest - block.zero) - 0.5) * block.scale;
  let last_end = (vec4f(lowest + (1 << bits) - 1 - block.zero) + 0.5) * block.scale;
  block.low = min(first_end, last_end);
  block.high = max(first_end, last_end);
  return block;
}

// Every sign bit of a word of codes, where codes are signed.
fn sign_bits() -> u32 {
  let signs = select(select(0xaaaaaaaau, 0x88888888u, bits == 4u), 0x80808080u, bits == 8u);
  return select(0u, signs, params.is_signed != 0u);
}

// Sums of a whole block, 16 elements at a time.
fn sums_along(block: Block) -> QuadSums {
  let flip = sign_bits();
  var sums = empty_quad_sums();
  for (var r = 0u; r < params.block / 16u; r++) {
    let k = r * 16u;
    let word = block.word + r * (bits / 2u);
    if (bits == 2u) {
      let w = codes[word] ^ flip;
      add_quad(&sums, block, k, fields_of(w));
      add_quad(&sums, block, k + 4u, fields_of(w >> 8u));
      add_quad(&sums, block, k + 8u, fields_of(w >> 16u));
      add_quad(&sums, block, k + 12u, fields_of(w >> 24u));
    } else if (bits == 4u) {
      let a = codes[word] ^ flip;
      let b = codes[word + 1u] ^ flip;
      add_quad(&sums, block, k, fields_of(a));
      add_quad(&sums, block, k + 4u, fields_of(a >> 16u));
      add_quad(&sums, block, k + 8u, fields_of(b));
      add_quad(&sums, block, k + 12u, fields_of(b >> 16u));
    } else {
      add_quad(&sums, block, k, fields_of(codes[word] ^ flip));
      add_quad(&sums, block, k + 4u, fields_of(codes[word + 1u] ^ flip));
      add_quad(&sums, block, k + 8u, fields_of(codes[word + 2u] ^ flip));
      add_quad(&sums, block, k + 12u, fields_of(codes[word + 3u] ^ flip));
    }
  }
  return sums;
}

// Sums of four whole blocks side by side, a word of codes of each at a time.
@if(columns) fn sums_across(block: Block) -> QuadSums {
  let flip = vec4u(sign_bits());
  let words = block.word + vec4u(0u, 1u, 2u, 3u) * params.row_words;
  let per_word = 32u / bits;
  var sums = empty_quad_sums();
  for (var w = 0u; w < params.block / per_word; w++) {
    var fields = vec4u(codes[words.x + w], codes[words.y + w], codes[words.z + w], codes[words.w + w]) ^ flip;
    for (var k = 0u; k < per_word; k++) {
      add_quad(&sums, block, w * per_word + k, fields & vec4u((1u << bits) - 1u));
      fields = fields >> vec4u(bits);
    }
  }
  return sums;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroups) * wg + lane;
  let units = params.outer * params.blocks * params.inner / params.columns;
  let runs = (units + interleave * params.span - 1u) / (interleave * params.span);
  if (thread >= runs * interleave) {
    return;
  }
  var lanes = 1u;
  @if(columns) {
    lanes = 4u;
  }
  let parts = params.columns / lanes;
  var total = empty_error_sums();
  let first = (thread / interleave) * interleave * params.span + thread % interleave;
  for (var turn = 0u; turn < params.span * parts; turn++) {
    let unit = first + (turn / parts) * interleave;
    if (unit >= units) {
      break;
    }
    let block = block_at(unit * params.columns + turn % parts);
    var plain = block.count == params.block
      && all(block.size >= vec4f(small_scale)) && all(block.size <= vec4f(large_scale));
    if (plain) {
      var sums: QuadSums;
      @if(columns) {
        sums = sums_across(block);
      }
      @else {
        sums = sums_along(block);
      }
      let clipped = clipped_in(sums, block);
      plain = are_finite(sums) && clipped <= block.count * lanes;
      if (plain) {
        take_quad_sums(&total, sums, block.count * lanes);
        total.clipped += clipped;
      }
    }
    for (var e = 0u; !plain && e < block.count * lanes; e++) {
      count_one(&total, block, e % lanes, e / lanes);
    }
  }
  let words = error_words(total);
  for (var word = 0u; word < 12u; word++) {
    records[thread * 12u + word] = words[word];
  }
}
