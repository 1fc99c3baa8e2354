// Reference of nn/grid-sample: element by element, each tap weighed by its distance, in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

/** Weight of an element at a distance, by mode. */
const weights: readonly ((distance: number) => number)[] = [
  () => 1,
  (d) => Math.max(0, 1 - d),
  (d) => (d <= 1 ? 1.25 * d ** 3 - 2.25 * d ** 2 + 1 : d < 2 ? -0.75 * (d ** 3 - 5 * d ** 2 + 8 * d - 4) : 0),
];

/** Farther out is not told apart. */
const limited = (value: number): number => Math.min(Math.max(value, -(2 ** 23)), 2 ** 23);

function roundEven(value: number): number {
  const low = Math.floor(value);
  const odd = value - low === 0.5 ? low % 2 !== 0 : value - low > 0.5;
  return odd ? low + 1 : low;
}

/** Walks back and forth between the ends until within. */
function reflected(tap: number, size: number, align: number): number {
  if (size === 1) return 0;
  const period = align === 1 ? 2 * size - 2 : 2 * size;
  const turned = ((tap % period) + period) % period;
  return turned < size ? turned : period - turned - (align === 1 ? 0 : 1);
}

export const gridSampleReference: KernelReference = (params, [x, grid, y]) => {
  if (!x || !grid || !y) return;
  const { count = 0, channels = 1, points = 1, depth = 1, height = 1, width = 1 } = params;
  const { dims = 2, mode = 0, padding = 0, align = 0 } = params;
  const [from, at, to] = [asF32(x), asF32(grid), asF32(y)];

  const placeOf = (tap: number, size: number): number => {
    if (tap >= 0 && tap < size) return tap;
    if (padding === 0) return -1;
    return padding === 1 ? Math.min(Math.max(tap, 0), size - 1) : reflected(tap, size, align);
  };
  /** Elements and weights along one side. */
  const tapsAt = (given: number, size: number): [number, number][] => {
    const point = Number.isNaN(given) ? -(2 ** 23) : limited(given);
    const center = limited(align === 1 ? ((point + 1) / 2) * (size - 1) : ((point + 1) * size - 1) / 2);
    const first = mode === 0 ? roundEven(center) : Math.floor(center) - (mode === 2 ? 1 : 0);
    return Array.from({ length: 2 ** mode }, (_, i): [number, number] => [
      placeOf(first + i, size),
      weights[mode]?.(Math.abs(first + i - center)) ?? 0,
    ]).filter(([place]) => place >= 0);
  };

  for (let item = 0; item < count; item++) {
    const plane = Math.floor(item / points);
    const point = dims * (Math.floor(plane / channels) * points + (item % points));
    let sum = 0;
    for (const [z, wz] of dims === 3 ? tapsAt(at[point + 2] ?? 0, depth) : [[0, 1] as const]) {
      for (const [row, wy] of tapsAt(at[point + 1] ?? 0, height)) {
        for (const [column, wx] of tapsAt(at[point] ?? 0, width)) {
          sum += wz * wy * wx * (from[((plane * depth + z) * height + row) * width + column] ?? 0);
        }
      }
    }
    to[item] = sum;
  }
};
