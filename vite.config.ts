// Builds the package: three public entries and the command line, as ES modules; and the demonstration.
import { builtinModules } from "node:module";
import { defineConfig } from "vite";
import packageJson from "./package.json" with { type: "json" };
import { wgslPlugin } from "./src/tools/wgsl-plugin.ts";

const external = [
  ...builtinModules,
  /^node:/,
  ...Object.keys(packageJson.optionalDependencies),
  ...Object.keys(packageJson.peerDependencies),
  "@napi-rs/canvas",
];

export default defineConfig({
  plugins: [wgslPlugin()],
  define: { __WGSLIM_VERSION__: JSON.stringify(packageJson.version) },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    minify: false,
    sourcemap: false,
    lib: {
      entry: {
        index: "src/index.ts",
        node: "src/node.ts",
        web: "src/web.ts",
        evaluation: "src/evaluation.ts",
        datasets: "src/datasets.ts",
        compute: "src/compute.ts",
        cli: "src/cli/main.ts",
        // `npm start`: built beside the package, left out of its files by package.json.
        start: "examples/start/main.ts",
      },
      formats: ["es"],
    },
    rolldownOptions: { external, output: { chunkFileNames: "chunks/[name]-[hash].js" } },
  },
});
