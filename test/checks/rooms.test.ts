// Every kernel is a room with four walls at one path, and its spec says what its shader says.
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { WgslReflect } from "wgsl_reflect";
import { graphKernelReferences } from "../../src/kernels/graph-references.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";

const root = resolve(import.meta.dirname, "../..");

const idsUnder = (folder: string, ending: string): string[] =>
  readdirSync(resolve(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(ending) && !file.startsWith("common/"))
    .map((file) => file.slice(0, -ending.length))
    .toSorted();

// Some kernels are in both registries.
const specs = Object.values({ ...kernelSpecs, ...graphKernelSpecs });
const references = { ...kernelReferences, ...graphKernelReferences };
const specIds = specs.map((spec) => spec.id).toSorted();

describe("kernel rooms", () => {
  it.each([
    ["shaders", ".wgsl"],
    ["src/kernels", ".ref.ts"],
    ["test/kernels", ".cases.ts"],
    ["test/kernels", ".test.ts"],
  ])("has a wall under %s (%s) for every spec and no other", (folder, ending) => {
    expect(idsUnder(folder, ending)).toEqual(specIds);
  });

  it("has a reference under the same id for every spec", () => {
    expect(Object.keys(references).toSorted()).toEqual(specIds);
    for (const id of specIds) expect(readFileSync(resolve(root, `src/kernels/${id}.ts`), "utf8")).toContain(id);
  });
});

describe.each(
  specs.flatMap((spec) => spec.variants.map((variant) => ({ spec, variant, name: `${spec.id} [${variant.name}]` }))),
)("$name", ({ spec, variant }) => {
  const shader = new WgslReflect(interfaceOf(variant.wgsl));

  it("has one compute entry point, main", () => {
    expect(shader.entry.compute.map((entry) => entry.name)).toEqual(["main"]);
    expect(shader.entry.vertex.length + shader.entry.fragment.length).toBe(0);
  });

  it("binds what the spec says, in its order", () => {
    const storage = shader.storage.toSorted((a, b) => a.binding - b.binding);
    expect(storage.map((s) => [s.group, s.binding, s.name, s.access])).toEqual(
      spec.bindings.map((binding, i) => [0, i + 1, binding.name, binding.access]),
    );
    expect(spec.bindings.length).toBeLessThanOrEqual(8);
  });

  it("takes the params that the spec says", () => {
    const members = shader.uniforms.flatMap((uniform) => uniform.members ?? []);
    expect(members.map((m) => [snakeToCamel(m.name), m.type.name])).toEqual(
      spec.params.map(([name, type]) => [snakeToCamel(name), type]),
    );
  });

  it("declares the overrides that the spec says", () => {
    expect(shader.overrides.map((o) => o.name).toSorted()).toEqual(Object.keys(spec.overrides).toSorted());
  });
});

/** The module without function bodies and helpers: the reflection library's parser trips over minified expressions. */
function interfaceOf(wgsl: string): string {
  let out = "";
  let at = 0;
  for (const match of wgsl.matchAll(/\bfn (\w+)\(/g)) {
    if (match.index < at) continue;
    const open = wgsl.indexOf("{", match.index);
    out += wgsl.slice(at, match[1] === "main" ? open : match.index);
    if (match[1] === "main") out += "{}";
    let depth = 1;
    for (at = open + 1; depth > 0 && at < wgsl.length; at++) depth += { "{": 1, "}": -1 }[wgsl[at] ?? ""] ?? 0;
  }
  return (out + wgsl.slice(at)).replaceAll(/\bconst \w+(?::[^=;]+)?=[^;]*;/g, "");
}

function snakeToCamel(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
