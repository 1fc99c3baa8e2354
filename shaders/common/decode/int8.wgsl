// Signed 8-bit codes, 4 to a word, the first lowest: code number p lies in word p / 4.

// The code at `position`, given the word that holds it.
fn int8_code(word: u32, position: u32) -> i32 {
  return extractBits(bitcast<i32>(word), 8u * (position & 3u), 8u);
}

// Its value: the code, times the scale of its group.
fn int8_decode(word: u32, position: u32, scale: f32) -> f32 {
  return f32(int8_code(word, position)) * scale;
}

// Four values at once: those of positions 4 * quad and on, all of one group.
fn int8_decode4(word: u32, quad: u32, scale: f32) -> vec4f {
  let first = 4u * quad;
  let codes = vec4i(
    int8_code(word, first), int8_code(word, first + 1u),
    int8_code(word, first + 2u), int8_code(word, first + 3u),
  );
  return vec4f(codes) * scale;
}
