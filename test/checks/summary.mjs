// Adds up the test counts of a CI run, fails where an expected project ran no test, and prints the closing line.
// Usage: node test/checks/summary.mjs EXIT_CODE PROJECT...
import { existsSync, readFileSync } from "node:fs";

const [exitCode = "0", ...expected] = process.argv.slice(2);
const files = ["main", "browser"]
  .map((name) => `node_modules/.cache/wgslim/${name}.json`)
  .filter((file) => existsSync(file));
const projects = Object.assign({}, ...files.map((file) => JSON.parse(readFileSync(file, "utf8"))));
let { passed, failed, skipped } = { passed: 0, failed: 0, skipped: 0 };
for (const [name, counts] of Object.entries(projects)) {
  console.log(`${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  passed += counts.passed;
  failed += counts.failed;
  skipped += counts.skipped;
}
const silent = expected.filter((name) => !(projects[name]?.passed > 0));
if (silent.length > 0) console.error(`No test passed in: ${silent.join(", ")}`);
if (exitCode !== "0" && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed + silent.length} failed, ${skipped} skipped`);
process.exit(exitCode !== "0" || failed > 0 || silent.length > 0 ? 1 : 0);
