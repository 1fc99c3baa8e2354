// Packs i32 zero points to `bits` bits each, the first lowest, in rows that start on a byte.
//
// Contract  zero_points: i32 [rows, row_length]; packed: ceil(row_length * bits / 8) bytes a row, rows end
//           to end, bits behind a row's last zero point and behind the last row 0.
// Tile      one thread one u32 of output.
import package::common::grid::flat_workgroup;

struct Params {
  rows: u32,
  row_length: u32,
  bits: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> zero_points: array<i32>;
@group(0) @binding(2) var<storage, read_write> packed: array<u32>;

override wg: u32 = 64u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let word = flat_workgroup(workgroup, workgroups) * wg + lane;
  let row_bytes = (params.row_length * params.bits + 7u) / 8u;
  if (word * 4u >= params.rows * row_bytes) {
    return;
  }
  let per_byte = 8u / params.bits;
  let mask = (1u << params.bits) - 1u;
  var filled = 0u;
  for (var byte = 0u; byte < 4u; byte++) {
    let at = word * 4u + byte;
    let row = at / row_bytes;
    let first = (at - row * row_bytes) * per_byte;
    for (var k = 0u; k < per_byte; k++) {
      if (row < params.rows && first + k < params.row_length) {
        let zero = bitcast<u32>(zero_points[row * params.row_length + first + k]) & mask;
        filled |= zero << (byte * 8u + k * params.bits);
      }
    }
  }
  packed[word] = filled;
}
