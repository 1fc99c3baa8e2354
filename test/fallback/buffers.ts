// Compares the buffers of kernels; matchers take minutes for megabytes.

/** Where two sets of buffers differ first; undefined where they don't. */
export function differenceAt(ours: readonly Uint8Array[], theirs: readonly Uint8Array[]): string | undefined {
  for (const [index, bytes] of theirs.entries()) {
    const other = ours[index] ?? new Uint8Array();
    for (let at = 0; at < Math.max(bytes.length, other.length); at++) {
      if (bytes[at] !== other[at]) return `buffer ${index}, byte ${at}: ${other[at]} instead of ${bytes[at]}`;
    }
  }
  return undefined;
}
