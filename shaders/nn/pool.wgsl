// Max, average and Lp pooling over 1 to 3 spatial dimensions.
//
// Contract  x: f32 [planes, spatial]; y: [planes, output]. Axes a, b, c as in conv-shape.ts. op 0: max; 1: average
//           over the taps that meet the input; 2: over those that meet the input or its padding, which ends
//           before limit_*; 3: (sum of |x|^p)^(1/p).
// Tile      one thread, one output.
// NaN       goes through, also in max. A window that meets no input gives -inf (max) or NaN (average).
import package::common::grid::flat_workgroup;
import package::common::math::is_nan_bits;

struct Params {
  planes: u32,
  in_a: u32,
  in_b: u32,
  in_c: u32,
  x_a: u32,
  x_b: u32,
  x_c: u32,
  out_a: u32,
  out_b: u32,
  out_c: u32,
  y_a: u32,
  y_b: u32,
  y_c: u32,
  k_a: u32,
  k_b: u32,
  k_c: u32,
  stride_a: u32,
  stride_b: u32,
  stride_c: u32,
  dilation_a: u32,
  dilation_b: u32,
  dilation_c: u32,
  pad_a: u32,
  pad_b: u32,
  pad_c: u32,
  limit_a: u32,
  limit_b: u32,
  limit_c: u32,
  p: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

override wg: u32 = 64u;
override op: u32 = 0u;

fn largest(a: f32, b: f32) -> f32 {
  return select(select(max(a, b), b, is_nan_bits(bitcast<u32>(b))), a, is_nan_bits(bitcast<u32>(a)));
}

// x^p, the common powers exactly.
fn power(v: f32) -> f32 {
  if (params.p == 2.0) {
    return v * v;
  }
  return select(pow(abs(v), params.p), abs(v), params.p == 1.0);
}

fn all_below(at: vec3u) -> bool {
  return at.x < params.in_a && at.y < params.in_b && at.z < params.in_c;
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = flat_workgroup(group_id, group_count) * wg + lane;
  let b = item % params.out_b;
  let sheet = item / params.out_b;
  let a = sheet % params.out_a;
  let rest = sheet / params.out_a;
  let c = rest % params.out_c;
  let plane = rest / params.out_c;
  if (plane >= params.planes) {
    return;
  }
  let base = plane * params.in_a * params.in_b * params.in_c;
  var all = select(0.0, bitcast<f32>(0xff800000u | (params.planes & 0u)), op == 0u);
  var count = 0u;
  for (var kc = 0u; kc < params.k_c; kc++) {
    let z = c * params.stride_c + kc * params.dilation_c;
    for (var kb = 0u; kb < params.k_b; kb++) {
      let column = b * params.stride_b + kb * params.dilation_b;
      for (var ka = 0u; ka < params.k_a; ka++) {
        let row = a * params.stride_a + ka * params.dilation_a;
        // Places below 0 wrap to large ones.
        let at = vec3u(row - params.pad_a, column - params.pad_b, z - params.pad_c);
        let counts = row < params.limit_a && column < params.limit_b && z < params.limit_c;
        count += select(0u, 1u, counts);
        if (all_below(at)) {
          let v = x[base + at.x * params.x_a + at.y * params.x_b + at.z * params.x_c];
          switch op {
            case 0u: { all = largest(all, v); }
            case 3u: { all += power(v); }
            default: { all += v; }
          }
        } else if (op == 1u && counts) {
          count -= 1u;
        }
      }
    }
  }
  switch op {
    case 0u: {}
    case 3u: {
      all = select(select(pow(all, 1.0 / params.p), sqrt(all), params.p == 2.0), all, params.p == 1.0);
    }
    default: { all /= f32(count); }
  }
  y[plane * params.out_a * params.out_b * params.out_c + a * params.y_a + b * params.y_b + c * params.y_c] = all;
}
