// How codes and groups map to the elements of a tensor [outer, dim, inner], for kernels that serve every
// granularity. Mirrors src/kernels/quantize/shape.ts.
//
// natural  code p is element p; group (o * blocks + b) * inner + i
// rows     codes run along dim for fixed (o, i), padded to blocks * block; group (o * inner + i) * blocks + b
// wide     code p is element p; group = the index along dim (block = 1, blocks = dim)

const natural_order: u32 = 0u;
const rows_order: u32 = 1u;
const wide_order: u32 = 2u;

struct Shape {
  outer: u32,
  dim: u32,
  inner: u32,
  block: u32,
  blocks: u32,
  order: u32,
}

// A place in the sequence of codes: coordinates of its element, `within` = d mod block.
struct Cursor {
  o: u32,
  d: u32,
  i: u32,
  b: u32,
  within: u32,
}

fn cursor_at(shape: Shape, position: u32) -> Cursor {
  var c: Cursor;
  if (shape.order == rows_order) {
    let padded = shape.blocks * shape.block;
    let row = position / padded;
    c.d = position - row * padded;
    c.o = row / shape.inner;
    c.i = row - c.o * shape.inner;
  } else {
    let row = position / shape.inner;
    c.i = position - row * shape.inner;
    c.o = row / shape.dim;
    c.d = row - c.o * shape.dim;
  }
  c.b = c.d / shape.block;
  c.within = c.d - c.b * shape.block;
  return c;
}

// Moves along dim; returns whether the end of it was passed (and d set back to 0).
fn step_dim(shape: Shape, c: ptr<function, Cursor>, end: u32) -> bool {
  (*c).d += 1u;
  (*c).within += 1u;
  if ((*c).within == shape.block) {
    (*c).within = 0u;
    (*c).b += 1u;
  }
  if ((*c).d < end) {
    return false;
  }
  (*c).d = 0u;
  (*c).b = 0u;
  (*c).within = 0u;
  return true;
}

fn cursor_next(shape: Shape, c: ptr<function, Cursor>) {
  if (shape.order == rows_order) {
    if (step_dim(shape, c, shape.blocks * shape.block)) {
      (*c).i += 1u;
      if ((*c).i == shape.inner) {
        (*c).i = 0u;
        (*c).o += 1u;
      }
    }
  } else {
    (*c).i += 1u;
    if ((*c).i == shape.inner) {
      (*c).i = 0u;
      if (step_dim(shape, c, shape.dim)) {
        (*c).o += 1u;
      }
    }
  }
}

// False for padding and past the end.
fn cursor_valid(shape: Shape, c: Cursor) -> bool {
  return c.d < shape.dim && c.o < shape.outer;
}

fn cursor_source(shape: Shape, c: Cursor) -> u32 {
  return (c.o * shape.dim + c.d) * shape.inner + c.i;
}

fn cursor_group(shape: Shape, c: Cursor) -> u32 {
  if (shape.order == wide_order) {
    return c.d;
  }
  if (shape.order == rows_order) {
    return (c.o * shape.inner + c.i) * shape.blocks + c.b;
  }
  return (c.o * shape.blocks + c.b) * shape.inner + c.i;
}

// Where element `index` has its code, and its group.
struct Place {
  position: u32,
  group: u32,
}

fn place_of(shape: Shape, index: u32) -> Place {
  let row = index / shape.inner;
  let i = index - row * shape.inner;
  let o = row / shape.dim;
  let d = row - o * shape.dim;
  let c = Cursor(o, d, i, d / shape.block, 0u);
  let in_rows = (o * shape.inner + i) * shape.blocks * shape.block + d;
  return Place(select(index, in_rows, shape.order == rows_order), cursor_group(shape, c));
}

// The elements of one group: element e lies at base + (e / run) * hop + (e mod run) * stride.
struct Group {
  base: u32,
  count: u32,
  run: u32,
  stride: u32,
  hop: u32,
}

fn group_at(shape: Shape, group: u32) -> Group {
  if (shape.order == wide_order) {
    return Group(group * shape.inner, shape.outer * shape.inner, shape.inner, 1u, shape.dim * shape.inner);
  }
  var o: u32;
  var b: u32;
  var i: u32;
  if (shape.order == rows_order) {
    let row = group / shape.blocks;
    b = group - row * shape.blocks;
    o = row / shape.inner;
    i = row - o * shape.inner;
  } else {
    let row = group / shape.inner;
    i = group - row * shape.inner;
    o = row / shape.blocks;
    b = row - o * shape.blocks;
  }
  let first = b * shape.block;
  let count = min(shape.block, shape.dim - first);
  return Group((o * shape.dim + first) * shape.inner + i, count, shape.block, shape.inner, 0u);
}

// Which piece of work a thread takes, of `per_row` equal pieces in each row of the rows order: neighbouring
// threads take the same piece of neighbouring rows, whose source elements are neighbours too. A
// permutation; the identity in other orders and where `per_row` is 0 (pieces that don't divide a row).
fn column_first(shape: Shape, thread: u32, per_row: u32) -> u32 {
  if (shape.order != rows_order || shape.inner == 1u || per_row == 0u) {
    return thread;
  }
  let sheet = shape.inner * per_row;
  let o = thread / sheet;
  let rest = thread - o * sheet;
  let piece = rest / shape.inner;
  return (o * shape.inner + rest - piece * shape.inner) * per_row + piece;
}

// Pieces of `size` codes in a row; 0 where they don't divide it.
fn pieces_per_row(shape: Shape, size: u32) -> u32 {
  let padded = shape.blocks * shape.block;
  return select(0u, padded / size, padded % size == 0u);
}
