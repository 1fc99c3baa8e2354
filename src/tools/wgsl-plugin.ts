// Vite plugin: links a WGSL file with what it imports from shaders/ and hands it over as one
// minified string, so that neither the linker nor the sources reach the user. Functions that several
// shaders share become modules of their own, and so are in a bundle once.
// `x.wgsl?f16&wide` links with the WESL conditions `f16` and `wide` on; all others are off.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { link } from "wesl";
import { minifyWgsl } from "./minify-wgsl.ts";

/** The part of Vite's plugin interface that is used here; kept structural so that vitest's Vite fits too. */
export interface ShaderPlugin {
  name: string;
  enforce: "pre";
  resolveId(id: string): string | undefined;
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

/** Links one shader file under shaders/ to plain WGSL. */
export async function linkShader(file: string, conditions: readonly string[]): Promise<string> {
  const weslSrc = readSources();
  const rootModuleName = relative(shaderRoot, file)
    .replaceAll("\\", "/")
    .replace(/\.wgsl$/, "");
  const linked = await link({ weslSrc, rootModuleName, conditions: conditionsOf(weslSrc, conditions) });
  return linked.dest;
}

const partPrefix = "virtual:wgsl-function/";

/** Texts of functions by the hash that names their module; shared by all instances of the plugin in a process. */
const parts = new Map<string, string>();

function partModule(text: string): string {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  parts.set(hash, text);
  return `${partPrefix}${hash}`;
}

export function wgslPlugin(): ShaderPlugin {
  return {
    name: "wgslim-wgsl",
    enforce: "pre",
    resolveId(id) {
      return id.startsWith(partPrefix) ? `\0${id}` : undefined;
    },
    async load(id) {
      if (id.startsWith(`\0${partPrefix}`))
        return `export default ${JSON.stringify(parts.get(id.slice(partPrefix.length + 1)))};`;
      const [file = "", query = ""] = id.split("?");
      if (!file.endsWith(".wgsl")) return undefined;
      this.addWatchFile(file);
      const conditions = query.split("&").filter((flag) => flag !== "" && !/^[tv]=/.test(flag));
      const { declarations, functions } = minifyWgsl(await linkShader(file, conditions));
      const imports = functions.map((text, i) => `import f${i} from ${JSON.stringify(partModule(text))};`);
      const code = [JSON.stringify(declarations), ...functions.map((_, i) => `f${i}`)].join("+");
      return `${imports.join("\n")}\nexport default ${code};`;
    },
  };
}
