// Copies the first `count` u32 words. The plainest kernel there is: benchmarks take its bandwidth as the roof.
// Buffers hold whole vec4s (multiples of 16 bytes); words from `count` on are left as they are.
// Tile: one thread moves `per_thread` vec4s, neighbouring threads neighbouring vec4s, so a workgroup
// covers one contiguous run of `wg * per_thread` vec4s.
// Words are moved as integers, so NaNs and subnormals keep their bits.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
}

override wg: u32 = 64;
override per_thread: u32 = 4;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words_in: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> words_out: array<vec4u>;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroup_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let whole = params.count / 4u;
  let base = flat_workgroup(workgroup, workgroup_count) * wg * per_thread + lane;
  for (var i = 0u; i < per_thread; i++) {
    let at = base + i * wg;
    if at < whole {
      words_out[at] = words_in[at];
    } else if at == whole {
      for (var rest = 0u; rest < params.count % 4u; rest++) {
        words_out[at][rest] = words_in[at][rest];
      }
    }
  }
}
