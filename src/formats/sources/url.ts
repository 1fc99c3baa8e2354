// A source over HTTP: byte ranges where the server has them, one download where it has not. The file
// must stay the same while it is read: size and ETag (or Last-Modified) of every answer are compared.
import type { ByteSource } from "../../base/bytes.ts";
import { AbortedError, IoError, WgslimError, throwIfAborted } from "../../base/errors.ts";
import { checkRange, requireSafePath } from "./checks.ts";
import { fromBytes } from "./memory.ts";

export interface UrlOptions {
  /** Default: the global fetch. */
  readonly fetch?: typeof globalThis.fetch;
  /** Sent with every request (authorization …), to siblings too. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Largest file that is downloaded whole, where the server has no ranges; default 2 GiB. */
  readonly maxDownloadBytes?: number;
}

/** The first request asks for this much: enough to see small models whole. */
const probeBytes = 64 * 1024;
const retryHint = "Check the address and the network, then try again.";

interface Answer {
  readonly response: Response;
  readonly from: number;
  readonly to: number;
  readonly total: number;
}

/** "bytes 0-99/1234"; undefined for anything else, unknown totals included. */
function parseContentRange(response: Response): Omit<Answer, "response"> | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (!match) return undefined;
  const [from, to, total] = match.slice(1).map(Number);
  if (from === undefined || to === undefined || total === undefined) return undefined;
  return from <= to && to < total && Number.isSafeInteger(total) ? { from, to, total } : undefined;
}

const validatorOf = (response: Response): string | undefined =>
  response.headers.get("etag") ?? response.headers.get("last-modified") ?? undefined;

const isEncoded = (response: Response): boolean =>
  (response.headers.get("content-encoding") ?? "identity") !== "identity";

/** Reads at most `limit` bytes of a body; more is an error. `exact` demands all of them. */
async function readBody(response: Response, name: string, limit: number, exact: boolean): Promise<Uint8Array> {
  const fail = (what: string): IoError =>
    new IoError(`${name}: ${what}.`, { hint: retryHint, details: { file: name, limit } });
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    length += part.value.length;
    if (length > limit) {
      await reader?.cancel();
      throw fail(`the server sent more than ${limit} bytes`);
    }
    chunks.push(part.value);
  }
  if (exact && length !== limit) throw fail(`the server sent ${length} bytes of ${limit}`);
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Turns what fetch and body reading throw into IoError or AbortedError. */
async function guarded<T>(name: string, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof WgslimError) throw cause;
    if (signal?.aborted) throw new AbortedError(undefined, { cause: signal.reason });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IoError(`${name}: the request failed: ${why}.`, { hint: retryHint, details: { file: name }, cause });
  }
}

/**
 * Opens a URL. Siblings are looked for in the same folder of the same origin only.
 * @throws IoError where the server refuses, or later where the file changes while it is read
 */
export async function fromUrl(url: string | URL, options: UrlOptions = {}): Promise<ByteSource> {
  const address = new URL(url);
  const name = address.href;
  const get = options.fetch ?? globalThis.fetch;
  const request = (range: string | undefined, signal: AbortSignal | undefined): Promise<Response> => {
    // An encoded body would make ranges meaningless; pages may not set this header, and need not.
    const headers = { ...options.headers, "accept-encoding": "identity", ...(range ? { range } : {}) };
    return get(address.href, { headers, ...(signal ? { signal } : {}) });
  };
  const refused = (response: Response): IoError =>
    new IoError(`${name}: the server answered ${response.status} ${response.statusText}.`, {
      hint: retryHint,
      details: { file: name, status: response.status },
    });

  const sibling = async (relativePath: string): Promise<ByteSource> => {
    const path = requireSafePath(relativePath, name).map(encodeURIComponent).join("/");
    const folder = new URL(".", `${address.origin}${address.pathname}`);
    const target = new URL(`./${path}`, folder);
    if (!target.href.startsWith(folder.href)) {
      throw new IoError(`${name}: "${relativePath}" is not in its folder.`, { details: { file: name } });
    }
    return fromUrl(target, options);
  };

  return guarded(name, options.signal, async () => {
    let response = await request(`bytes=0-${probeBytes - 1}`, options.signal).catch((error: unknown) => {
      // Browsers fail a ranged request whose answer is compressed all the same, and where CORS refuses the header.
      if (options.signal?.aborted) throw error;
      return request(undefined, options.signal);
    });
    const range = response.status === 206 && !isEncoded(response) ? parseContentRange(response) : undefined;
    const validator = validatorOf(response);
    if (range?.from === 0) {
      const { total } = range;
      const head = await readBody(response, name, range.to + 1, true);
      return { name, size: total, read: rangeReader({ name, total, validator, head, request }), sibling };
    }
    if (response.status === 416 && /^bytes \*\/0$/.test(response.headers.get("content-range") ?? "")) {
      await response.body?.cancel();
      return { ...fromBytes(name, new Uint8Array(0)), sibling };
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status !== 206 && response.status !== 416) throw refused(response);
      response = await request(undefined, options.signal);
    }
    if (response.status !== 200) throw refused(response);
    const bytes = await readBody(response, name, options.maxDownloadBytes ?? 2 ** 31, false);
    const announced = isEncoded(response) ? null : response.headers.get("content-length");
    if (announced !== null && Number(announced) !== bytes.length) {
      throw new IoError(`${name}: the download broke off after ${bytes.length} of ${announced} bytes.`, {
        hint: retryHint,
        details: { file: name },
      });
    }
    return { ...fromBytes(name, bytes), sibling };
  });
}

function rangeReader(file: {
  readonly name: string;
  readonly total: number;
  readonly validator: string | undefined;
  readonly head: Uint8Array;
  readonly request: (range: string, signal: AbortSignal | undefined) => Promise<Response>;
}): ByteSource["read"] {
  const { name, total, validator, head } = file;
  const changed = (what: string): IoError =>
    new IoError(`${name}: ${what} while the file was read.`, {
      hint: "The file on the server changed or the server is at fault; open it again.",
      details: { file: name },
    });
  return async (offset, length, signal) => {
    throwIfAborted(signal);
    checkRange({ name, size: total }, offset, length);
    if (offset + length <= head.length) return head.subarray(offset, offset + length);
    return guarded(name, signal, async () => {
      const last = offset + length - 1;
      const response = await file.request(`bytes=${offset}-${last}`, signal);
      const range = response.status === 206 && !isEncoded(response) ? parseContentRange(response) : undefined;
      let fault: string | undefined;
      if (response.status !== 206) fault = `the server answered ${response.status} instead of a range`;
      else if (range?.from !== offset || range.to !== last) fault = "the server sent another range than asked for";
      else if (range.total !== total) fault = "the size changed";
      else if (validatorOf(response) !== validator) fault = "the content changed";
      if (fault === undefined) return readBody(response, name, length, true);
      await response.body?.cancel();
      throw changed(fault);
    });
  };
}
