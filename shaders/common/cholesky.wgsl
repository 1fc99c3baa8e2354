// Four rows of a Cholesky factor at a time: S = U^T U with U upper triangular, in 4x4 pieces. A piece is held as a
// matrix whose column i is the i-th of its four rows.

struct Pivots {
  /// Rows of the factor's 4x4 piece on the diagonal; below the diagonal 0.
  factor: mat4x4f,
  /// How many pivots were not above the floor, or no number: each of them counts as the floor.
  bad: u32,
}

// The factor of a symmetric 4x4 piece, of which the upper triangle is read.
fn factor_piece(s: mat4x4f, floor: f32) -> Pivots {
  var found: Pivots;
  var rest = s;
  for (var i = 0u; i < 4u; i++) {
    var pivot = rest[i][i];
    // Not a comparison turned round: one with NaN may be folded away.
    if ((bitcast<u32>(pivot) & 0x7f800000u) == 0x7f800000u || pivot <= floor) {
      pivot = floor;
      found.bad += 1u;
    }
    let row = select(vec4f(0.0), rest[i] / sqrt(pivot), vec4u(0u, 1u, 2u, 3u) > vec4u(i));
    found.factor[i] = row;
    found.factor[i][i] = sqrt(pivot);
    for (var j = i + 1u; j < 4u; j++) {
      rest[j] -= row[j] * row;
    }
  }
  return found;
}

// Four rows of U beside the diagonal: x with factor^T x = s.
fn solve_piece(factor: mat4x4f, s: mat4x4f) -> mat4x4f {
  var x: mat4x4f;
  x[0] = s[0] / factor[0][0];
  x[1] = (s[1] - factor[0][1] * x[0]) / factor[1][1];
  x[2] = (s[2] - factor[0][2] * x[0] - factor[1][2] * x[1]) / factor[2][2];
  x[3] = (s[3] - factor[0][3] * x[0] - factor[1][3] * x[1] - factor[2][3] * x[2]) / factor[3][3];
  return x;
}
