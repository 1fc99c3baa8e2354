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

// Sine and cosine to about 1e-7 for |x| up to some thousands; adapters may be off by 1e-4. Reduction by pi / 2 in
// three parts and the polynomials after S. L. Moshier's Cephes, sinf.c. `quarter` is 0 for the sine, 1 for the cosine.
fn circular(x: f32, quarter: i32) -> f32 {
  let n = round(x * 0.63661977);
  let r = ((x - n * 1.5703125) - n * 4.837512969970703e-4) - n * 7.549789954891882e-8;
  let z = r * r;
  let turn = (i32(n) + quarter) & 3;
  let near_sine = r + r * z * (-0.16666654611 + z * (0.0083321608736 + z * -0.00019515295891));
  let near_cosine = 1.0 - 0.5 * z + z * z * (0.04166664568298827 + z * (-0.001388731625493765 + z * 2.443315711809948e-5));
  let value = select(near_sine, near_cosine, (turn & 1) != 0);
  return select(value, -value, (turn & 2) != 0);
}

// The arc sine for |x| up to 1/2 (Cephes, asinf.c).
fn small_arcsine(x: f32) -> f32 {
  let z = x * x;
  return x + x * z * (0.16666752422 + z * (0.074953002686 + z * (0.045470025998 + z * (0.024181311049 + z * 0.042163199048))));
}

fn arccosine(x: f32) -> f32 {
  if (abs(x) <= 0.5) {
    return 1.5707963267948966 - small_arcsine(x);
  }
  let angle = 2.0 * small_arcsine(sqrt(0.5 - 0.5 * abs(x)));
  return select(angle, 3.141592653589793 - angle, x < 0.0);
}

fn arcsine(x: f32) -> f32 {
  if (abs(x) <= 0.5) {
    return small_arcsine(x);
  }
  return sign(x) * (1.5707963267948966 - 2.0 * small_arcsine(sqrt(0.5 - 0.5 * abs(x))));
}
