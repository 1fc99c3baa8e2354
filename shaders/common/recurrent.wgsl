// What the steps of recurrent layers share: the functions of their gates, numbered as in
// src/kernels/rnn/gate-functions.ts, and the place in time of a batch entry's step.
import package::common::activation::activate;
import package::common::math::safe_tanh;

fn gate_function(x: f32, kind: u32, a: f32, b: f32) -> f32 {
  switch kind {
    case 32u: { return a * x + b; }
    case 33u: { return a * safe_tanh(b * x); }
    case 34u: { return x / (1.0 + abs(x)); }
    case 35u: { return max(x, 0.0) + log(1.0 + exp(-abs(x))); }
    case 36u: { return select(0.0, x, x > a); }
    default: { return activate(x, kind, a, b); }
  }
}

// Limits what goes into a gate; a limit of 0 is none.
fn clip_gate(x: f32, limit: f32) -> f32 {
  if (limit > 0.0) {
    return clamp(x, -limit, limit);
  }
  return x;
}

// The time that an entry of `length` valid steps is at in `step`: backwards from its own end with `reverse`. Past its
// end time goes on, so that each step has a place to write zeros to.
fn time_of(step: u32, length: u32, reverse: u32) -> u32 {
  if (reverse != 0u && step < length) {
    return length - 1u - step;
  }
  return step;
}
