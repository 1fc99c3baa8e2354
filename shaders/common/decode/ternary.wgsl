// Ternary codes 0, 1, 2 for -scale, 0, +scale, 16 to a word, the first lowest.

// The value of the code at `position`, given the word that holds it: word position / 16.
fn ternary_decode(word: u32, position: u32, scale: f32) -> f32 {
  return f32(i32(extractBits(word, 2u * (position & 15u), 2u)) - 1) * scale;
}
