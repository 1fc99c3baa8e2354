// Copies the first `count` u32 words. The plainest kernel there is: benchmarks take its bandwidth as the roof.
// Buffers hold whole vec4s (multiples of 16 bytes); words from `count` on are left as they are.
// Tile: a workgroup covers one contiguous run of `wg * per_thread` vec4s. With `interleaved` off each
// thread moves neighbouring vec4s (drivers that run on a CPU), with it on neighbouring threads do
// (GPUs, which join their loads). Full tiles skip the test of each index; the last one makes it.
// Words are moved as integers, so NaNs and subnormals keep their bits.
import package::common::grid::flat_workgroup;

struct Params {
  count: u32,
}

override wg: u32 = 128;
override per_thread: u32 = 8;
override interleaved: bool = false;

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
  let tile = flat_workgroup(workgroup, workgroup_count) * wg * per_thread;
  let first = tile + select(lane * per_thread, lane, interleaved);
  let step = select(1u, wg, interleaved);
  if tile + wg * per_thread <= whole {
    for (var i = 0u; i < per_thread; i++) {
      words_out[first + i * step] = words_in[first + i * step];
    }
    return;
  }
  for (var i = 0u; i < per_thread; i++) {
    let at = first + i * step;
    if at < whole {
      words_out[at] = words_in[at];
    } else if at == whole {
      for (var rest = 0u; rest < params.count % 4u; rest++) {
        words_out[at][rest] = words_in[at][rest];
      }
    }
  }
}
