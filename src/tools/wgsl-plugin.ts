// Vite plugin: links a WGSL file with what it imports from shaders/ and hands it over as one
// minified string, so that neither the linker nor the sources reach the user.
// `x.wgsl?f16&wide` links with the WESL conditions `f16` and `wide` on; all others are off.
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { link } from "wesl";

/** The part of Vite's plugin interface that is used here; kept structural so that vitest's Vite fits too. */
export interface ShaderPlugin {
  name: string;
  enforce: "pre";
  load(this: { addWatchFile(id: string): void }, id: string): Promise<string | undefined>;
}

const shaderRoot = resolve(import.meta.dirname, "../../shaders");

/** Every WGSL source under shaders/, keyed as WESL wants module paths: `./quantize/x.wgsl`. */
function readSources(): Record<string, string> {
  const files = readdirSync(shaderRoot, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".wgsl"));
  return Object.fromEntries(
    files.map((f) => [`./${f.replaceAll("\\", "/")}`, readFileSync(join(shaderRoot, f), "utf8")]),
  );
}

/** WESL wants every condition that a file names to be given; the ones not asked for are off. */
function conditionsOf(sources: Record<string, string>, on: readonly string[]): Record<string, boolean> {
  const named = new Set<string>();
  for (const text of Object.values(sources)) {
    for (const [, expression] of text.matchAll(/@(?:el)?if\s*\(([^)]*)\)/g)) {
      for (const name of expression?.match(/[A-Za-z_]\w*/g) ?? []) named.add(name);
    }
  }
  return Object.fromEntries([...named, ...on].map((name) => [name, on.includes(name)]));
}

/** Drops comments and needless white space; names stay, since overrides and bindings are looked up by name. */
export function minifyWgsl(code: string): string {
  return code
    .replaceAll(/\/\*[\s\S]*?\*\//g, " ")
    .replaceAll(/\/\/[^\n]*/g, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{}()[\];:,=<>+*/%&|^!?]) ?/g, "$1")
    .trim();
}

/** Links one shader file under shaders/ to plain WGSL. */
export async function linkShader(file: string, conditions: readonly string[]): Promise<string> {
  const weslSrc = readSources();
  const rootModuleName = relative(shaderRoot, file)
    .replaceAll("\\", "/")
    .replace(/\.wgsl$/, "");
  const linked = await link({ weslSrc, rootModuleName, conditions: conditionsOf(weslSrc, conditions) });
  return linked.dest;
}

export function wgslPlugin(): ShaderPlugin {
  return {
    name: "wgslim-wgsl",
    enforce: "pre",
    async load(id) {
      const [file = "", query = ""] = id.split("?");
      if (!file.endsWith(".wgsl")) return undefined;
      this.addWatchFile(file);
      const conditions = query.split("&").filter((flag) => flag !== "" && !/^[tv]=/.test(flag));
      const code = minifyWgsl(await linkShader(file, conditions));
      return `export default ${JSON.stringify(code)};`;
    },
  };
}
