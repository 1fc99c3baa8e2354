// The rows of a Cholesky factor right of a block on the diagonal that factor/cholesky-block has factored:
// U_right = U_block^-T (A_right - y), A = U^T U.
//
// Contract  u: [size, size] in quads of four columns; y: [rows, size - at], what the rows before take off. The `rows`
//           rows from `at` on are replaced in the columns from at + rows on.
// Tile      a thread has one quad of columns; size, at and rows divisible by 4.
// Rounding  f32.
import package::common::cholesky::solve_piece;
import package::common::grid::flat_workgroup;

struct Params {
  size: u32,
  at: u32,
  rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> u: array<vec4f>;

override wg: u32 = 64u;

fn place(row: u32, quad: u32) -> u32 {
  return ((params.at + row) * params.size + params.at) / 4u + quad;
}

fn four_rows(row: u32, quad: u32) -> mat4x4f {
  return mat4x4f(u[place(row, quad)], u[place(row + 1u, quad)], u[place(row + 2u, quad)], u[place(row + 3u, quad)]);
}

@compute @workgroup_size(wg)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let quad = params.rows / 4u + flat_workgroup(workgroup, workgroups) * wg + lane;
  let y_line = (params.size - params.at) / 4u;
  if (quad >= y_line) {
    return;
  }
  for (var row = 0u; row < params.rows; row += 4u) {
    var rest = four_rows(row, quad);
    if (params.at > 0u) {
      let start = row * y_line + quad;
      rest -= mat4x4f(y[start], y[start + y_line], y[start + 2u * y_line], y[start + 3u * y_line]);
    }
    for (var before = 0u; before < row; before += 4u) {
      rest -= four_rows(before, quad) * transpose(four_rows(before, row / 4u));
    }
    let solved = solve_piece(four_rows(row, row / 4u), rest);
    for (var i = 0u; i < 4u; i++) {
      u[place(row + i, quad)] = solved[i];
    }
  }
}
