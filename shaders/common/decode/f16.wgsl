// Half-precision floats, two to a word, the first in the low half; for scales and casts. By integers, so that no
// optional feature is needed.
import package::common::half::from_half_bits;

// The finite value at `position`, given the word that holds it: word position / 2.
fn f16_decode(word: u32, position: u32) -> f32 {
  return from_half_bits(extractBits(word, 16u * (position & 1u), 16u));
}
