// Floats of at most 8 bits by integer arithmetic on f32 bits: to nearest, ties to the even code.
// A format is (mantissa_bits, min_exponent) with min_exponent the exponent of its smallest normal number.

// A magnitude laid on the format's code grid: code = bits / 2^shift, rounded.
struct Grid {
  bits: u32,
  shift: u32,
}

// `magnitude` are bits of a normal f32 without sign; the value meant is that times 2^-scale_exponent.
// Below the smallest normal number the grid stays at its spacing, so the shift grows; from shift 25 on
// all rounds to 0.
fn on_grid(magnitude: u32, scale_exponent: i32, mantissa_bits: u32, min_exponent: i32) -> Grid {
  let above = i32(magnitude >> 23u) - 127 - scale_exponent - min_exponent;
  let significand = (magnitude & 0x007fffffu) | 0x00800000u;
  let bits = significand + (u32(max(above, 0)) << 23u);
  return Grid(bits, min(31u, 23u - mantissa_bits + u32(max(-above, 0))));
}

fn round_grid(grid: Grid) -> u32 {
  let below_half = (1u << (grid.shift - 1u)) - 1u;
  return (grid.bits + below_half + ((grid.bits >> grid.shift) & 1u)) >> grid.shift;
}

// f32 bits of a finite code's magnitude times 2^scale_exponent. Exact, subnormal results included;
// beyond the largest f32: infinity.
fn minifloat_bits(code: u32, scale_exponent: i32, mantissa_bits: u32, min_exponent: i32) -> u32 {
  let field = code >> mantissa_bits;
  let fraction = code & ((1u << mantissa_bits) - 1u);
  let significand = select(fraction, fraction | (1u << mantissa_bits), field != 0u);
  if (significand == 0u) {
    return 0u;
  }
  let unit = max(i32(field), 1) - 1 + min_exponent - i32(mantissa_bits) + scale_exponent;
  let as_float = bitcast<u32>(f32(significand));
  let exponent = i32(as_float >> 23u) + unit;
  let mantissa = as_float & 0x007fffffu;
  if (exponent >= 255) {
    return 0x7f800000u;
  }
  if (exponent >= 1) {
    return (u32(exponent) << 23u) | mantissa;
  }
  return (mantissa | 0x00800000u) >> u32(min(1 - exponent, 31));
}

// Whether a grid position that came from an approximate value (within 8 ulp) lies so near to a midpoint
// that the rounding must be decided exactly.
fn in_doubt(grid: Grid) -> bool {
  let half = 1u << (grid.shift - 1u);
  let rest = grid.bits & (half + half - 1u);
  return rest + 32u - half <= 64u;
}

// The midpoint between the two codes around a grid position in doubt, as f32; `magnitude` as in on_grid.
fn midpoint_of(magnitude: u32, grid: Grid) -> f32 {
  let half = 1u << (grid.shift - 1u);
  return bitcast<f32>(magnitude - (grid.bits & (half + half - 1u)) + half);
}

// The code on the right side of that midpoint: `side` is the sign of (value - midpoint), 0 goes to even.
fn settle_grid(grid: Grid, side: i32) -> u32 {
  let below = grid.bits >> grid.shift;
  return below + select(u32(side > 0), below & 1u, side == 0);
}
