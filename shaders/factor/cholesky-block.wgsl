// Factors one block on the diagonal of a symmetric positive definite matrix: A = U^T U, U upper triangular.
//
// Contract  u: [size, size] in quads of four columns; the upper triangle of A at and beyond row `at`, the factor's
//           rows before it. y: [rows, size - at], what those rows take off: the product U_before^T U_before. The
//           block's own rows and columns are replaced by the factor; what lies right of it is
//           factor/cholesky-rows' work. bad: pivots that were not above `floor` are counted there.
// Tile      one workgroup, a lane for each quad of columns: rows <= 4 * wg; size, at and rows divisible by 4.
// Rounding  f32. A bad pivot counts as the floor, so that the rest stays finite.
import package::common::cholesky::{factor_piece, solve_piece};

struct Params {
  size: u32,
  at: u32,
  rows: u32,
  floor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> bad: array<u32>;

override wg: u32 = 32u;

// The quad of u at row `at` + row and column `at` + 4 * quad.
fn place(row: u32, quad: u32) -> u32 {
  return ((params.at + row) * params.size + params.at) / 4u + quad;
}

fn four_rows(row: u32, quad: u32) -> mat4x4f {
  return mat4x4f(u[place(row, quad)], u[place(row + 1u, quad)], u[place(row + 2u, quad)], u[place(row + 3u, quad)]);
}

@compute @workgroup_size(wg)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (workgroup.x + workgroup.y + workgroup.z > 0u) {
    return;
  }
  let quads = params.rows / 4u;
  let y_line = (params.size - params.at) / 4u;
  for (var step = 0u; step < quads; step++) {
    let row = step * 4u;
    let mine = lane >= step && lane < quads;
    var rest = mat4x4f();
    if (mine) {
      rest = four_rows(row, lane);
      if (params.at > 0u) {
        let start = row * y_line + lane;
        rest -= mat4x4f(y[start], y[start + y_line], y[start + 2u * y_line], y[start + 3u * y_line]);
      }
      for (var before = 0u; before < row; before += 4u) {
        rest -= four_rows(before, lane) * transpose(four_rows(before, step));
      }
    }
    if (lane == step) {
      let pivots = factor_piece(rest, params.floor);
      for (var i = 0u; i < 4u; i++) {
        u[place(row + i, lane)] = pivots.factor[i];
      }
      bad[0] += pivots.bad;
    }
    storageBarrier();
    if (mine && lane > step) {
      let solved = solve_piece(four_rows(row, step), rest);
      for (var i = 0u; i < 4u; i++) {
        u[place(row + i, lane)] = solved[i];
      }
    }
    storageBarrier();
  }
}
