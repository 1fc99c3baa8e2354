// JSON for headers of files that may be hostile: keys must be unique, nesting is bounded, and objects are maps, so
// that no key ("__proto__") is special. Values are those of RFC 8259; nothing may follow but spaces. As in the format's
// own reader, text must be encodable (no lone surrogates), and 1.0, 1e0 and -0 are no sizes: they come out as NaN.

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

export const isObject = (value: Json | undefined): value is JsonObject => value instanceof Map;

const maxDepth = 32;
const space = /[ \t\n\r]*/y;
const plain = /^\d+$/;
const loneSurrogate = /\p{Cs}/u;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Escapes and forbidden characters are judged by the engine. */
function parsedString(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

class Parser {
  readonly #text: string;
  readonly #fail: (what: string) => Error;
  #at = 0;

  constructor(source: string, fail: (what: string) => Error) {
    this.#text = source;
    this.#fail = fail;
  }

  document(): Json {
    const value = this.#value(0);
    this.#match(space);
    if (this.#at < this.#text.length) throw this.#error("something after the end");
    return value;
  }

  #error(what: string): Error {
    return this.#fail(`JSON with ${what} at character ${this.#at}`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Skips spaces, and takes the character if it comes. */
  #take(character: string): boolean {
    this.#match(space);
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw this.#error(`no "${character}" where one must be`);
  }

  #value(depth: number): Json {
    if (depth > maxDepth) throw this.#error(`nesting deeper than ${maxDepth}`);
    if (this.#take("{")) return this.#object(depth);
    if (this.#take("[")) return this.#list(depth);
    if (this.#text[this.#at] === '"') return this.#string();
    const digits = this.#match(number);
    if (digits !== undefined) return plain.test(digits) ? Number(digits) : Number.NaN;
    for (const [word, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    throw this.#error("no value where one must be");
  }

  #string(): string {
    this.#match(space);
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#error("no string where one must be");
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    const value = parsedString(this.#text.slice(start, end + 1));
    if (value === undefined || loneSurrogate.test(value)) throw this.#error("a broken string");
    this.#at = end + 1;
    return value;
  }

  #object(depth: number): JsonObject {
    const entries = new Map<string, Json>();
    if (this.#take("}")) return entries;
    do {
      const key = this.#string();
      if (entries.has(key)) throw this.#error(`the key "${key}" twice`);
      this.#expect(":");
      entries.set(key, this.#value(depth + 1));
    } while (this.#take(","));
    this.#expect("}");
    return entries;
  }

  #list(depth: number): Json[] {
    const items: Json[] = [];
    if (this.#take("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#take(","));
    this.#expect("]");
    return items;
  }
}

/** Parses one value. @throws what `fail` makes of a description of the first fault */
export const parseJson = (source: string, fail: (what: string) => Error): Json => new Parser(source, fail).document();
