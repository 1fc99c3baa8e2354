// FP4 codes of bitsandbytes, 8 to a word, the even position in the high nibble of its byte.
// Code 8, minus zero, decodes to 0.

const fp4_table = array<f32, 16>(
  0.0, 0.005208333333, 0.66666667, 1.0, 0.33333333, 0.5, 0.16666667, 0.25,
  0.0, -0.005208333333, -0.66666667, -1.0, -0.33333333, -0.5, -0.16666667, -0.25,
);

// The code at `position`, given the word that holds it: word position / 8.
fn fp4_code(word: u32, position: u32) -> u32 {
  return extractBits(word, 4u * ((position & 7u) ^ 1u), 4u);
}

// Its value, given the absmax of its block.
fn fp4_decode(word: u32, position: u32, absmax: f32) -> f32 {
  var values = fp4_table;
  return values[fp4_code(word, position)] * absmax;
}
