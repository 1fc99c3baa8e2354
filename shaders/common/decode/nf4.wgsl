// NF4 codes of bitsandbytes, 8 to a word, the even position in the high nibble of its byte.

const nf4_table = array<f32, 16>(
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
  -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
  0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
);

// The code at `position`, given the word that holds it: word position / 8.
fn nf4_code(word: u32, position: u32) -> u32 {
  return extractBits(word, 4u * ((position & 7u) ^ 1u), 4u);
}

// Its value, given the absmax of its block.
fn nf4_decode(word: u32, position: u32, absmax: f32) -> f32 {
  var values = nf4_table;
  return values[nf4_code(word, position)] * absmax;
}
