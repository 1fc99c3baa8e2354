// Percentile clipping by order statistics: weights as integers that sort like them, and the range that
// the wanted ranks leave. Exact and the same everywhere, since only integers are compared.
//
// absolute  key = bits of |x|, one wanted rank r: range [-|x|_(r), 0], or [0, |x|_(r)] where the first scale is
//           negative, whose group's extreme is positive: the sign matters to symmetric-full codes only
// both ends key sorts x itself, ranks r and n + 1 - r: range [min(0, x_(n+1-r)), max(0, x_(r))]
import package::common::exact::flush_bits;

fn clip_key(bits: u32, both_ends: bool) -> u32 {
  let x = bitcast<u32>(flush_bits(bits));
  let ordered = select(x | 0x80000000u, ~x, (x & 0x80000000u) != 0u);
  return select(x & 0x7fffffffu, ordered, both_ends);
}

fn value_bits(key: u32) -> u32 {
  return select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u);
}

// Low and high end as f32 bits, from the keys at rank r and at rank n + 1 - r.
fn clip_range(upper: u32, lower: u32, both_ends: bool, negative_scale: bool) -> vec2u {
  if (both_ends) {
    let low = value_bits(lower);
    let high = value_bits(upper);
    return vec2u(select(0u, low, (low & 0x80000000u) != 0u), select(high, 0u, (high & 0x80000000u) != 0u));
  }
  let low = select(upper | 0x80000000u, 0u, upper == 0u);
  return select(vec2u(low, 0u), vec2u(0u, upper), negative_scale);
}
