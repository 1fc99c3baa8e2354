// Unfolds the grid that the runner folded to respect the limit per dimension. The folded grid may be
// larger than the flat count, so every kernel guards with its own element count.

// Flat index of this workgroup, given the builtins workgroup_id and num_workgroups.
fn flat_workgroup(workgroup: vec3u, count: vec3u) -> u32 {
  return workgroup.x + count.x * (workgroup.y + count.y * workgroup.z);
}
