// Folds ranges [groups, count] of (lowest, highest) pairs into [groups, ceil(count / span)].
//
// Contract  lowest <= 0 <= highest, both finite, as group-range writes them.
// Tile      one thread a folded pair, span pairs read in a run.
// Exact     minimum and maximum of finite numbers.
import package::common::grid::flat_workgroup;

struct Params {
  groups: u32,
  count: u32,
  span: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> ranges: array<vec2f>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let thread = flat_workgroup(workgroup, workgroups) * wg + lane;
  let folded = (params.count + params.span - 1u) / params.span;
  if (thread >= params.groups * folded) {
    return;
  }
  let group = thread / folded;
  let first = (thread - group * folded) * params.span;
  let end = min(params.count, first + params.span);
  var range = vec2f(0.0);
  for (var at = first; at < end; at++) {
    let part = partials[group * params.count + at];
    range = vec2f(min(range.x, part.x), max(range.y, part.y));
  }
  ranges[thread] = range;
}
