// Unsigned 8-bit codes, 4 to a word, the first lowest: code number p lies in word p / 4.

// The code at `position`, given the word that holds it.
fn uint8_code(word: u32, position: u32) -> i32 {
  return i32(extractBits(word, 8u * (position & 3u), 8u));
}

// Its value: the code less its zero point, times the scale of its group.
fn uint8_decode(word: u32, position: u32, zero_point: i32, scale: f32) -> f32 {
  return f32(uint8_code(word, position) - zero_point) * scale;
}

// Four values at once: those of positions 4 * quad and on, all of one group.
fn uint8_decode4(word: u32, quad: u32, zero_point: i32, scale: f32) -> vec4f {
  let first = 4u * quad;
  let codes = vec4i(
    uint8_code(word, first), uint8_code(word, first + 1u),
    uint8_code(word, first + 2u), uint8_code(word, first + 3u),
  );
  return vec4f(codes - zero_point) * scale;
}
