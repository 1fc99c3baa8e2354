// One suite, several projects: `unit` needs no device; every `gpu:*` project runs the same files on one adapter.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import packageJson from "./package.json" with { type: "json" };
import { wgslPlugin } from "./src/tools/wgsl-plugin.ts";
import { SummaryReporter } from "./test/support/summary-reporter.ts";

const gpuTests = ["test/{kernels,device,run,gpu,runtimes}/**/*.test.ts"];
const llvmpipeManifest = "/usr/share/vulkan/icd.d/lvp_icd.json";
const adapters = ["swiftshader", ...(existsSync(llvmpipeManifest) ? ["llvmpipe"] : [])];

export default defineConfig({
  plugins: [wgslPlugin()],
  // Its Node build is CommonJS under "type": "module" and cannot be loaded; its ES module can.
  resolve: {
    alias: { wgsl_reflect: resolve(import.meta.dirname, "node_modules/wgsl_reflect/wgsl_reflect.module.js") },
  },
  define: { __WGSLIM_VERSION__: JSON.stringify(packageJson.version) },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    reporters: ["default", new SummaryReporter("node_modules/.cache/wgslim/main.json")],
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: [...gpuTests, "test/browser/**"] },
      },
      ...adapters.map((adapter) => ({
        extends: true as const,
        test: { name: `gpu:${adapter}`, include: gpuTests, env: { WGSLIM_ADAPTER: adapter } },
      })),
    ],
  },
});
