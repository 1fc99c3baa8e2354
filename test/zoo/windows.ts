// The tables of shifted windows: which entry of the bias table belongs to a pair of places, and which pairs of places
// are neighbours only because the picture was rolled.

/** For every pair of places in a window, the row of its offset in a table of (2 window - 1)² offsets. */
export function relativeIndex(window: number): number[] {
  const area = window * window;
  return Array.from({ length: area * area }, (_, at) => {
    const [from, to] = [Math.floor(at / area), at % area];
    const rows = Math.floor(from / window) - Math.floor(to / window) + window - 1;
    const columns = (from % window) - (to % window) + window - 1;
    return rows * (2 * window - 1) + columns;
  });
}

/** For every window and pair of places in it: whether the two lie apart in the picture before it was rolled. */
export function shiftMask(side: number, window: number, shift: number): boolean[] {
  // Along one axis there are three stretches: whole windows, and the two parts of the last, cut by the roll.
  const stretch = (at: number): number => (at < side - window ? 0 : at < side - shift ? 1 : 2);
  const [count, area] = [side / window, window * window];
  const region = (index: number, place: number): number => {
    const row = Math.floor(index / count) * window + Math.floor(place / window);
    const column = (index % count) * window + (place % window);
    return 3 * stretch(row) + stretch(column);
  };
  return Array.from({ length: count * count * area * area }, (_, at) => {
    const index = Math.floor(at / (area * area));
    return region(index, Math.floor(at / area) % area) !== region(index, at % area);
  });
}
