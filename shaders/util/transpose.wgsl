// Transposes a [rows, cols] matrix of u32 (or f32 bits) into [cols, rows].
//
// Contract  target_words[c * rows + r] = source[r * cols + c].
// Tile      one thread moves an 8 x 8 tile: it reads whole 32-byte sectors of 8 rows and writes those of
//           8 columns, so caches serve both sides and no barrier is needed (barriers are slow on
//           software adapters).
// NaN rule  bits are moved untouched.
import package::common::grid::flat_workgroup;

struct Params {
  rows: u32,
  cols: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_words: array<u32>;

override wg: u32 = 64u;

const side: u32 = 8u;

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tiles_down = (params.rows + side - 1u) / side;
  let tiles_across = (params.cols + side - 1u) / side;
  let tile = flat_workgroup(group_id, group_count) * wg + lane;
  let column = (tile / tiles_down) * side;
  if (column >= params.cols) {
    return;
  }
  let row = (tile % tiles_down) * side;
  let row_end = min(row + side, params.rows);
  let column_end = min(column + side, params.cols);
  for (var c = column; c < column_end; c++) {
    for (var r = row; r < row_end; r++) {
      target_words[c * params.rows + r] = source[r * params.cols + c];
    }
  }
}
