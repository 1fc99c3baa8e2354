// The example pages as one static site in dist-examples: `npm run examples` serves them, `npm run examples:build`
// builds them. Paths are relative, so the folder works from any place of a static server.
import { resolve } from "node:path";
import { defineConfig } from "vite";
import packageJson from "../package.json" with { type: "json" };
import { wgslPlugin } from "../src/tools/wgsl-plugin.ts";

const page = (path: string): string => resolve(import.meta.dirname, path, "index.html");

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [wgslPlugin()],
  worker: { format: "es", plugins: () => [wgslPlugin()] },
  define: { __WGSLIM_VERSION__: JSON.stringify(packageJson.version) },
  // Models are fetched by URL, never inlined.
  assetsInclude: ["**/*.onnx", "**/*.bin"],
  cacheDir: resolve(import.meta.dirname, "../node_modules/.vite-examples"),
  server: { fs: { allow: [resolve(import.meta.dirname, "..")] } },
  build: {
    target: "es2022",
    outDir: resolve(import.meta.dirname, "../dist-examples"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: { index: page("."), "in-your-app": page("in-your-app"), quantize: page("quantize") },
    },
  },
});
