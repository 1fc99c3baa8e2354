// Unsigned 4-bit codes, 8 to a word, the first lowest: code number p lies in word p / 8.

// The code at `position`, given the word that holds it.
fn uint4_code(word: u32, position: u32) -> i32 {
  return i32(extractBits(word, 4u * (position & 7u), 4u));
}

// Its value: the code less its zero point, times the scale of its group.
fn uint4_decode(word: u32, position: u32, zero_point: i32, scale: f32) -> f32 {
  return f32(uint4_code(word, position) - zero_point) * scale;
}

// Four values at once: those of positions 4 * quad and on, all of one group.
fn uint4_decode4(word: u32, quad: u32, zero_point: i32, scale: f32) -> vec4f {
  let first = 4u * quad;
  let codes = vec4i(
    uint4_code(word, first), uint4_code(word, first + 1u),
    uint4_code(word, first + 2u), uint4_code(word, first + 3u),
  );
  return vec4f(codes - zero_point) * scale;
}
