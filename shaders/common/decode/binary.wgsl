// Sign bits, 32 to a word, the first lowest; 1 is +scale, 0 is -scale.

// The value of the bit at `position`, given the word that holds it: word position / 32.
fn binary_decode(word: u32, position: u32, scale: f32) -> f32 {
  return select(-scale, scale, extractBits(word, position & 31u, 1u) == 1u);
}
