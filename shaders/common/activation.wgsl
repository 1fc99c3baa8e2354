// The activations that follow a product or convolution; kinds as in src/kernels/nn/activation.ts.
import package::common::math::{erf, safe_tanh};

fn sigmoid(x: f32) -> f32 {
  // exp(88.7) overflows, and 1 / inf is 0 only where the adapter keeps infinities.
  return 1.0 / (1.0 + exp(min(-x, 88.0)));
}

fn activate(x: f32, kind: u32, a: f32, b: f32) -> f32 {
  switch kind {
    case 1u: { return select(x, 0.0, x < 0.0); }
    case 2u: { return select(select(x, a, x < a), b, b < x); }
    case 3u: { return select(x, a * x, x < 0.0); }
    case 4u: { return sigmoid(x); }
    case 5u: { return safe_tanh(x); }
    case 6u: { return clamp(a * x + b, 0.0, 1.0); }
    case 7u: { return x * clamp(x / 6.0 + 0.5, 0.0, 1.0); }
    case 8u: { return 0.5 * x * (1.0 + erf(x * 0.70710678)); }
    case 9u: { return 0.5 * x * (1.0 + safe_tanh(0.79788456 * (x + 0.044715 * x * x * x))); }
    case 10u: { return x * sigmoid(x); }
    case 11u: { return select(x, a * (exp(min(x, 0.0)) - 1.0), x < 0.0); }
    default: { return x; }
  }
}
