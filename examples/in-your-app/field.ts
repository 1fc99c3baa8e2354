// The network of this example: a neural field that draws a day by a lake, trained by train.mjs.
import fieldUrl from "./field.bin?url";

export interface Layer {
  readonly rows: number;
  readonly cols: number;
  readonly weight: Float32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer>;
}

export interface Field {
  /** f32 [32, 3]: cycles along x, y and t of the waves that make up the input. */
  readonly waves: Float32Array<ArrayBuffer>;
  readonly layers: readonly Layer[];
}

const waveCount = 32;
const shapes = [
  [64, 64],
  [64, 64],
  [64, 64],
  [3, 64],
] as const;

/** Elements of a row that share a scale. */
export const blockSize = 32;

/** @throws Error where the file is not the one that train.mjs writes */
export async function loadField(): Promise<Field> {
  const response = await fetch(fieldUrl);
  const values = new Float32Array(await response.arrayBuffer());
  let at = 0;
  const take = (count: number): Float32Array<ArrayBuffer> => {
    const part = values.slice(at, at + count);
    at += count;
    return part;
  };
  const waves = take(waveCount * 3);
  const layers = shapes.map(([rows, cols]) => ({ rows, cols, weight: take(rows * cols), bias: take(rows) }));
  if (at !== values.length) throw new Error(`field.bin holds ${values.length} values instead of ${at}.`);
  return { waves, layers };
}
