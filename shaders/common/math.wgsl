// Functions that WGSL lacks, or that adapters let overflow where the result would not.

fn is_nan_bits(word: u32) -> bool {
  return (word & 0x7fffffffu) > 0x7f800000u;
}

fn is_inf_bits(word: u32) -> bool {
  return (word & 0x7fffffffu) == 0x7f800000u;
}

// Adapters may compute tanh from exp(2x), which overflows at 44.
fn safe_tanh(x: f32) -> f32 {
  return tanh(clamp(x, -15.0, 15.0));
}

// log(1 + e^x) without overflow.
fn softplus(x: f32) -> f32 {
  return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

// The error function, about 1e-7: the Taylor series below 1, above it a Chebyshev fit of the complement
// (Press et al., Numerical Recipes, section 6.2).
fn erf(x: f32) -> f32 {
  let m = abs(x);
  if (m < 1.0) {
    let s = x * x;
    let series = 1.0 + s * (-0.33333333 + s * (0.1 + s * (-0.023809524 + s * (0.0046296296 + s * (-0.00075757576
      + s * (0.00010683761 + s * (-0.000013227513 + s * (0.0000014589169 + s * -0.00000014503852))))))));
    return 1.1283791670955126 * x * series;
  }
  let t = 1.0 / (1.0 + 0.5 * m);
  let tail = t * exp(-m * m - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
    + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
  return sign(x) * (1.0 - tail);
}
