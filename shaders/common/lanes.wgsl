// Lines that the lanes of a subgroup hold, as pieces that all of them hold.

fn low_lanes(own: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u),
  );
}

fn high_lanes(own: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u),
  );
}
