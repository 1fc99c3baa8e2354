// Signed 2-bit codes, 16 to a word, the first lowest: code number p lies in word p / 16.

// The code at `position`, given the word that holds it.
fn int2_code(word: u32, position: u32) -> i32 {
  return extractBits(bitcast<i32>(word), 2u * (position & 15u), 2u);
}

// Its value: the code, times the scale of its group.
fn int2_decode(word: u32, position: u32, scale: f32) -> f32 {
  return f32(int2_code(word, position)) * scale;
}

// Four values at once: those of positions 4 * quad and on, all of one group.
fn int2_decode4(word: u32, quad: u32, scale: f32) -> vec4f {
  let first = 4u * quad;
  let codes = vec4i(
    int2_code(word, first), int2_code(word, first + 1u),
    int2_code(word, first + 2u), int2_code(word, first + 3u),
  );
  return vec4f(codes) * scale;
}
