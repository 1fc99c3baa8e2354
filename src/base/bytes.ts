// Where bytes come from and where they go. Formats and runs see only these two interfaces, never a
// file descriptor, a Blob or a URL. Implementations: formats/sources (web), device-free; node.ts side.

/** A readable extent of bytes of known size. */
export interface ByteSource {
  /** For messages: a path, a URL, a file name. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes from `offset`.
   * @throws FormatError where the range passes the end; IoError where reading fails; AbortedError
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * As `read`, into all of `into`, which is never device memory: spares an allocation for each window of a long
   * read. Absent where it would spare none.
   */
  readInto?(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** A sibling by a path relative to this source's folder (external data); absent where there is none. */
  sibling?(relativePath: string): Promise<ByteSource>;
  close?(): Promise<void>;
}

/** A file being written: bytes may arrive in any order, nothing is visible before `commit`. */
export interface ByteSink {
  readonly name: string;
  /** Writes at a position; the total size is announced by `allocate`. */
  writeAt(offset: number, bytes: Uint8Array): Promise<void>;
  /** Announces the final size; a sink may fail early here (full disk). */
  allocate(size: number): Promise<void>;
  /** Makes a second file beside this one (external data); committed and dropped with this one. */
  sibling(fileName: string): Promise<ByteSink>;
  /** Makes the file visible under its name, at once. */
  commit(): Promise<void>;
  /** Drops all that was written; the earlier file of that name, if any, is untouched. */
  discard(): Promise<void>;
  /** Reads back what was written, before or after `commit`. */
  asSource(): Promise<ByteSource>;
}
