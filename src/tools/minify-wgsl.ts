// Makes linked WGSL small: no comments, no needless white space, short names for what is local to a function.
// A function's text depends on itself alone, so that one that many shaders share is the same text in all of
// them and is shipped once. WGSLIM_READABLE_SHADERS=1 keeps everything, for reading a driver's complaints.

/** A module as the declarations in front, and its functions one by one. */
export interface ShaderParts {
  readonly declarations: string;
  readonly functions: readonly string[];
}

const withoutComments = (code: string): string =>
  code.replaceAll(/\/\*[\s\S]*?\*\//g, " ").replaceAll(/\/\/[^\n]*/g, "");

const tightened = (code: string): string =>
  code
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{}()[\];:,=<>+*/%&|^!?]) ?/g, "$1")
    .trim();

/** Cuts a module at its functions, attributes included. */
function split(code: string): ShaderParts {
  const functions: string[] = [];
  let declarations = "";
  let at = 0;
  for (const match of code.matchAll(/(?:@\w+(?:\([^()]*\))? ?)*\bfn \w+\(/g)) {
    declarations += code.slice(at, match.index);
    let depth = 1;
    for (at = code.indexOf("{", match.index) + 1; depth > 0 && at < code.length; at++) {
      if (code[at] === "{") depth++;
      else if (code[at] === "}") depth--;
    }
    functions.push(code.slice(match.index, at));
  }
  return { declarations: declarations + code.slice(at), functions };
}

/** a, b … z, A … Z, aa, ab …: whatever the function does not use. */
function* shortNames(taken: ReadonlySet<string>): Generator<string, never> {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const reserved = new Set(["as", "do", "fn", "if", "in", "is", "of"]);
  for (let n = 0; ; n++) {
    const high = Math.floor(n / letters.length) - 1;
    const name = (high >= 0 ? (letters[high] ?? "zz") : "") + (letters[n % letters.length] ?? "");
    if (!taken.has(name) && !reserved.has(name)) yield name;
  }
}

/** Renames parameters and local variables, in the order of their declaration. */
function shortenLocals(code: string, modules: ReadonlySet<string>): string {
  const [signature = ""] = /^[^{]*/.exec(code) ?? [];
  const parameters = signature.replaceAll(/@\w+(?:\([^()]*\))?/g, "").matchAll(/(?<=[(,] ?)(\w+):/g);
  const variables = code.matchAll(/\b(?:let|const|var) (\w+)/g);
  const locals = new Set([...parameters, ...variables].map(([, name = ""]) => name));
  for (const [, name = ""] of code.matchAll(/(\w+)\(/g)) locals.delete(name);
  for (const [, name = ""] of code.matchAll(/@builtin\((\w+)\)/g)) locals.delete(name);
  for (const name of modules) locals.delete(name);
  const fresh = shortNames(new Set([...code.matchAll(/[A-Za-z_]\w*/g)].map(([name]) => name).concat([...modules])));
  const renamed = new Map([...locals].map((name) => [name, fresh.next().value]));
  // A member access is not a use of the name; nor is a literal's suffix.
  return code.replaceAll(/(?<![.\w])[A-Za-z_]\w*/g, (name) => renamed.get(name) ?? name);
}

/** The same module, small, in parts that make it up when joined in order. */
export function minifyWgsl(code: string): ShaderParts {
  const plain = withoutComments(code);
  if (process.env["WGSLIM_READABLE_SHADERS"] === "1") return { declarations: plain, functions: [] };
  const { declarations, functions } = split(tightened(plain));
  const modules = new Set([...declarations.matchAll(/[A-Za-z_]\w*/g)].map(([name]) => name));
  return { declarations, functions: functions.map((text) => shortenLocals(text, modules)) };
}
