// Tests that need a real Chrome; `npm run test:browser`.
import { defineConfig } from "vitest/config";
import packageJson from "./package.json" with { type: "json" };
import { wgslPlugin } from "./src/tools/wgsl-plugin.ts";
import { SummaryReporter } from "./test/support/summary-reporter.ts";

export default defineConfig({
  plugins: [wgslPlugin()],
  define: { __WGSLIM_VERSION__: JSON.stringify(packageJson.version) },
  test: {
    name: "browser",
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 900_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    pool: "forks",
    reporters: ["default", new SummaryReporter("node_modules/.cache/wgslim/browser.json")],
  },
});
