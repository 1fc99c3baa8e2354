// FP8 E5M2 codes, 4 to a word, the first lowest. Codes of NaN and infinity are never written by the quantizer and
// have no meaning here.

// The code at `position`, given the word that holds it: word position / 4.
fn e5m2_code(word: u32, position: u32) -> u32 {
  return extractBits(word, 8u * (position & 3u), 8u);
}

// Its value times the scale of its group. The significand counts units of a power of two, all exact in f32.
fn e5m2_decode(word: u32, position: u32, scale: f32) -> f32 {
  let code = e5m2_code(word, position);
  let exponent = extractBits(code, 2u, 5u);
  let fraction = extractBits(code, 0u, 2u);
  let significand = select(fraction, fraction + 4u, exponent != 0u);
  let magnitude = f32(significand) * bitcast<f32>((max(exponent, 1u) + 110u) << 23u);
  return select(magnitude, -magnitude, code >= 0x80u) * scale;
}
